"""The tables that are made from the registry, and what the appendix says of them."""

import re
from dataclasses import replace

import pytest
import sqlalchemy as sa

from switchboard.errors import Misconfigured
from switchboard.schema.reading import read_registry
from switchboard.schema.registry import NINE, Registry
from switchboard.schema.sql.address import engine, place, read_address, read_dialect
from switchboard.schema.sql.appendix import sql_appendix
from switchboard.schema.sql.tables import DIALECTS, ddl, fields, table_name, tables
from tests.schema.sql_stored import TABLES

REGISTRY = read_registry()
METADATA = tables(REGISTRY)


def statement(dialect: str, name: str) -> str:
    found = ddl(METADATA, dialect)  # type: ignore[arg-type]
    return next(each for each in found if each.startswith(f"CREATE TABLE {name} "))


def test_the_nine_entities_are_tables_in_an_order_that_loads() -> None:
    seen: set[str] = set()
    for table in METADATA.tables.values():
        assert {key.column.table.name for key in table.foreign_keys} <= seen
        seen.add(table.name)
    assert tuple(METADATA.tables) == TABLES
    for dialect in DIALECTS:
        made = re.findall(r"^CREATE TABLE (\w+)", "\n".join(ddl(METADATA, dialect)), re.MULTILINE)
        assert tuple(made) == TABLES


def test_every_field_of_the_registry_is_a_column_and_its_key_the_primary_key() -> None:
    for name in NINE:
        entity, table = REGISTRY[name], METADATA.tables[table_name(name)]
        assert {column.name for column in table.columns} == {field.name for field in entity.fields} - {"_id"}
        assert tuple(column.name for column in table.primary_key) == entity.key
        for field in fields(entity):
            assert table.columns[field.name].nullable == (field.nullable or field.secret is not None)


def test_references_are_constraints_with_their_delete_rule_unless_nothing_holds_them_together() -> None:
    found = {
        f"{table.name}.{key.parent.name}": f"{key.target_fullname} {key.ondelete}"
        for table in METADATA.tables.values()
        for key in table.foreign_keys
    }
    user, organization, agent = "users.user_id CASCADE", "organizations.org_id CASCADE", "agents.agent_id CASCADE"
    assert found == {
        "user_tokens.user_id": user,
        "user_organizations.user_id": user,
        "user_organizations.org_id": organization,
        "pending_invites.org_id": organization,
        "pending_invites.inviter_user_id": "users.user_id SET NULL",
        "calendar_events.user_id": user,
        "agents.org_id": organization,
        "agent_configurations.agent_id": agent,
        "agent_configurations.org_id": organization,
        "organization_agents.org_id": organization,
        "organization_agents.agent_id": agent,
    }


def test_another_rule_in_the_registry_is_another_rule_in_the_table() -> None:
    entities = []
    for entity in REGISTRY:
        changed = [
            replace(field, reference=replace(field.reference, on_delete="restrict"))
            if field.reference and entity.name == "Agent" and field.name == "org_id"
            else field
            for field in entity.fields
        ]
        entities.append(replace(entity, fields=tuple(changed)))
    (key,) = tables(Registry(entities)).tables["agents"].columns["org_id"].foreign_keys
    assert key.ondelete == "RESTRICT"


@pytest.mark.parametrize(
    ("dialect", "lines"),
    [
        (
            "mysql",
            (
                "agent_id VARCHAR(191) NOT NULL,",
                "status ENUM('active','inactive','deleted') NOT NULL DEFAULT 'inactive',",
                "org_ids JSON NOT NULL,",
                "created_at DATETIME(3) NOT NULL,",
                "initial_message LONGTEXT,",
                "ready BOOL NOT NULL DEFAULT false,",
                ") ENGINE=InnoDB CHARSET=utf8mb4 COLLATE utf8mb4_bin",
            ),
        ),
        (
            "postgresql",
            (
                "agent_id VARCHAR(191) NOT NULL,",
                "status agents_status DEFAULT 'inactive' NOT NULL,",
                "org_ids JSONB NOT NULL,",
                "created_at TIMESTAMP(3) WITH TIME ZONE NOT NULL,",
                "initial_message TEXT,",
                "ready BOOLEAN DEFAULT false NOT NULL,",
            ),
        ),
        (
            "sqlite",
            (
                "status VARCHAR(8) DEFAULT 'inactive' NOT NULL,",
                "CONSTRAINT ck_agents_status CHECK (status IN ('active', 'inactive', 'deleted'))",
                "org_ids TEXT NOT NULL,",
                "created_at TEXT NOT NULL,",
            ),
        ),
    ],
)
def test_each_dialect_has_types_of_its_own(dialect: str, lines: tuple[str, ...]) -> None:
    made = [line.strip() for line in statement(dialect, "agents").splitlines()]
    assert [line for line in lines if line not in made] == []


