"""Invites to organizations."""
