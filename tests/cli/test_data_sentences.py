"""What the commands about stored data say when MongoDB is not there, refuses them, or has no room."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from switchboard.cli import main
from switchboard.crypto import KeyRing
from switchboard.errors import Misconfigured, Unavailable
from switchboard.mongo import as_our_error
from tests.fail_points import failing
from tests.http.served import ARGUMENTS, SEALING_KEY, environment
from tests.operators import Operator
from tests.schema import clinic

Command = Callable[[str, str], tuple[str, str]]

NOBODY = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=500"
COMMANDS = ("doctor", "validators diff", "validators apply", "validators report", "indexes diff", "indexes apply")
MAY_NOT = "The user of MONGODB_URI may not change collections: it needs the rights collMod, createCollection and"


def test_a_full_disk_is_not_taken_for_a_busy_database() -> None:
    full, busy = (as_our_error(OperationFailure("secret words", code)) for code in (14031, 112))
    assert isinstance(full, Unavailable)
    assert full.message == "The disk of the database is full. Its operators have to make room; then try again."
    assert busy.message == "The database is busy. Try again in a moment."
    assert isinstance(as_our_error(OperationFailure("secret words", 13)), Misconfigured)


@pytest.fixture
def ended(operator: Operator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs a command that fails in this process, before it touches what others share; what it printed."""

    def run(address: str, command: str) -> tuple[str, str]:
        for name, value in environment(address, operator.propelauth, MONGODB_TIMEOUT="0.3").items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(operator.folder)
        monkeypatch.setattr(sys, "argv", ["switchboard", *command.split()])
        with pytest.raises(SystemExit, match="1"):
            main()
        return capsys.readouterr()

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_when_mongodb_is_not_at_its_address(ended: Command, command: str) -> None:
    assert ended(NOBODY, command) == ("", "MongoDB does not answer at the address in MONGODB_URI.\n")


def test_an_address_that_is_none_is_refused_and_not_repeated(ended: Command) -> None:
    out, err = ended("mongodb://ada:pass:word@127.0.0.1/", "doctor")
    assert (out, "word" in err.replace("password", ""), "MONGODB_URI" in err) == ("", False, True)


FAILURES = [
    ("doctor --only references", "aggregate", "calendar_connections", 13, "or it lacks a right."),
    ("validators apply --only agents", "collMod", "agents", 13, MAY_NOT),
    ("validators apply --only agents", "collMod", "agents", 14031, "The disk of the database is full."),
    ("doctor --fix", "insert", "before_images", 14031, "The disk of the database is full."),
]


@pytest.mark.parametrize(("command", "fails", "of", "code", "sentence"), FAILURES)
async def test_a_missing_right_and_a_full_disk_are_sentences(
    operator: Operator, command: str, fails: str, of: str, code: int, sentence: str
) -> None:
    database: Any = operator.database
    clinic.fill(database, KeyRing.read(SEALING_KEY))
    database["organizations"].update_one({}, {"$set": {"seats_used": 9}})

    with failing(operator.mongo, fails, errorCode=code, namespace=f"{operator.name}.{of}"):
        ended = await operator.run(*command.split())

    assert (ended.code, ended.out) == (1, "")
    assert sentence in ended.err
    assert "Traceback" not in ended.err
    assert database["organizations"].find_one()["seats_used"] == 9


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_here_is_a_sentence(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(  # noqa: S603  (our own command)
            [*ARGUMENTS, "secrets", "key", "new"], cwd=tmp_path, stdout=full, stderr=-1, timeout=45, check=False
        )
    assert (ended.returncode, ended.stderr) == (1, b"The disk is full here. Make room, then start this again.\n")
