"""Organizations, mirrored from PropelAuth: what they are, who may do what in them, their own changes."""
