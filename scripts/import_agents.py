#!/usr/bin/env python3
"""Import agents of the older agents service; `scripts/import_agents.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "import-agents", *sys.argv[1:])
