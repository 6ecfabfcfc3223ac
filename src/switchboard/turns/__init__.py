"""One at a time: whoever writes to a person's time holds their turn meanwhile."""
