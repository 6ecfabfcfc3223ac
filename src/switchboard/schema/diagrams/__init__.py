"""Pictures of the entities and pages about them, made from the registry."""
