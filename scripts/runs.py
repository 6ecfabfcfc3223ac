#!/usr/bin/env python3
"""Look at runs of long work, take them back, give them up; `scripts/runs.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "runs", *sys.argv[1:])
