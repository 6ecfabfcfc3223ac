"""Whether an agent can take calls, and what is missing."""
