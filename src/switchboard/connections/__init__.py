"""A person's connection to Google: consent, the state of access, always-working access tokens."""