def test_defaults_are_those_of_the_models_and_of_whoever_reads_them() -> None:
    assert "timezone VARCHAR(255) DEFAULT 'Asia/Kolkata'" in statement("mysql", "users")
    assert "token_type VARCHAR(255) DEFAULT 'Bearer'" in statement("postgresql", "user_tokens")
    assert "scope JSONB DEFAULT ('[]') NOT NULL" in statement("postgresql", "user_tokens")
    assert "status ENUM('pending','accepted','expired') NOT NULL DEFAULT 'pending'" in statement(
        "mysql", "pending_invites"
    )


def test_what_is_unique_here_is_unique_there_where_the_dialect_can_say_so() -> None:
    unique = {
        dialect: [each.split(" ON ")[0].split()[-1] for each in ddl(METADATA, dialect) if "UNIQUE" in each]
        for dialect in DIALECTS
    }
    legacy, number, pending = (
        "uq_agents_org_id_legacy_id_unique",
        "uq_agents_one_live_agent_per_number",
        "uq_pending_invites_one_pending_per_email",
    )
    assert unique == {
        "mysql": [legacy],
        "postgresql": [pending, number, legacy],
        "sqlite": [pending, number, legacy],
    }


def test_the_appendix_is_the_statements_of_all_dialects_and_the_same_each_time() -> None:
    text = sql_appendix()
    assert text == sql_appendix()
    assert text.startswith("## SQL appendix\n")
    for dialect in DIALECTS:
        assert all(each in text for each in ddl(METADATA, dialect))
    assert [line for line in text.splitlines() if line != line.rstrip()] == []


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("mysql://u:p@h/d", "mysql+pymysql"),
        ("mariadb://u:p@h/d", "mysql+pymysql"),
        ("mariadb+mysqldb://u:p@h/d", "mysql+mysqldb"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql+pg8000://u:p@h/d", "postgresql+pg8000"),
        ("sqlite:///file.db", "sqlite"),
    ],
)
def test_an_address_without_a_driver_gets_the_one_that_is_installed(text: str, driver: str) -> None:
    assert read_address(text)[0].drivername == driver


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hidden", "This is no address of a database"),
        ("mysql://u:hidden@h:port/d", "This is no address of a database"),
        ("oracle://u:hidden@h/d", "The dialect has to be mysql, postgresql or sqlite."),
        ("sqlite://", "A SQLite database needs a file"),
        ("mysql://u:hidden@h", "The address names no database"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_repeating_it(text: str, sentence: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_address(text)
    assert refused.value.message.startswith(sentence)
    assert "hidden" not in refused.value.message


def test_a_driver_that_is_not_installed_is_named_with_the_extra_that_brings_one() -> None:
    with pytest.raises(Misconfigured, match=r"driver nothing is not installed.*switchboard\[sql\]"):
        engine(sa.make_url("mysql+nothing://u:p@h/d"))
    with pytest.raises(Misconfigured, match="has to be mysql, postgresql or sqlite"):
        read_dialect("oracle")


def test_what_is_shown_of_an_address_has_neither_user_nor_password_nor_options() -> None:
    url, _ = read_address("postgresql://somebody:hidden@db.example:5433/panel?password=hidden&sslcert=hidden")
    assert place(url) == "postgresql://db.example:5433/panel"
