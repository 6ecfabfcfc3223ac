"""The paths for organizations and users that existing front ends call."""
