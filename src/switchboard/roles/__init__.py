"""Roles, and what each of them permits."""
