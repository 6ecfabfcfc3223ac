"""The rows: for every route its kind, and who may do what there. The route table must have no more and no less."""

from typing import Any

from tests.routes.agent_rows import AGENTS
from tests.routes.legacy_rows import PUBLIC_LEGACY
from tests.routes.row import Ask, Route, Row, ServiceRow

# Without a token: what they answer then.
PUBLIC: dict[Route, int] = {
    ("GET", "/health/live"): 200,
    ("GET", "/health/ready"): 200,
    ("GET", "/metrics"): 200,
    ("GET", "/v1/calendar/callback"): 303,
    ("GET", "/openapi.json"): 200,
    ("GET", "/docs"): 200,
    ("GET", "/docs/oauth2-redirect"): 200,
    **PUBLIC_LEGACY,
}
# For a person who has nothing yet and sends no body: each of them speaks of the caller alone.
OWN: dict[Route, int] = {
    ("GET", "/v1/me"): 200,
    ("PATCH", "/v1/me"): 422,
    ("GET", "/v1/me/welcome-form"): 200,
    ("PUT", "/v1/me/welcome-form"): 422,
    ("GET", "/v1/me/bootstrap"): 200,
    ("POST", "/v1/me/calendar/connect"): 200,
    ("POST", "/v1/me/calendar/confirm"): 422,
    ("POST", "/v1/me/calendar/connect/propelauth"): 404,
    ("GET", "/v1/me/calendar"): 200,
    ("DELETE", "/v1/me/calendar"): 404,
    ("POST", "/v1/me/calendar/sync"): 404,
    ("GET", "/v1/me/events"): 422,
    ("POST", "/v1/me/events"): 422,
    ("PATCH", "/v1/me/events/{event_id}"): 422,
    ("DELETE", "/v1/me/events/{event_id}"): 404,
    ("GET", "/v1/me/working-hours"): 200,
    ("PUT", "/v1/me/working-hours"): 422,
    ("GET", "/v1/me/calendars"): 404,
    ("PUT", "/v1/me/calendars"): 422,
    ("GET", "/v1/me/calendar-sharing"): 200,
    ("GET", "/v1/roles"): 200,
    ("GET", "/v1/catalogue"): 200,
    ("GET", "/v1/orgs"): 200,
    ("GET", "/v1/me/invites"): 200,
    ("GET", "/v1/me/joinable-orgs"): 200,
}
_RANGE = {"from": "2026-11-23T00:00:00Z", "to": "2026-11-24T00:00:00Z"}
_HOUR = {"start": "2027-01-11T10:00:00Z", "end": "2027-01-11T11:00:00Z"}
_RUNS = {"inactive agent": 409, "deleted agent": 410}
_NO_MORE = {"inactive agent": 409, "deleted agent": 404}  # its number is free
# For services, by a key of theirs: to any other caller they answer 401, whatever token comes along.
SERVICES: dict[Route, ServiceRow] = {
    ("GET", "/internal/v1/self"): ServiceRow(),
    ("GET", "/internal/v1/changes"): ServiceRow("changes.read", params={"cursor": "{feed}", "wait": 0, "limit": 500}),
    ("POST", "/internal/v1/users/{user_id}/calendar-token"): ServiceRow(
        "calendars.token", "user", alters=frozenset({"audit_log"})
    ),
    ("POST", "/internal/v1/users/{user_id}/events"): ServiceRow(
        "calendars.book",
        "user",
        json={"title": "Call", **_HOUR, "on_conflict": "allow"},
        alters=frozenset({"audit_log"}),
        status=201,
    ),
    ("PATCH", "/internal/v1/users/{user_id}/events/{event_id}"): ServiceRow(
        "calendars.book", "user", json={"title": "Talk"}, alters=frozenset({"audit_log"})
    ),
    ("DELETE", "/internal/v1/users/{user_id}/events/{event_id}"): ServiceRow(
        "calendars.book", "user", alters=frozenset({"audit_log"}), status=204
    ),
    ("POST", "/internal/v1/availability"): ServiceRow(
        "calendars.availability",
        "organization",
        json={"org_id": "{org_id}", "all_of": ["{user_id}"], "duration_minutes": 30, **_RANGE},
    ),
    ("GET", "/internal/v1/agents/{agent_id}/runtime"): ServiceRow(
        "agents.runtime", "agent", others=_RUNS, alters=frozenset({"audit_log"}), secrets=True
    ),
    ("GET", "/internal/v1/agents/by-phone/{number}/runtime"): ServiceRow(
        "agents.runtime", "number", others=_NO_MORE, alters=frozenset({"audit_log"}), secrets=True
    ),
}
# For vendors, by their signature or secret: what they answer to everybody else.
WEBHOOKS: dict[Route, int] = {("POST", "/v1/webhooks/propelauth"): 400, ("POST", "/v1/calendar/notifications"): 404}


def _changes(needs: str, **fields: Any) -> Ask:
    return Ask(needs, json=fields)


_TO_ACCESS = "org.update_access"
_MINE = "/v1/me/invites/{invite_id}"
_ORG = "/v1/orgs/{org_id}"
_MEMBER = f"{_ORG}/members/{{user_id}}"
_INVITES = f"{_ORG}/invites"
_INVITE = f"{_INVITES}/{{invite_id}}"
_WEEK = {"from": "2026-11-23T00:00:00Z", "to": "2026-11-30T00:00:00Z"}
_MEMBERS = ("auditor", "member", "editor", "admin", "owner")

