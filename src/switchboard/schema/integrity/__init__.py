"""What `doctor` looks for, and how it mends it."""
