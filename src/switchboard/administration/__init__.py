"""What happens to organizations as a whole: created, changed, deleted."""
