#!/usr/bin/env python3
"""Apply numbered steps to the stored data; `scripts/migrate.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "migrate", *sys.argv[1:])
