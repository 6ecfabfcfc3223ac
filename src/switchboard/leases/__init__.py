"""Holding a calendar: Google is asked for it, and its events are written, only while its lease is ours."""
