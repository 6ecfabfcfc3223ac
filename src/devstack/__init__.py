"""What stands in for the outside world on a laptop and in tests: mongod, PropelAuth, Google, demo data.

Never imported by switchboard and not part of its wheel.
"""
