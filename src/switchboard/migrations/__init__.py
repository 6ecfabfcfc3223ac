"""Numbered steps that bring stored data into the shape this version expects, and running them once."""
