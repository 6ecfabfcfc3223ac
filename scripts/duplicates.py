#!/usr/bin/env python3
"""List users that have more than one document; `scripts/duplicates.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "duplicates", *sys.argv[1:])
