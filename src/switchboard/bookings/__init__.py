"""Events that are made here: created, changed and cancelled at Google, and seen here at once."""
