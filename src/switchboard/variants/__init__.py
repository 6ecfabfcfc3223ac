"""Agents in the shapes that other programs store and send, read into ours."""
