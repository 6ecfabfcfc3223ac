"""Which keys sealed what is stored here, so that a process with a wrong or missing key does not start."""
