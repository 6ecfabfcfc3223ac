#!/usr/bin/env python3
"""Check references and invariants of the stored data; `scripts/doctor.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "doctor", *sys.argv[1:])
