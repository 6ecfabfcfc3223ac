"""The calendars of an organization's members seen together, each as far as its owner shows it."""
