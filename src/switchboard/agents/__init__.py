"""Agents: what they are, who has them, how they change, and every state they were in."""
