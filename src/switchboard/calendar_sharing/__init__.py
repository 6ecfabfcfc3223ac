"""What an organization sees of its members' calendars, as each of them chose."""
