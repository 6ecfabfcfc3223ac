#!/usr/bin/env python3
"""Compare and set the validators of the collections; `scripts/validators.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "validators", *sys.argv[1:])
