"""Every state that an agent was in: read, compared, brought back."""
