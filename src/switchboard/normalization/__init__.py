"""Bringing the documents of people to one shape, while others go on writing them."""
