#!/usr/bin/env python3
"""Anonymise a person who is gone; `scripts/anonymise_user.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "anonymise-user", *sys.argv[1:])
