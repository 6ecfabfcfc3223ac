"""Sealing every stored secret anew, by the newest key."""
