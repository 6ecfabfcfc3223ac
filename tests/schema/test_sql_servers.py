"""Exports into a real PostgreSQL and a real MariaDB, and files that their own clients load."""
# ruff: noqa: S608  (names are ours)

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchboard.schema.reading import read_registry
from switchboard.schema.sql.address import read_address
from switchboard.schema.sql.database import DatabaseTarget
from switchboard.schema.sql.report import Checksum
from switchboard.schema.sql.tables import tables
from tests.operators import Operator
from tests.schema.conftest import Server
from tests.schema.sql_stored import TABLES, event, fill, user
from tests.schema.test_sql_command import held_up
from tests.schema.test_sql_values import FOUND, HOSTILE, event_rows, stored_rows

pytestmark = [pytest.mark.sql_servers, pytest.mark.timeout(180)]


def held(server: Server, name: str) -> dict[str, tuple[int, str]]:
    """Rows and checksums of a database, as another program may find them."""
    metadata = tables(read_registry())
    url, _ = read_address(server.address + name)
    target = DatabaseTarget(url, metadata, replace=False, private=False)
    found: dict[str, tuple[int, str]] = {}
    target._connection = target._engine.connect()
    try:
        for table in metadata.tables.values():
            checksum = Checksum()
            for rows in target.read(table):
                checksum.add(rows)
            found[table.name] = (checksum.rows, str(checksum))
    finally:
        target.close()
    return found


def told(report: dict[str, Any]) -> dict[str, tuple[int, str]]:
    return {each["table"]: (each["rows"], each["checksum"]) for each in report["tables"]}


async def test_all_tables_are_filled_and_a_second_export_needs_to_be_told_to_replace(
    operator: Operator, server: Server
) -> None:
    expected = fill(operator.database)
    name = server.made()
    to = ("export-sql", "--to", server.address + name, "--json")

    with operator.untouched():
        done = await operator.run(*to)
    refused = await operator.run(*to)
    again = await operator.run(*to, "--replace")

    assert (done.code, done.err) == (0, "")
    assert {table: rows for table, (rows, _) in told(done.report).items()} == expected
    assert held(server, name) == told(done.report) == told(again.report)
    assert (refused.code, refused.out) == (1, "")
    assert f"{name} has rows in users" in refused.err
    assert not any(word in f"{each.out}{each.err}" for each in (done, refused, again) for word in ("a p@", "p%40"))


async def test_the_files_are_loaded_by_the_databases_own_client(
    operator: Operator, server: Server, tmp_path: Path
) -> None:
    fill(operator.database)
    texts = [text for text in HOSTILE if server.dialect != "postgresql" or "\0" not in text]
    operator.database["calendar_events"].insert_many(
        event(100 + number, 1, title=text, description=text, attendees=[text]) for number, text in enumerate(texts)
    )
    done = await operator.run("export-sql", "--files", "out", "--dialect", server.dialect, "--with-secrets", "--json")
    assert (done.code, done.err) == (0, "")
    name = server.made()

    for file in sorted((tmp_path / "out").glob("*.sql"), key=lambda file: (file.name != "schema.sql", file.name)):
        assert file.stat().st_mode & 0o777 == 0o600
        server.script(name, file.read_bytes().decode())

    assert held(server, name) == told(done.report)


async def test_killed_in_the_middle_it_leaves_nothing_and_the_same_command_starts_anew(
    operator: Operator, server: Server
) -> None:
    expected = fill(operator.database, events=1_500)
    name = server.made()
    to = ("export-sql", "--to", server.address + name, "--json")

    with held_up(operator, "calendar_events") as reached:
        process = await operator.start(*to)
        await asyncio.to_thread(reached)
        os.kill(process.pid, signal.SIGKILL)
        await operator.end(process)
    assert _rows(server, name) == 0
    again = await operator.run(*to)

    assert again.code == 0
    assert {table: rows for table, (rows, _) in held(server, name).items()} == expected


