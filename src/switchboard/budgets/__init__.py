"""How many requests the work in the background may send to Google, all processes together."""
