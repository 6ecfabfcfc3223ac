"""Switchboard: the backend of a multi-tenant admin panel for AI voice agents. Importing it does nothing."""

__version__ = "0.1.0"
