"""Agents of another service taken over: read in any of its shapes, and written as if they were made here."""
