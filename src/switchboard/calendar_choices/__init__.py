"""Which of the calendars that Google shows a person are here beside their own."""
