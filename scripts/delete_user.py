#!/usr/bin/env python3
"""Delete a person who is gone; `scripts/delete_user.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "delete-user", *sys.argv[1:])