ORGANIZATIONS: dict[Route, Row] = {
    ("POST", "/v1/orgs"): Row(
        201,
        (Ask(json={"name": "{new_name}", "display_name": "New", "description": "One more"}),),
        writes=True,
        people=True,
        exists=False,
        belongs=False,
        others={"newcomer": 403},
    ),
    ("GET", _ORG): Row(200, (Ask("org.read"),)),
    ("PATCH", _ORG): Row(
        200,
        (
            _changes("org.update", description="{new_name}"),
            _changes("org.update", display_name="{new_name}"),
            _changes("org.update", name="{new_name}"),
            _changes(_TO_ACCESS, domain="{new_domain}"),
            _changes(_TO_ACCESS, extra_domains=["{new_domain}"]),
            _changes(_TO_ACCESS, enable_auto_joining_by_domain=False),
            _changes(_TO_ACCESS, members_must_have_matching_domain=True),
            _changes(_TO_ACCESS, max_users=100),
            _changes(_TO_ACCESS, can_setup_saml=True),
            _changes(_TO_ACCESS, description="{new_name}", max_users=100),
        ),
        writes=True,
    ),
    ("GET", f"{_ORG}/deletion"): Row(200, (Ask("org.delete"),)),
    ("DELETE", _ORG): Row(204, (Ask("org.delete"),), writes=True),
    ("GET", f"{_ORG}/audit"): Row(
        200,
        (
            Ask("audit.read_own"),
            Ask("audit.read_own", params={"actor_id": "{self}", "limit": 5}),
            Ask("audit.read", params={"actor_id": "{owner}"}),
            Ask("audit.read", params={"actor_id": "propelauth", "action": "member.joined"}),
        ),
        names=True,
    ),
    ("GET", f"{_ORG}/members"): Row(
        200, (Ask("members.read"), Ask("members.read", params={"role": "Member", "search": "a", "limit": 2}))
    ),
    ("GET", _MEMBER): Row(200, (Ask("members.read"),), child="member"),
    ("PATCH", _MEMBER): Row(
        200,
        (
            Ask("members.change_role", json={"role_in_org": "Member", "additional_roles_in_org": ["agent_editor"]}),
            Ask("members.change_role", json={"role_in_org": "Admin"}),
        ),
        child="member",
        writes=True,
    ),
    ("DELETE", _MEMBER): Row(204, (Ask("members.remove"),), child="member", writes=True),
    ("GET", f"{_ORG}/events"): Row(
        200,
        (
            Ask("calendar.read", params=_WEEK),
            Ask("calendar.read", params={**_WEEK, "member": "{owner}", "text": "a", "limit": 2}),
        ),
    ),
    ("PUT", f"{_ORG}/calendar-sharing"): Row(
        200, (Ask(json={"shows": "busy"}, alters=frozenset({"calendar_sharing"})),), writes=True, people=True
    ),
    ("POST", f"{_ORG}/free-busy"): Row(200, (Ask("calendar.read", json={"people": ["{child}"], **_RANGE}),), "member"),
    ("POST", f"{_ORG}/availability"): Row(
        200,
        (
            Ask("calendar.read", json={"all_of": ["{child}"], "duration_minutes": 30, **_RANGE}),
            Ask("calendar.read", json={"any_of": ["{owner}"], "duration_minutes": 30, **_RANGE}),
        ),
        "member",
    ),
    ("POST", f"{_ORG}/leave"): Row(204, (Ask(),), writes=True, people=True),
    ("POST", f"{_ORG}/transfer"): Row(
        200, (Ask("org.transfer", json={"user_id": "{child}"}),), child="member", writes=True, people=True
    ),
    ("GET", _INVITES): Row(200, (Ask("invites.read"), Ask("invites.read", params={"status": "pending", "limit": 1}))),
    ("POST", _INVITES): Row(
        201,
        (
            Ask("invites.create", json={"email": "{new_email}"}),
            Ask("invites.create", json={"email": "{new_email}", "role_in_org": "Admin"}),
            Ask("invites.create", json={"email": "{new_email}", "additional_roles_in_org": ["agent_editor"]}),
        ),
        writes=True,
    ),
    ("POST", f"{_INVITES}/bulk"): Row(
        200, (Ask("invites.create", json={"invites": [{"email": "{new_email}"}]}),), writes=True
    ),
    ("GET", _INVITE): Row(200, (Ask("invites.read"),), child="invite"),
    ("POST", f"{_INVITE}/resend"): Row(200, (Ask("invites.resend"),), child="invite", writes=True),
    ("DELETE", _INVITE): Row(200, (Ask("invites.revoke"),), child="invite", writes=True),
    # For those who do not belong there yet: who was invited, or has an address at its domain.
    ("POST", f"{_ORG}/join"): Row(
        200,
        (Ask(),),
        writes=True,
        people=True,
        belongs=False,
        others={**dict.fromkeys((*_MEMBERS, "joiner"), 200), "removed member": 403, "member removed just now": 403},
        idle=frozenset(_MEMBERS),
    ),
    ("POST", f"{_MINE}/accept"): Row(
        200,
        (Ask(),),
        child="mine",
        writes=True,
        people=True,
        belongs=False,
        others={"invitee": 200, "newcomer": 403},
    ),
    ("POST", f"{_MINE}/decline"): Row(
        204,
        (Ask(),),
        child="mine",
        writes=True,
        people=True,
        belongs=False,
        others={"invitee": 204, "newcomer": 403},
    ),
}

BOUND: dict[Route, Row] = {**ORGANIZATIONS, **AGENTS}
ROUTES: tuple[Route, ...] = (*PUBLIC, *OWN, *SERVICES, *WEBHOOKS, *BOUND)
