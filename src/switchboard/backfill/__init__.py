"""Everything of PropelAuth brought here at once: organizations, members, invites, people."""
