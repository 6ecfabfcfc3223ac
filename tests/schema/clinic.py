"""A database in which nothing is wrong: one organization with two people, an agent, and a calendar with an event."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from bson import ObjectId
from pydantic import SecretStr

from switchboard.agents.model import AgentRevision, OrganizationAgent, new_agent
from switchboard.audit.model import SYSTEM
from switchboard.configurations.model import SECRETS, Configuration, Safe
from switchboard.crypto import KeyRing
from switchboard.events.model import Owner, Window, read_changes

Document = dict[str, Any]

LONG_AGO: Final = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
ORG, OWNER, MEMBER, CALENDAR = "org-1", "olivia", "nina", "calendar-1"
WORD: Final = "sk-plain-secret-of-a-test"


def old_id() -> ObjectId:
    """The id of a document that was inserted long ago."""
    return ObjectId(int(LONG_AGO.timestamp()).to_bytes(4, "big") + os.urandom(8))


def person(user_id: str, **fields: Any) -> Document:
    told = {"user_id": user_id, "email": f"{user_id}@example.com", "created_at": LONG_AGO, "updated_at": LONG_AGO}
    return {"_id": old_id(), **told, **fields}


def organization(org_id: str = ORG, **fields: Any) -> Document:
    times = {"created_at": LONG_AGO, "updated_at": LONG_AGO, "confirmed_at": LONG_AGO, "confirmed_by": "api"}
    counts = {"owner_count": 1, "seats_used": 3, "seat_limit": None, "max_users": None}
    return {"_id": old_id(), "org_id": org_id, "name": org_id, "extra_domains": [], **times, **counts, **fields}


def membership(user_id: str, role: str = "Member", org_id: str = ORG, **fields: Any) -> Document:
    who = {"user_id": user_id, "org_id": org_id, "role_in_org": role, "additional_roles_in_org": []}
    told = {"joined_at": LONG_AGO, "confirmed_at": LONG_AGO, "confirmed_by": "api"}
    return {"_id": old_id(), **who, **told, **fields}


def invite(invite_id: str = "invite-1", **fields: Any) -> Document:
    to = {"invitee_email": "guest@example.com", "email_key": "guest@example.com", "role_in_org": "Member"}
    ahead = datetime.now(UTC) + timedelta(days=1)
    times = {"created_at": LONG_AGO, "sent_at": LONG_AGO, "last_sent_at": LONG_AGO, "expires_at": ahead}
    by = {"inviter_user_id": OWNER, "inviter_email": f"{OWNER}@example.com"}
    ids = {"_id": old_id(), "invite_id": invite_id, "org_id": ORG}
    return {**ids, **to, **by, **times, "status": "pending", "sends": 1, "additional_roles_in_org": [], **fields}


def calendar(user_id: str = OWNER, calendar_id: str = CALENDAR, **fields: Any) -> Document:
    who = {"calendar_id": calendar_id, "user_id": user_id, "primary": True, "busy": True, "timezone": "UTC"}
    state = {
        "status": "synced",
        "org_ids": [ORG],
        "next_sync_at": None,
        "lease_until": None,
        "fence": 1,
        "lane": "whole",
    }
    return {"_id": old_id(), **who, **state, **fields}


def event(number: int = 1, user_id: str = OWNER, calendar_id: str = CALENDAR, **fields: Any) -> Document:
    start, end = LONG_AGO, LONG_AGO + timedelta(hours=1)
    times = {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": end.isoformat()}}
    owner = Owner(user_id, calendar_id, [ORG])
    window = Window(LONG_AGO - timedelta(days=30), LONG_AGO + timedelta(days=30))
    (change,) = read_changes(owner, [{"id": f"google-{number}", "summary": "Standup", **times}], "UTC", window)
    assert change.fields is not None
    return {"_id": change.event_id, "event_id": change.event_id, **change.fields, "run": 1, **fields}


def agent(ring: KeyRing) -> Mapping[str, Document]:
    """An agent with what belongs to it, by collection."""
    made = new_agent(ORG, LONG_AGO)
    secrets: Document = {"chatbot_key": SecretStr(WORD)}
    for path in list(SECRETS)[1:]:
        group, name = path.split(".")
        secrets[group] = {name: SecretStr(WORD)}
    configuration = Configuration(name="Reception").changed(secrets, Safe(ring, made.agent_id))
    made = made.configured(configuration, False)
    ids, times = {"agent_id": made.agent_id, "org_id": ORG}, {"created_at": LONG_AGO, "updated_at": LONG_AGO}
    by = {"at": LONG_AGO, "author": SYSTEM, "author_org_id": ORG}
    parts = {
        "agents": made,
        "agent_configurations": made.beside(configuration),
        "organization_agents": OrganizationAgent(**ids, access="owner", **times),
        "agent_revisions": AgentRevision(**ids, number=1, **by, configuration=configuration),
    }
    return {name: {"_id": old_id(), **part.model_dump()} for name, part in parts.items()}


def fill(database: Any, ring: KeyRing) -> None:
    """Put all of it in."""
    database["users"].insert_many([person(OWNER), person(MEMBER)])
    database["organizations"].insert_one(organization())
    database["user_organizations"].insert_many([membership(OWNER, "Owner"), membership(MEMBER)])
    database["pending_invites"].insert_one(invite())
    connection = {"source": "google", "connected_at": LONG_AGO}
    database["calendar_connections"].insert_one({"_id": old_id(), "user_id": OWNER, **connection})
    database["calendars"].insert_one(calendar())
    database["calendar_events"].insert_many([event(number) for number in range(3)])
    for name, document in agent(ring).items():
        database[name].insert_one(document)
