"""When people are busy, and when enough of them are free."""
