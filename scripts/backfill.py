#!/usr/bin/env python3
"""Mirror organizations, members, invites and people from PropelAuth; `scripts/backfill.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "backfill", *sys.argv[1:])
