"""What internal services get over HTTP, and the keys that say who they are."""
