"""Documents of the nine entities as they are stored, put into a database, and what a SQL database holds of them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from switchboard.agents.model import Agent, AgentConfiguration, OrganizationAgent
from switchboard.events.model import CalendarEvent
from switchboard.invites.model import PendingInvite
from switchboard.memberships.model import UserOrganization
from switchboard.organizations.model import Organization

AT: Final = datetime(2026, 3, 29, 1, 30, 0, 123_000, UTC)
TIMES: Final[dict[str, Any]] = {"created_at": AT, "updated_at": AT}
CONFIRMED: Final[dict[str, Any]] = {"confirmed_at": AT, "confirmed_by": "backfill"}
TABLES: Final = (
    "users",
    "user_tokens",
    "organizations",
    "user_organizations",
    "pending_invites",
    "calendar_events",
    "agents",
    "agent_configurations",
    "organization_agents",
)
SECRETS: Final = (
    "secret-access",
    "secret-refresh",
    "secret-client",
    "enc:v1:k:chatbot",
    "enc:v1:k:tts",
    "enc:v1:k:stt",
)


def user(number: int, **fields: Any) -> dict[str, Any]:
    """A document as version 3 of the old backend left it."""
    return {
        "user_id": f"u{number}",
        "email": f"u{number}@northwind.example",
        "user_info": {"first_name": "Ada", "picture_url": "https://pictures.example/ada"},
        "access_token": "secret-access",
        "refresh_token": "secret-refresh",
        "token_type": "Bearer",
        "token_expiration": 1_750_000_000,
        "client_id": "client",
        "client_secret": "secret-client",
        "scope": ["openid", "email"],
        "has_calendar_access": True,
        **TIMES,
        **fields,
    }


def welcome_only(number: int) -> dict[str, Any]:
    form = {"is_doctor": True, "first_name": 'Dr. "O\'Neil" \\ 🩺', "qualifications": [{"year": 2001, "score": 1.0}]}
    return {"user_id": f"u{number}", "welcome_form_completed": True, "welcome_form_data": form, "updated_at": AT}


def organization(number: int, **fields: Any) -> dict[str, Any]:
    return Organization(org_id=f"o{number}", name=f"Org {number}", **TIMES, **CONFIRMED, **fields).model_dump()


def membership(user_number: int, org_number: int) -> dict[str, Any]:
    ids = {"user_id": f"u{user_number}", "org_id": f"o{org_number}"}
    return UserOrganization(**ids, role_in_org="Owner", joined_at=AT, **CONFIRMED).model_dump()


def event(number: int, user_number: int, **fields: Any) -> dict[str, Any]:
    known = {
        "event_id": f"e{number}",
        "user_id": f"u{user_number}",
        "calendar_id": "c",
        "google_event_id": f"g{number}",
    }
    times = {"start_time": AT, "end_time": AT + timedelta(hours=1), "timezone": "Europe/Berlin", **TIMES}
    guests = {"attendees": ["a@b.example"], "attendee_states": [{"email": "a@b.example", "response": "accepted"}]}
    made = CalendarEvent(**{**known, **times, **guests, "title": f"Visit {number}", **fields}).model_dump()
    return {"_id": made["event_id"], **made, "run": 3}


def agent(number: int, org_number: int, **fields: Any) -> dict[str, Any]:
    known = {"agent_id": f"a{number}", "org_id": f"o{org_number}", "org_ids": [f"o{org_number}"], "etag": "x"}
    given = {"name": "Reception", "chatbot_key": "enc:v1:k:chatbot", "phone_number": f"+4930123456{number}"}
    return Agent(**{**known, **given, **TIMES, **fields}).model_dump()


def configuration(number: int, org_number: int) -> dict[str, Any]:
    """The speech is as the oldest program stored it."""
    speech = {"voice_id": "v", "tts_api_key": "enc:v1:k:tts", "model": "sonic-2", "speed": 1.25}
    recognition = {"api_key": "enc:v1:k:stt", "model": "nova-2", "language": "en"}
    ids = {"agent_id": f"a{number}", "org_id": f"o{org_number}"}
    made = AgentConfiguration(**ids, tts_config=speech, stt_config=recognition, **TIMES)  # type: ignore[arg-type]
    return {**made.model_dump(), "tts_config": speech}


def link(number: int, org_number: int) -> dict[str, Any]:
    return OrganizationAgent(agent_id=f"a{number}", org_id=f"o{org_number}", access="owner", **TIMES).model_dump()


def invite(number: int, org_number: int, **fields: Any) -> dict[str, Any]:
    email = f"guest{number}@northwind.example"
    times = {"created_at": AT, "expires_at": AT + timedelta(days=7), "last_sent_at": AT}
    known = {"invite_id": f"i{number}", "org_id": f"o{org_number}", "invitee_email": email, "email_key": email}
    return PendingInvite(**{**known, "role_in_org": "Member", "inviter_user_id": "u1", **times, **fields}).model_dump()


def fill(database: Any, events: int = 3) -> dict[str, int]:
    """Put in some of everything that refers to something; how many rows each table gets."""
    documents = {
        "users": [user(1), user(2, refresh_token=None), welcome_only(3)],
        "organizations": [organization(1, extra_domains=["a.example"]), organization(2, max_users=5)],
        "user_organizations": [membership(1, 1), membership(2, 1), membership(3, 2)],
        "calendar_events": [event(number, 1 + number % 2) for number in range(events)],
        "agents": [agent(1, 1), agent(2, 2, status="deleted", deleted_at=AT)],
        "agent_configurations": [configuration(1, 1), configuration(2, 2)],
        "organization_agents": [link(1, 1), link(2, 2)],
        "pending_invites": [invite(1, 1), invite(2, 2, status="expired", ended_at=AT)],
    }
    for name, found in documents.items():
        database[name].insert_many(found)
    return {name: {"user_tokens": 2}.get(name) or len(documents[name]) for name in TABLES}


def rows(file: Path, table: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(f"SELECT * FROM {table} ORDER BY 1, 2")]  # noqa: S608


def counts(file: Path) -> dict[str, int]:
    with closing(sqlite3.connect(file)) as database:
        return {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in TABLES}  # noqa: S608


def broken(file: Path) -> list[Any]:
    """What SQLite finds wrong with the file, and with its references."""
    with closing(sqlite3.connect(file)) as database:
        found = database.execute("PRAGMA foreign_key_check").fetchall()
        return found + [row for row in database.execute("PRAGMA integrity_check") if row != ("ok",)]


def all_bytes(folder: Path) -> Iterator[bytes]:
    for file in folder.iterdir():
        yield file.read_bytes()
