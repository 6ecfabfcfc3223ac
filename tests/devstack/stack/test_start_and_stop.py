"""The whole stack as processes: started, asked, restarted, killed; nothing is left running."""

import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from devstack.__main__ import main
from devstack.data_folder import DataFolder
from devstack.mongod import Mongod

ANY_PORTS = [
    part for name in ("", "propelauth-", "google-", "front-end-", "mongod-") for part in (f"--{name}port", "0")
]
ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:1@example.com
DTSTAMP:20261101T000000Z
DTSTART:20300101T100000Z
DTEND:20300101T110000Z
SUMMARY:Imported
END:VEVENT
END:VCALENDAR
"""


def command(data: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "devstack", "--data", str(data), *arguments]


def devstack(data: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MONGODB_")}
    return subprocess.run(  # noqa: S603
        command(data, *arguments),
        capture_output=True,
        text=True,
        env=environment | variables,
        timeout=50,
        check=False,
    )


def started(data: Path, *arguments: str) -> dict[str, Any]:
    done = devstack(data, "--detach", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    description: dict[str, Any] = json.loads(done.stdout)
    return description


def processes_of(data: Path) -> list[str]:
    """The command lines and working folders of all processes that mention the data folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            told = (process / "cmdline").read_text().replace("\0", " ") + f" in {(process / 'cwd').readlink()}"
            if str(data) in told and (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.append(told)
    return found


def wait_until_gone(data: Path) -> None:
    deadline = time.monotonic() + 10
    while processes_of(data) or DataFolder(data).holder():  # a lock outlives the command line by a moment
        assert time.monotonic() < deadline, processes_of(data)
        time.sleep(0.02)


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    DataFolder(tmp_path / "data").stop_holder(20)
    wait_until_gone(tmp_path / "data")


@pytest.mark.timeout(120)
def test_a_stack_goes_on_after_a_restart_where_it_was(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = started(data, *ANY_PORTS)
    assert set(first["people"]) == {"owner", "admin", "member", "stranger"}
    with httpx.Client(base_url=first["addresses"]["api"], trust_env=False, timeout=20) as api:
        assert api.get("/health/ready").json()["google"] == "ok"
        for person in first["people"].values():
            told = api.get("/v1/me/bootstrap", headers={"Authorization": f"Bearer {person['token']}"}).json()
            assert told["user"]["email"] == person["email"]
        admin = {"Authorization": f"Bearer {first['people']['admin']['token']}"}
        assert api.post("/v1/me/calendar/connect/propelauth", headers=admin).status_code == 200

    assert_it_answers_while_it_runs(data, tmp_path, capsys)
    assert main(["--data", str(data), "--stop"]) == 0
    assert processes_of(data) == []
    assert not (data / "devstack.json").exists()

    again = min_seconds_of_two_restarts(data)
    assert again < 10

    second = json.loads((data / "devstack.json").read_text())
    assert second["addresses"] == first["addresses"]
    with httpx.Client(base_url=second["addresses"]["api"], trust_env=False, timeout=20) as api:
        assert api.get("/v1/me/calendar", headers=admin).json()["connected"], "the token of before the restart is good"

    os.kill(second["pid"], signal.SIGKILL)
    wait_until_gone(data)
    assert main(["--data", str(data), "--status"]) == 3


def assert_it_answers_while_it_runs(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one.ics").write_text(ICS)
    (tmp_path / "none.ics").write_text("nothing")
    mina = ["--as", "mina.tanaka@northwind.example"]
    asked = {
        "--status": (0, "export OWNER="),
        "": (1, "running already"),
        "--reset": (1, "--stop"),
        f"--import-ics {tmp_path / 'one.ics'}": (0, "1 events"),
        f"--import-ics {tmp_path / 'none.ics'}": (1, "no event in the file"),
        f"--import-ics {tmp_path / 'not.there'}": (1, "No such file"),
    }
    for arguments, (code, words) in asked.items():
        capsys.readouterr()
        more = mina if "ics" in arguments else []
        assert main(["--data", str(data), *arguments.split(), *more]) == code
        assert words in "".join(capsys.readouterr())
    for name in ("devstack.json", "google.json", "propelauth.json", "choices.json"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def min_seconds_of_two_restarts(data: Path) -> float:
    """The second only where the machine was busy with something else during the first."""
    measured = []
    for attempt in range(2):
        began = time.monotonic()
        description = started(data)
        httpx.get(f"{description['addresses']['api']}/health/ready", trust_env=False).raise_for_status()
        measured.append(time.monotonic() - began)
        if measured[-1] < 10 or attempt:
            break
        assert main(["--data", str(data), "--stop"]) == 0
    return min(measured)


def test_ctrl_c_stops_all_of_it_in_order(data: Path, mongod: Mongod) -> None:
    variables = {"MONGODB_URI": mongod.uri, "MONGODB_DATABASE": f"test_{uuid4().hex[:8]}"}
    stack = subprocess.Popen(  # noqa: S603
        command(data, *ANY_PORTS),
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with stack:
        try:
            assert stack.stdout is not None
            line = next(line for line in stack.stdout if "MongoDB" in line)
            assert mongod.uri in line
            stack.send_signal(signal.SIGINT)
            _, told = stack.communicate(timeout=15)
        finally:
            stack.kill()
    assert stack.returncode == 0
    assert told.splitlines()[-1] == "Stopped."
    assert processes_of(data) == []


def test_a_machine_without_mongod_is_told_in_a_sentence(data: Path) -> None:
    done = devstack(data, *ANY_PORTS, SWITCHBOARD_MONGOD="/nowhere/mongod")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("No mongod found")
    assert "Traceback" not in done.stderr
    assert processes_of(data) == []
