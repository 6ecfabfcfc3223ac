"""What an editor edits of an agent, a revision keeps and a service runs."""
