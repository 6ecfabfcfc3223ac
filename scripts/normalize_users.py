#!/usr/bin/env python3
"""Bring every user document into one shape; `scripts/normalize_users.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "normalize-users", *sys.argv[1:])
