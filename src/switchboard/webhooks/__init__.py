"""Events of vendors: each is a hint that leads to a fetch."""
