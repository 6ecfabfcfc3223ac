"""What goes into a SQL database comes out of it the same, whatever it is."""

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from switchboard.errors import Conflict, DataError, Misconfigured, Unavailable
from switchboard.schema.reading import read_registry
from switchboard.schema.sql.address import read_address
from switchboard.schema.sql.database import DatabaseTarget
from switchboard.schema.sql.errors import told_of_files
from switchboard.schema.sql.files import FilesTarget
from switchboard.schema.sql.fitting import Fitting, Keys, KeyTwice
from switchboard.schema.sql.literals import line, read_line
from switchboard.schema.sql.report import Checksum, Findings
from switchboard.schema.sql.rows import Row, plain, sources
from switchboard.schema.sql.tables import DIALECTS, DialectName, tables
from switchboard.schema.sql.target import Target
from tests.schema.sql_stored import AT, agent, configuration, user, welcome_only

HOSTILE: Final = (
    "'); DROP TABLE users; --",
    "\\",
    "\\'",
    "'\\",
    "line\nline\r\nline\rend\r\n",
    "tab\tbell\x07 escape\x1b delete\x7f end of file\x1a",
    "NUL\0in the middle",
    "\0",
    "🩺 emoji, \u202e right to left, \u2028 a line, \ufeff a mark, \x85 next",
    '"double" `back` $dollar$ %s :name ?',
    "/\ngo\n;\n\\.\n.quit\n\\q\nDELIMITER //\n",
    "E'x' X'00' NULL",
    " spaces ",
    "",
)
TEXTS: Final = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
NUMBERS: Final = st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
# Rows are large, and making a failing one smaller takes minutes.
FOUND: Final = (Phase.explicit, Phase.reuse, Phase.generate)
JSON: Final = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)
MOMENTS: Final = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC, microsecond=moment.microsecond // 1000 * 1000)
)


def columns(name: str) -> list[sa.Column[Any]]:
    return list(tables(read_registry()).tables[name].columns)


def _of(column: sa.Column[Any]) -> st.SearchStrategy[Any]:
    if column.primary_key or column.foreign_keys:
        return st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20)
    if isinstance(column.type, sa.JSON):
        strategy: st.SearchStrategy[Any] = JSON.filter(lambda value: value is not None)
    elif isinstance(column.type, sa.Boolean):
        strategy = st.booleans()
    elif isinstance(column.type, sa.BigInteger):
        strategy = st.integers(-(2**63), 2**63 - 1)
    elif isinstance(column.type, (sa.String, sa.Text)):
        strategy = TEXTS
    else:
        strategy = MOMENTS
    return st.one_of(st.none(), strategy) if column.nullable else strategy


def event_rows() -> st.SearchStrategy[Row]:
    """Rows of `calendar_events`: they have columns of every kind but a choice."""
    return st.tuples(*map(_of, columns("calendar_events")))


def stored_rows(make: Callable[[sa.MetaData], Target], dialect: DialectName, made: list[Row]) -> None:
    """Put them where `make` says, read them back, and compare."""
    metadata = tables(read_registry())
    findings, target = Findings(), make(metadata)
    people, events = metadata.tables["users"], metadata.tables["calendar_events"]
    place = [column.name for column in events.columns].index("user_id")
    try:
        target.begin()
        with Keys(dialect) as keys:
            owners = [_person(people, str(name)) for name in {row[place] for row in made}]
            target.write(people, Fitting(people, dialect, keys, findings).fit(owners))
            fitted = Fitting(events, dialect, keys, findings).fit(made)
            target.write(events, fitted)
            found = [row for rows in target.read(events) for row in rows]
    finally:
        target.close()
    written, read = Checksum(), Checksum()
    written.add(fitted)
    read.add(found)
    assert len(found) == len(made)
    assert read == written
    assert all(alike(one, other) for one, other in zip(sorted(found, key=_key), sorted(fitted, key=_key), strict=True))
    if dialect != "postgresql":
        assert (fitted, len(findings)) == (made, 0)


def _person(table: sa.Table, name: str) -> Row:
    return tuple(name if column.name == "user_id" else None if column.nullable else False for column in table.columns)


def _key(row: Row) -> str:
    return str(row[0])


def alike(one: Any, other: Any) -> bool:
    """The same values, types and all, but that a number inside JSON may be written in another way."""
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(one[name], other[name]) for name in one)
    if type(one) in (int, float):
        return type(other) in (int, float) and float(one) == float(other)
    return type(one) is type(other) and bool(one == other)


@settings(max_examples=15, deadline=None, phases=FOUND)
@given(made=st.lists(event_rows(), min_size=1, max_size=6, unique_by=lambda row: row[0]))
def test_hostile_values_come_back_from_sqlite_as_they_were(made: list[Row]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url, _ = read_address(f"sqlite:///{folder}/out.db")
        stored_rows(lambda metadata: DatabaseTarget(url, metadata, replace=False, private=False), "sqlite", made)


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=15, deadline=None, phases=FOUND)
@given(made=event_rows())
def test_a_row_is_one_line_of_sql_and_is_read_back_from_it(dialect: DialectName, made: Row) -> None:
    text = line(made, columns("calendar_events"), dialect)
    assert not any(each in text for each in "\n\r\0")
    assert read_line(text, columns("calendar_events"), dialect) == made


