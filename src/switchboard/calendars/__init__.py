"""Calendars of people: connecting them, choosing which, and how each stands."""
