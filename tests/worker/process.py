"""`switchboard worker` whose leases and grace last as long as the arguments say, in seconds."""

import sys

from switchboard import worker
from switchboard.calendars import documents
from switchboard.cli import cli

if __name__ == "__main__":
    documents.LEASE_SECONDS, worker.GRACE_SECONDS = float(sys.argv[1]), float(sys.argv[2])
    worker.FAILURE_SECONDS = 0.2
    cli(["worker"])
