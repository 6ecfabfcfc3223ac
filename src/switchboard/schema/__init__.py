"""The registry of the entities, and what is made from it."""
