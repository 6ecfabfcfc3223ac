"""A stack that runs without a terminal, and what is asked of a running one."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from devstack.data_folder import DataFolder, Json

START_SECONDS = 120.0
STOP_SECONDS = 40.0
LAST_LINES = 15


class BackgroundFailed(Exception):
    """The message says what went wrong."""


def start(data: DataFolder, port_arguments: Sequence[str]) -> Json:
    """Start a stack that outlives this process, and wait until it is ready; one that runs already is taken as it is.

    Its description. Raises `BackgroundFailed` with its last lines when it ends instead.
    """
    if data.holder() is not None:
        return _wait_until_ready(data, None)
    data.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "devstack", "--data", str(data.path), *port_arguments]
    with data.log("devstack").open("wb") as told:
        child = subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=told, start_new_session=True
        )
    return _wait_until_ready(data, child)


def _wait_until_ready(data: DataFolder, child: "subprocess.Popen[bytes] | None") -> Json:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        description = data.described()
        if description is not None:
            if child is not None:
                child.returncode = 0  # it is meant to outlive this process, so no warning that it does
            return description
        if child is not None and child.poll() is not None:
            raise BackgroundFailed(_last_lines(data.log("devstack")))
        time.sleep(0.05)
    raise BackgroundFailed(f"The stack was not ready in {START_SECONDS:.0f} s. {_last_lines(data.log('devstack'))}")


def _last_lines(log: Path) -> str:
    lines = log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:] if log.exists() else []
    return "\n".join(lines) or "The stack ended without a word."


def import_ics(google: str, content: bytes, email: str) -> Json:
    """Load an .ics file into somebody's primary calendar at the running Google emulator; its report."""
    try:
        answer = httpx.post(
            f"{google}/_emu/google/ics", params={"email": email}, content=content, timeout=60, trust_env=False
        )
    except httpx.HTTPError as error:
        raise BackgroundFailed(f"The Google emulator does not answer ({type(error).__name__}).") from None
    if answer.status_code == 400 and answer.json().get("error") == "unknown account":
        raise BackgroundFailed(f"Nobody here has the Google account {email}; the demo front end lists who there is.")
    if answer.status_code != 200:
        raise BackgroundFailed(f"The file could not be imported: {answer.text[:300]}")
    report: dict[str, Any] = answer.json()
    if not any(report.values()):
        raise BackgroundFailed("There is no event in the file. Is it an .ics file?")
    return report


def import_sentence(report: Json, email: str) -> str:
    """The report in words."""
    counts = [f"{report[name]} {name}" for name in ("events", "series", "exceptions", "unchanged")]
    skipped = [f"skipped {uid}: {why}" for uid, why in report["skipped"]]
    first = f"Imported into the calendar of {email}: {', '.join(counts)}. It reaches Switchboard with the next pull."
    return "\n".join([first, *skipped])
