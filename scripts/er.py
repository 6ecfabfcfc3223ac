#!/usr/bin/env python3
"""Draw the entities and write docs/data-model.md; `scripts/er.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "er", *sys.argv[1:])
