"""Run a command that the kernel kills when its parent ends, however the parent ends (Linux).

    python die_with_parent.py PARENT_PID COMMAND [ARGUMENT ...]

The command replaces this program, so it keeps the process id. It is a program and not a `preexec_fn`, because code
run between fork and exec can deadlock in a process with threads (and warns from Python 3.12 on).
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(arguments: list[str]) -> None:
    parent, command = int(arguments[0]), arguments[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # the parent ended before the request reached the kernel
        sys.exit("the parent is gone")
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
