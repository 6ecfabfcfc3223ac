"""Who did what, where, when: one entry in the same transaction as each change."""