@pytest.mark.parametrize("dialect", DIALECTS)
def test_json_that_is_but_a_text_or_a_number_is_json_too(dialect: DialectName) -> None:
    column = [sa.Column("form", sa.JSON)]
    for value in ("", "null", "1", 1, 1.5, True, [], None):
        assert read_line(line((value,), column, dialect), column, dialect) == (value,)
    assert line(("it",), column, dialect) == ("('\\\"it\\\"')" if dialect == "mysql" else "('\"it\"')")


@settings(max_examples=25, deadline=None)
@given(text=TEXTS)
def test_sqlite_reads_a_text_as_it_was(text: str) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        values = line((text,), [sa.Column("v", sa.Text)], "sqlite")
        database.executescript(f"CREATE TABLE t (v TEXT); INSERT INTO t VALUES {values};")  # noqa: S608
        assert database.execute("SELECT v, length(CAST(v AS BLOB)) FROM t").fetchall() == [(text, len(text.encode()))]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_files_hold_what_was_written_and_show_what_was_changed_since(tmp_path: Path, dialect: DialectName) -> None:
    metadata = tables(read_registry())
    people = metadata.tables["users"]
    made = [(f"u{number}", text, *_person(people, "")[2:]) for number, text in enumerate(HOSTILE)]
    target = FilesTarget(tmp_path / "out", dialect, metadata, replace=False, private=False)
    target.begin()
    target.write(people, made)
    assert [row for rows in target.read(people) for row in rows] == made

    part = tmp_path / "out" / "01-users.sql.part"
    part.write_bytes(part.read_bytes().replace(b"'u3'", b"'u4'"))
    assert [row for rows in target.read(people) for row in rows] != made
    part.write_bytes(part.read_bytes().replace(b"NULL", b"what", 1))
    with pytest.raises(DataError, match="holds a line that was not written there"):
        list(target.read(people))
    target.close()
    assert list(tmp_path.iterdir()) == []


def test_files_are_complete_or_not_there_and_are_replaced_on_request(tmp_path: Path) -> None:
    metadata = tables(read_registry())
    people = metadata.tables["users"]

    def export(name: str, *, replace: bool = False, keep: bool = True) -> None:
        target = FilesTarget(tmp_path, "sqlite", metadata, replace=replace, private=False)
        target.check()
        target.begin()
        target.write(people, [_person(people, name)])
        if keep:
            target.keep()
        target.close()

    (tmp_path / "mine.txt").write_text("stays")
    export("first")
    with pytest.raises(Conflict, match="--replace replaces it"):
        export("second")
    export("third", replace=True, keep=False)
    assert "'first'" in (tmp_path / "01-users.sql").read_text()
    export("fourth", replace=True)
    assert "'fourth'" in (tmp_path / "01-users.sql").read_text()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["01-users.sql", "mine.txt", "schema.sql"]


def test_a_full_disk_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="disk of out is full"), told_of_files("out"), open("/dev/full", "w") as full:
        full.write("x")
    metadata = tables(read_registry())
    people = metadata.tables["users"]
    target = DatabaseTarget(read_address(f"sqlite:///{tmp_path}/out.db")[0], metadata, replace=False, private=False)
    target.begin()
    target._open.exec_driver_sql("PRAGMA max_page_count = 40")
    with pytest.raises(Unavailable, match="disk of the SQL database is full: nothing was exported"):
        target.write(people, [(f"u{number}", "x" * 5000, *_person(people, "")[2:]) for number in range(100)])
    target.close()
    assert list(tmp_path.iterdir()) == []


def test_a_sqlite_file_that_is_none_or_is_in_use_or_has_no_folder_is_a_sentence(tmp_path: Path) -> None:
    def target(name: str) -> DatabaseTarget:
        url, _ = read_address(f"sqlite:///{tmp_path}/{name}?timeout=0.1")
        return DatabaseTarget(url, tables(read_registry()), replace=False, private=False)

    (tmp_path / "text").write_text("no database at all, and long enough to be looked at" * 30)
    with pytest.raises(Misconfigured, match="not a SQLite database"):
        target("text").check()
    with pytest.raises(Misconfigured, match="No such file or directory"):
        target("nowhere/out.db").check()
    holder = target("out.db")
    holder.begin()
    with pytest.raises(Unavailable, match="locked by another program"):
        target("out.db").begin()
    holder.close()


@given(made=st.lists(st.tuples(TEXTS, JSON), max_size=6), order=st.randoms())
def test_a_checksum_is_the_same_in_any_order_and_another_for_other_rows(made: list[Row], order: Any) -> None:
    shuffled = list(made)
    order.shuffle(shuffled)
    assert _sum(made) == _sum(shuffled)
    if made:
        assert _sum(made) != _sum([*made, made[0]])
        assert _sum(made) != _sum(made[1:])
        assert _sum(made) != _sum([(f"{made[0][0]}.", *made[0][1:]), *made[1:]])


