"""Events of calendars: what Google's items mean for the stored ones, and how they are kept and found."""
