"""The first call after sign-in: everything a front end needs to draw itself."""
