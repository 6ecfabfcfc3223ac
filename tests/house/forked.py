"""What `test_fork_server` forks: says where it is, then leaves with the code it is given, or stays."""

import os
import signal
import sys

if __name__ == "__main__":
    sys.stdout.write(f"{os.getpid()} {os.getcwd()} {sorted(os.environ)} {sys.argv[1:]}\n")
    sys.stdout.flush()
    sys.stderr.write("said\n")
    if sys.argv[1] == "stay":
        signal.pause()
    raise SystemExit(int(sys.argv[1]))
