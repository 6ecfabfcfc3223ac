"""The comparison with PropelAuth, for events that never came."""
