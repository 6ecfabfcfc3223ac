"""What changed about agents, as a feed that internal services follow."""
