"""Activating, deactivating, deleting and restoring agents."""
