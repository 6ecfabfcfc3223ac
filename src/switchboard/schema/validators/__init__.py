"""Validators of the collections, made from the registry."""
