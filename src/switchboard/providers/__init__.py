"""Providers of speech and recognition, and the catalogue that describes them and every field of an agent."""
