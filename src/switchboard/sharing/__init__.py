"""Agents shared with other organizations, by the one that owns them."""
