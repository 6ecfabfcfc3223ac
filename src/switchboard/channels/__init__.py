"""Push channels: Google tells that something changed in a calendar, and the calendar is pulled."""
