"""`switchboard`, and `python -m switchboard`."""

import sys

INTERRUPTED = 130


def main() -> None:
    """Run a command. What it needs takes a second to load, in which Ctrl-C is no traceback either."""
    try:
        from switchboard.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("Stopped. Nothing was done.\n")
        raise SystemExit(INTERRUPTED) from None
    run()


if __name__ == "__main__":
    main()