def test_rows_that_are_there_twice_do_not_cancel_each_other() -> None:
    one, other = ("a", 1), ("b", 2)
    assert _sum([one, one]) != _sum([other, other])


def test_numbers_inside_json_are_compared_by_their_value() -> None:
    assert _sum([("a", {"x": 1.0, "y": [1e300]})]) == _sum([("a", {"y": [10**300], "x": 1})])
    assert _sum([("a", {"x": 1.5})]) != _sum([("a", {"x": 1.25})])
    assert _sum([("a", [True])]) != _sum([("a", [1])])
    assert _sum([("a", "1")]) != _sum([("a", 1)])


def _sum(made: list[Row]) -> str:
    found = Checksum()
    found.add(made)
    return f"{found.rows} {found}"


def rows_of(name: str, stored: dict[str, Any], *, with_secrets: bool = False) -> list[dict[str, Any] | None]:
    """The rows of a document of this entity, by their columns."""
    metadata = tables(read_registry())
    source = next(each for each in sources(metadata, with_secrets=with_secrets) if each.parts[0].table.name == name)
    document = source.read(stored)
    assert document is not None
    made = [(part, part.row(document)) for part in source.parts]
    return [row and dict(zip(part.table.columns.keys(), row, strict=True)) for part, row in made]


def test_a_person_without_tokens_has_one_row_and_another_has_two() -> None:
    person, tokens = rows_of("users", user(1), with_secrets=True)
    assert person is not None
    assert tokens is not None
    assert (person["first_name"], person["picture_url"]) == ("Ada", "https://pictures.example/ada")
    assert (tokens["user_id"], tokens["scope"], tokens["created_at"]) == ("u1", ["openid", "email"], AT)
    assert (tokens["access_token"], tokens["client_secret"]) == ("secret-access", "secret-client")

    for stored in (welcome_only(1), user(1, access_token=None, refresh_token="")):
        assert rows_of("users", stored)[1] is None


def test_the_first_version_of_a_document_is_read_as_it_is_everywhere_else() -> None:
    old = user(1, scope="openid email", token_expiration=None, expires_in=3599, user_info={"given_name": "Ada"})
    person, tokens = rows_of("users", old)
    assert person is not None
    assert tokens is not None
    assert (person["first_name"], tokens["scope"]) == ("Ada", ["openid", "email"])
    assert [tokens[name] for name in ("access_token", "refresh_token", "client_secret")] == [None, None, None]


def test_secrets_inside_a_configuration_are_null_and_the_rest_stays() -> None:
    (without,) = rows_of("agent_configurations", configuration(1, 1))
    (with_them,) = rows_of("agent_configurations", configuration(1, 1), with_secrets=True)
    assert without is not None
    assert with_them is not None
    assert (without["tts_config"]["tts_api_key"], without["stt_config"]["api_key"]) == (None, None)
    assert (without["tts_config"]["provider"], without["tts_config"]["speed"]) == ("cartesia", 1.25)
    assert with_them["tts_config"] == {**without["tts_config"], "tts_api_key": "enc:v1:k:tts"}


def test_every_field_that_the_registry_calls_secret_is_empty_without_asking() -> None:
    for table in tables(read_registry()).tables.values():
        for path in table.info["entity"].secrets:
            assert path.partition(".")[0] in table.columns.keys()  # noqa: SIM118
    (made,) = rows_of("agents", agent(1, 1))
    assert made is not None
    assert made["chatbot_key"] is None


def test_json_has_no_numbers_that_are_none() -> None:
    assert plain({"a": [float("nan"), float("inf"), 1.5], 2: (True, None)}) == {
        "a": [None, None, 1.5],
        "2": [True, None],
    }


def fitted(dialect: DialectName, name: str, made: list[Row], *keys: tuple[str, str]) -> tuple[list[Row], Findings]:
    metadata, findings = tables(read_registry()), Findings()
    with Keys(dialect) as known:
        for table, key in keys:
            known.add(table, key)
        return Fitting(metadata.tables[name], dialect, known, findings).fit(made), findings


def test_two_ids_that_a_database_takes_for_one_are_two_documents_for_one_key() -> None:
    people = tables(read_registry()).tables["users"]
    made = [_person(people, "u1"), _person(people, "u1 "), _person(people, "U1")]
    assert len(fitted("postgresql", "users", made)[0]) == len(fitted("sqlite", "users", made)[0]) == 3
    with pytest.raises(KeyTwice, match="normalize-users"):
        fitted("mysql", "users", made)
    with pytest.raises(KeyTwice, match="Two documents for users have the user_id u1"):
        fitted("sqlite", "users", [made[0], made[0]])


def test_of_many_findings_all_are_counted_and_some_are_named() -> None:
    findings = Findings()
    for number in range(250):
        findings.add("refers_to_nothing", "agents", f"a{number}", "org_id", "organizations")
    (found,) = findings.all()
    assert (found.count, len(found.ids)) == (250, 100)
    assert found.sentence() == (
        "250 rows of agents are left out: their org_id is not in organizations (a0, a1, a2, a3, a4 and 245 more)."
    )
