"""Agents' effective configurations, for the services that run them."""
