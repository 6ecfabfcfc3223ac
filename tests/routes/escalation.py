"""Nobody gives more than they have: every actor, whom they do it to, and what they give, through every door.

What is due is said here by hand, and not asked of the code.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from itertools import product
from types import MappingProxyType
from typing import Any, Final
from uuid import uuid4

from tests.routes.client import Answer, Client, together
from tests.routes.companies import BOUND_KEYS, MEMBERS, UNKNOWN_ROLE, Company, Rights, new_company
from tests.routes.outcome import Outcome
from tests.routes.row import Route

Door = Callable[[Client, str], AsyncIterator[Outcome]]

BUT: Final = ", but what is stored says otherwise"

ACTORS: Final[dict[str, Rights]] = {**MEMBERS, "admin and analyst": ("Admin", ("analyst",)), **BOUND_KEYS}
TARGETS: Final[dict[str, Rights]] = {
    "an Owner": ("Owner", ()),
    "an Admin": ("Admin", ()),
    "a Member": ("Member", ()),
    "a Member and agent_editor": ("Member", ("agent_editor",)),
    "a Member and analyst": ("Member", ("analyst",)),
    "one in an unknown role": (UNKNOWN_ROLE, ()),
}
THEMSELVES: Final = "themselves"
# `analyst` is an additional role that PropelAuth knows and we do not.
GIVEN: Final[tuple[Rights, ...]] = (
    *((role, ()) for role in ("Owner", "Admin", "Member")),
    *product(("Admin", "Member"), (("agent_editor",), ("agent_editor", "analyst"))),
    ("Member", ("analyst",)),
)

ROLE_CHANGE: Final = ("PATCH", "/v1/orgs/{org_id}/members/{user_id}")
REMOVAL: Final = ("DELETE", "/v1/orgs/{org_id}/members/{user_id}")
INVITE: Final = ("POST", "/v1/orgs/{org_id}/invites")
BULK: Final = ("POST", "/v1/orgs/{org_id}/invites/bulk")
RESEND: Final = ("POST", "/v1/orgs/{org_id}/invites/{invite_id}/resend")


def may_give(actor: Rights, given: Rights, had: Iterable[str] = ()) -> bool:
    """An Owner anything; an Admin up to Admin, with additional roles that Admins include, they hold, or were there."""
    if actor[0] == "Owner":
        return True
    includes = {"agent_editor", *actor[1], *had}
    return actor[0] == "Admin" and given[0] != "Owner" and set(given[1]) <= includes


def may_manage(actor: Rights, target: Rights) -> bool:
    """An Owner everybody; an Admin whoever is neither Owner nor Admin; all others nobody."""
    return actor[0] == "Owner" or (actor[0] == "Admin" and target[0] not in ("Owner", "Admin"))


async def by_role_change(client: Client, actor: str) -> AsyncIterator[Outcome]:
    company = await _company(client, actor, TARGETS)
    for given in GIVEN:
        for target in [*TARGETS, *([THEMSELVES] if actor in company.people else [])]:
            who = actor if target == THEMSELVES else target
            had = {**ACTORS, **TARGETS}[who]
            allowed = may_manage(ACTORS[actor], had) and may_give(ACTORS[actor], given, had[1])
            answer = await _send(company, actor, ROLE_CHANGE, _body(given), user_id=company.people[who].user_id)
            now, due = _stands(company, who), given if allowed else had
            got = _but(answer, now == (due, due))
            yield Outcome(ROLE_CHANGE, actor, f"{target} becomes {_words(given)}", str(200 if allowed else 403), got)
            if now != (had, had):
                client.world.propelauth.change_role(company.org_id, company.people[who].user_id, *had)
                await company.look(who)


async def by_removal(client: Client, actor: str) -> AsyncIterator[Outcome]:
    company = await _company(client, actor, TARGETS)
    for target, had in TARGETS.items():
        allowed = may_manage(ACTORS[actor], had)
        answer = await _send(company, actor, REMOVAL, None, user_id=company.people[target].user_id)
        due = None if allowed else had
        got = _but(answer, _stands(company, target) == (due, due))
        yield Outcome(REMOVAL, actor, target, str(204 if allowed else 403), got)


async def by_invite(client: Client, actor: str) -> AsyncIterator[Outcome]:
    company = await _company(client, actor)
    for given in GIVEN:
        allowed, email = may_give(ACTORS[actor], given), _email()
        answer = await _send(company, actor, INVITE, {"email": email, **_body(given)})
        got = _but(answer, _invited(company, email) == (given if allowed else None))
        yield Outcome(INVITE, actor, f"as {_words(given)}", str(201 if allowed else 403), got)


async def by_invites_in_bulk(client: Client, actor: str) -> AsyncIterator[Outcome]:
    company, wanted = await _company(client, actor), {_email(): given for given in GIVEN}
    rows = [{"email": email, **_body(given)} for email, given in wanted.items()]
    answer = await _send(company, actor, BULK, {"invites": rows})
    told = answer.json()["rows"] if answer.status == 200 else [{"code": "missing_permission"} for _ in rows]
    for (email, given), row in zip(wanted.items(), told, strict=True):
        allowed = may_give(ACTORS[actor], given)
        refused = "above_own_role" if ACTORS[actor][0] in ("Owner", "Admin") else "missing_permission"
        as_due = _invited(company, email) == (given if allowed else None)
        got = (row["code"] or "created") + ("" if as_due else BUT)
        yield Outcome(BULK, actor, f"as {_words(given)}", "created" if allowed else refused, got)


async def by_resending(client: Client, actor: str) -> AsyncIterator[Outcome]:
    """Who sends an invite again gives what is in it."""
    company, wanted = await _company(client, actor), {_email(): given for given in GIVEN}
    for email, given in wanted.items():
        client.world.propelauth.invite(email, company.org_id, *given)
    await company.mirror()
    for email, given in wanted.items():
        allowed, invite_id = may_give(ACTORS[actor], given), company.invites[email]
        answer = await _send(company, actor, RESEND, None, invite_id=invite_id)
        sends = client.world.database["pending_invites"].find_one({"invite_id": invite_id})["sends"]
        got = _but(answer, sends == 1 + allowed)
        yield Outcome(RESEND, actor, f"as {_words(given)}", str(200 if allowed else 403), got)


DOORS: Final[tuple[Door, ...]] = (by_role_change, by_removal, by_invite, by_invites_in_bulk, by_resending)


async def through(client: Client, door: Door, *, whole: bool = True) -> list[Outcome]:
    """All that can be tried there; unless it is to be the `whole` of it, by the three roles and a third of the rest."""
    roles = ("owner", "admin", "member")
    rest = [actor for actor in ACTORS if actor not in roles]
    some = [*roles, *rest[DOORS.index(door) % 3 :: 3]]
    return await together(door(client, actor) for actor in (ACTORS if whole else some))


async def _company(client: Client, actor: str, targets: Mapping[str, Rights] = MappingProxyType({})) -> Company:
    """An organization with the actor, if it is a person, and with whom they do it to."""
    persons = {actor: ACTORS[actor]} if actor not in BOUND_KEYS else {}
    return await new_company(client, {**persons, **targets}, invited=())


async def _send(company: Company, actor: str, route: Route, body: dict[str, Any] | None, **ids: str) -> Answer:
    method, path = route
    headers = await company.headers(actor)
    return await company.client.ask((method, path.format(org_id=company.org_id, **ids)), headers, body=body)


def _body(given: Rights) -> dict[str, Any]:
    return {"role_in_org": given[0], "additional_roles_in_org": list(given[1])}


def _stands(company: Company, who: str) -> tuple[Rights | None, Rights | None]:
    """Somebody's rights at PropelAuth, and here."""
    user_id = company.people[who].user_id
    there = company.world.propelauth.membership(company.org_id, user_id)
    here = company.world.database["user_organizations"].find_one({"user_id": user_id, "org_id": company.org_id})
    return (
        (there.role, tuple(there.additional_roles)) if there else None,
        (here["role_in_org"], tuple(here["additional_roles_in_org"])) if here else None,
    )


def _invited(company: Company, email: str) -> Rights | None:
    """What somebody is invited as, at PropelAuth and here."""
    stored = company.world.database["pending_invites"].find_one({"org_id": company.org_id, "invitee_email": email})
    here = (stored["role_in_org"], tuple(stored["additional_roles_in_org"])) if stored else None
    sent = [each for each in company.world.propelauth.pending_invites(company.org_id) if each.invitee_email == email]
    there = (sent[0].role, tuple(sent[0].additional_roles)) if sent else None
    return here if here == there else ("differs", ())


def _but(answer: Answer, as_due: bool) -> str:
    return str(answer.status) + ("" if as_due else BUT)


def _words(given: Rights) -> str:
    return " and ".join([given[0], *given[1]])


def _email() -> str:
    return f"{uuid4().hex[:12]}@elsewhere.example"
