"""`switchboard export-sql` as an operator runs it, into SQLite and into files."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.fail_points import failing, held_up
from tests.operators import Operator
from tests.schema.sql_stored import SECRETS, all_bytes, broken, counts, event, fill, invite, membership, rows, user

TO = ("export-sql", "--to", "sqlite:///out.db")


async def test_a_dry_run_makes_no_file_and_a_run_fills_every_table_and_neither_writes_to_mongodb(
    operator: Operator, tmp_path: Path
) -> None:
    expected = fill(operator.database)

    with operator.untouched():
        dry = await operator.run(*TO, "--dry-run", "--json")
        assert names(tmp_path) == []
        done = await operator.run(*TO, "--json")

    out = tmp_path / "out.db"
    assert (dry.code, done.code) == (0, 0), dry.err + done.err
    assert dry.report["tables"] == done.report["tables"]
    assert {each["table"]: each["rows"] for each in done.report["tables"]} == counts(out) == expected
    assert (done.report["dry_run"], dry.report["dry_run"], done.report["moments"]) == (False, True, 1)
    assert broken(out) == []
    assert names(tmp_path) == ["out.db"]
    assert not any(secret.encode() in content for secret in SECRETS for content in all_bytes(tmp_path))


async def test_rows_in_the_target_are_refused_unless_they_are_to_be_replaced_and_lines_say_what_was_done(
    operator: Operator, tmp_path: Path
) -> None:
    fill(operator.database)
    first = await operator.run(*TO, "--schema-only")
    second = await operator.run(*TO)
    operator.database["users"].delete_one({"user_id": "u3"})
    operator.database["user_organizations"].delete_one({"user_id": "u3"})

    refused = await operator.run(*TO)
    assert len(rows(tmp_path / "out.db", "users")) == 3
    replaced = await operator.run(*TO, "--replace")

    assert (first.code, first.out) == (0, "9 tables are made: sqlite:///out.db\n")
    assert second.code == 0
    assert second.out.startswith("users\t3 rows\t")
    assert "21 rows were written, read back and found the same: sqlite:///out.db, in " in second.out
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith("sqlite:///out.db has rows in users: nothing was exported. With --replace ")
    assert replaced.code == 0
    assert len(rows(tmp_path / "out.db", "users")) == 2


async def test_secrets_are_there_on_request_as_they_are_stored_and_for_nobody_else_to_read(
    operator: Operator, tmp_path: Path
) -> None:
    fill(operator.database)
    (tmp_path / "out.db").touch(0o644)

    done, files = await asyncio.gather(
        operator.run(*TO, "--with-secrets"),
        operator.run("export-sql", "--files", "out", "--dialect", "sqlite", "--with-secrets"),
    )

    assert (done.code, files.code) == (0, 0), done.err + files.err
    kept = [tmp_path / "out.db", *(tmp_path / "out").iterdir()]
    assert {file.stat().st_mode & 0o777 for file in kept} == {0o600}
    for where in ((tmp_path / "out.db").read_bytes(), b"".join(all_bytes(tmp_path / "out"))):
        assert all(secret.encode() in where for secret in SECRETS)
    assert not any(secret in f"{done.out}{done.err}{files.out}{files.err}" for secret in SECRETS)


async def test_what_cannot_be_kept_is_told_by_its_id_with_exit_code_3(operator: Operator, tmp_path: Path) -> None:
    """The collection of users has the name of the settings, and the table its own."""
    fill(operator.database)
    operator.database["users"].rename("people")
    operator.database["people"].insert_one({"_id": "odd", "user_id": 7})
    operator.database["user_organizations"].insert_one(membership(9, 1))
    operator.database["pending_invites"].insert_one(invite(7, 1, inviter_user_id="u9"))
    operator.database["calendar_events"].insert_many([event(50, 9), {"_id": "bad", "event_id": "bad"}])

    done = await operator.run(*TO, MONGODB_USERS_COLLECTION="people")

    assert done.code == 3, done.err
    assert [line for line in done.out.splitlines() if "(" in line or "doctor" in line] == [
        "1 documents of people cannot be read and are left out (odd).",
        "1 rows of user_organizations are left out: their user_id is not in users (u9 o1).",
        "1 rows of pending_invites have no inviter_user_id any more: it is not in users (i7).",
        "1 documents of calendar_events cannot be read and are left out (bad).",
        "1 rows of calendar_events are left out: their user_id is not in users (e50).",
        "'switchboard doctor' looks for references to nothing.",
    ]
    out = tmp_path / "out.db"
    assert broken(out) == []
    assert next(row for row in rows(out, "pending_invites") if row["invite_id"] == "i7")["inviter_user_id"] is None


async def test_a_person_with_two_documents_is_refused_and_nothing_is_left(operator: Operator, tmp_path: Path) -> None:
    operator.database["users"].insert_many([user(1), user(2), user(1)])

    done = await operator.run(*TO)

    assert (done.code, done.out) == (1, "")
    assert done.err == (
        "Two documents for users have the user_id u1. 'switchboard normalize-users' merges them; then export again.\n"
    )
    assert names(tmp_path) == []


@pytest.mark.parametrize(("how", "form"), [("kill", "database"), ("interrupt", "files")])
async def test_stopped_in_the_middle_nothing_is_exported_and_the_same_command_starts_anew(
    operator: Operator, tmp_path: Path, how: str, form: str
) -> None:
    expected = fill(operator.database, events=1_500)
    command = TO if form == "database" else ("export-sql", "--files", "out", "--dialect", "sqlite")

    second_batch = failing(operator.mongo, "getMore", namespace=f"{operator.name}.calendar_events", **held_up(3))
    with second_batch as reached:
        process = await operator.start(*command)
        await reached.met(40)
        os.kill(process.pid, signal.SIGKILL if how == "kill" else signal.SIGINT)
        ended = await operator.end(process)
    if how == "interrupt":
        assert (ended.code, ended.err.splitlines()[-1]) == (
            130,
            "Stopped. Nothing was exported: what was there before is as it was. The same command starts anew.",
        )
        assert names(tmp_path) == []
    again = await operator.run(*command)

    assert again.code == 0, again.err
    if form == "files":
        assert not [name for name in names(tmp_path / "out") if name.endswith(".part")]
        loaded(tmp_path / "out", tmp_path / "out.db")
    assert counts(tmp_path / "out.db") == expected


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def loaded(folder: Path, into: Path) -> None:
    """Load the files with SQLite's own client; where there is none, with the library, which knows no dot commands."""
    files = [folder / "schema.sql", *sorted(folder.glob("0*.sql"))]
    client = shutil.which("sqlite3")
    for file in files:
        if client is None:
            text = file.read_bytes().decode().replace(".bail on\n", "", 1)
            with sqlite3.connect(into) as database:
                database.executescript(text)
            database.close()
        else:
            _load(client, file, into)


def _load(client: str, file: Path, into: Path) -> None:
    with file.open("rb") as text:
        done = subprocess.run([client, str(into)], stdin=text, capture_output=True, timeout=30)  # noqa: S603
    assert (done.returncode, done.stderr) == (0, b"")
