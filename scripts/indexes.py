#!/usr/bin/env python3
"""Compare and make the indexes of the collections; `scripts/indexes.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "indexes", *sys.argv[1:])
