"""The paths for agents that existing front ends call."""
