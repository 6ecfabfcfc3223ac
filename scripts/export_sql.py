#!/usr/bin/env python3
"""Export the entities to a SQL database or to SQL files; `scripts/export_sql.py --help` says how."""

import sys

from environment import enter

enter("-m", "switchboard", "export-sql", *sys.argv[1:])
