"""The sync engine: calendars are pulled from Google whole or by their changes, by any number of processes."""
