"""`switchboard`, and `python -m switchboard`."""

import gc
import os
import sys

INTERRUPTED = 130


def main() -> None:
    """Run a command. What it needs takes a second to load, in which Ctrl-C is no traceback either."""
    gc.disable()  # what is loaded stays: to look for garbage in it takes a fifth of the time
    try:
        from switchboard.bootstrap import set_up_logging
        from switchboard.cli import main as run
        from switchboard.settings import LogSettings
    except KeyboardInterrupt:
        sys.stderr.write("Stopped. Nothing was done.\n")
        raise SystemExit(INTERRUPTED) from None
    gc.enable()
    set_up_logging(LogSettings(level="warning", format="console"))  # to standard error; reports go to the other
    try:
        run()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _end_at_once()
        raise


def _end_at_once() -> None:
    """End without the driver's threads, which may wait for MongoDB for minutes and which nobody needs any more."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
