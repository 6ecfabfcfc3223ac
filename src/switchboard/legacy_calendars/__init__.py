"""The paths of the older calendar backend, as the existing front end calls them."""
