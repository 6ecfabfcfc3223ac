"""Memberships, changes and looks as plain objects."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from switchboard.audit.model import Actor
from switchboard.clients.propelauth_facts import MembershipFacts
from switchboard.memberships.model import Kind, MembershipChange, Seen, UserOrganization

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORG, ADA = "org", "ada"
OLIVIA = Actor(kind="user", id="olivia", name="olivia@example.com")
_tickets = count(1)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def member(role: str = "Member", additional: tuple[str, ...] = (), user_id: str = ADA) -> UserOrganization:
    earlier = NOW - timedelta(days=30)
    confirmed: dict[str, Any] = {"joined_at": earlier, "confirmed_at": earlier, "confirmed_by": "webhook"}
    roles = {"role_in_org": role, "additional_roles_in_org": list(additional)}
    return UserOrganization(user_id=user_id, org_id=ORG, **roles, **confirmed)


def fact(role: str = "Member", additional: tuple[str, ...] = (), user_id: str = ADA) -> MembershipFacts:
    return MembershipFacts(ORG, user_id, role, additional)


def change(kind: Kind, role: str | None = None, at: datetime = NOW, **fields: Any) -> MembershipChange:
    known: dict[str, Any] = {"org_id": ORG, "user_id": ADA, "actor": OLIVIA, "request_id": "request", **fields}
    return MembershipChange(
        change_id=uuid4().hex, kind=kind, role_in_org=role, at=at, look_again_at=at + seconds(15), **known
    )


def look(at: datetime = NOW, *finished: MembershipChange) -> Seen:
    """A look that ends these changes."""
    return Seen("api", at, frozenset(each.change_id for each in finished), next(_tickets))
