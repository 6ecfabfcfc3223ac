"""Indexes of the collections, compared with the registry."""
