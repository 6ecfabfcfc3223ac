"""Who belongs to which organization, and the changes of that which are under way."""
