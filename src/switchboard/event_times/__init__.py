"""When an event is to be: read from what people and programs write, moved, and told to Google."""
