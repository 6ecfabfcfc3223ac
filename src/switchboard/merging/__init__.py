"""Making one document of several that are one person's."""