def _rows(server: Server, name: str) -> int:
    """All rows of all tables there are, as others see them."""
    schema = name if server.dialect == "mysql" else "public"
    tables = server.script(name, f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{schema}';")
    return sum(int(server.script(name, f"SELECT count(*) FROM {table};")) for table in tables.split())


async def test_a_wrong_password_a_database_that_is_not_there_and_a_missing_right_are_sentences(
    operator: Operator, server: Server
) -> None:
    fill(operator.database)
    name = server.made()
    wrong = server.address.replace(":a%20p", ":another") + name
    reader = "'reader'@'%'" if server.dialect == "mysql" else "reader"
    granted = "IDENTIFIED BY" if server.dialect == "mysql" else "PASSWORD"
    server.script("", f"CREATE USER {reader} {granted} 'x';")
    if server.dialect == "mysql":
        server.script("", f"GRANT SELECT ON {name}.* TO {reader};")
    address = f"{server.dialect}://reader:x@{server.address.rpartition('@')[2]}{name}"

    for_sentences = [
        await operator.run("export-sql", "--to", each)
        for each in (wrong, server.address + "not_there", address, "postgresql://u:hidden@127.0.0.1:1/x")
    ]
    server.script("", f"DROP USER {reader};")

    assert [each.code for each in for_sentences] == [1, 1, 1, 1]
    assert [each.err for each in for_sentences] == [
        "The SQL database refused the user or the password of the address.\n",
        "The SQL database of the address does not exist; create it, then export again.\n",
        "The user of the address lacks a right on the SQL database: it creates and fills tables.\n",
        "The SQL database does not answer at the address, or refuses connections.\n",
    ]


async def test_deleting_there_follows_the_rules_of_the_registry(operator: Operator, server: Server) -> None:
    fill(operator.database)
    name = server.made()
    assert (await operator.run("export-sql", "--to", server.address + name)).code == 0

    server.script(name, "DELETE FROM users WHERE user_id = 'u1'; DELETE FROM organizations WHERE org_id = 'o2';")

    counts = {table: int(server.script(name, f"SELECT count(*) FROM {table};")) for table in TABLES}
    assert counts == {
        "users": 2, "user_tokens": 1, "organizations": 1, "user_organizations": 1, "pending_invites": 1,
        "calendar_events": 1, "agents": 1, "agent_configurations": 1, "organization_agents": 1,
    }  # fmt: skip
    assert server.script(name, "SELECT count(*) FROM pending_invites WHERE inviter_user_id IS NULL;").strip() == "1"


async def test_what_a_database_cannot_hold_is_told(operator: Operator, server: Server) -> None:
    operator.database["users"].insert_many(
        [user(1, first_name="A\0da"), user(2, user_id="u" * 192), user(3, user_id="x" * 191)]
    )
    deep: Any = "bottom"
    for _ in range(60):
        deep = [deep]
    operator.database["users"].insert_one({"user_id": "deep", "welcome_form_data": deep})
    name = server.made()

    done = await operator.run("export-sql", "--to", server.address + name, "--json")

    findings = {(each["kind"], each["column"]): each["ids"] for each in done.report["findings"]}
    expected = {("too_large", "user_id"): ["u" * 192]}
    if server.dialect == "mysql":
        expected[("too_large", "welcome_form_data")] = ["deep"]
    else:
        expected[("replaced", None)] = ["u1"]
    assert (done.code, findings) == (3, expected)
    assert held(server, name) == told(done.report)


@settings(max_examples=20, deadline=None, phases=FOUND, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(event_rows(), min_size=1, max_size=10, unique_by=lambda row: row[0]))
def test_hostile_values_come_back_as_they_were(server: Server, made: list[Any]) -> None:
    stored_rows(lambda metadata: _target(server, metadata), server.dialect, made)


_DATABASES: dict[str, str] = {}


def _target(server: Server, metadata: sa.MetaData) -> DatabaseTarget:
    name = _DATABASES.setdefault(server.address, "") or server.made()
    _DATABASES[server.address] = name
    return DatabaseTarget(read_address(server.address + name)[0], metadata, replace=True, private=False)
