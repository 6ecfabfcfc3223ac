"""Making, changing and copying agents."""
