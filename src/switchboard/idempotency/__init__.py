"""Answers to POSTs that carry an Idempotency-Key, kept so that a repeated one is answered the same."""
