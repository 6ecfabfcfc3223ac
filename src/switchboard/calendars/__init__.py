"""Calendars of people, pulled from Google and kept in step; their events."""
