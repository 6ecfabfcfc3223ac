"""Every route, asked by every caller for every target: what the rows expect, and what came back."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from fastapi.routing import APIRoute

from switchboard.roles.model import PERMISSIONS, ROLES
from tests.routes.client import Answer, Headers, together
from tests.routes.companies import (
    BESIDE,
    BOUND_KEYS,
    CALLERS,
    LIVE_KEYS,
    MEMBERS,
    PERSONS,
    UNKNOWN,
    Company,
    Rights,
    Stage,
)
from tests.routes.rows import ORGANIZATIONS, OWN, PUBLIC, ROUTES, SERVICES, WEBHOOKS, Ask, Route, Row
from tests.routes.watch import Watch
from tests.world import World

OWN_TARGET = "own"
# Where an organization is named, and where something of it is. The first of each is not there at all: the answer to
# the others must be just like it, so that nobody learns what exists.
ORGANIZATION_TARGETS = ("missing organization", "others' organization", "deleted organization", "own id in capitals")
MINE_TOO = "child of my other organization"
CHILD_TARGETS = ("missing child", "others' child", "child of a deleted organization", MINE_TOO)


@dataclass(frozen=True)
class Outcome:
    """What one caller got from one route for one target; `got` says too what should not have happened besides."""

    route: Route
    caller: str
    target: str
    expected: str
    got: str

    @property
    def wrong(self) -> bool:
        return self.expected != self.got

    def __str__(self) -> str:
        return f"{' '.join(self.route)} | {self.caller} | {self.target} | expected {self.expected} | got {self.got}"


@dataclass(frozen=True)
class Call:
    """Who asks what, for which target."""

    caller: str
    ask: Ask
    target: str = OWN_TARGET
    title: str = OWN_TARGET


def routes_of(world: World) -> set[Route]:
    """The route table of the application."""
    described = {(method.upper(), path) for path, methods in world.app.openapi()["paths"].items() for method in methods}
    mounted = {
        (method, route.path)
        for route in world.app.routes
        if hasattr(route, "methods") and hasattr(route, "path")
        for method in route.methods or ()
        if method != "HEAD" or isinstance(route, APIRoute)
    }
    return described | mounted


def unmatched(world: World) -> Iterator[Outcome]:
    """Routes without a row, and rows without a route."""
    routes = routes_of(world)
    for route in sorted(routes - set(ROUTES)):
        yield Outcome(route, "anybody", "any", "a row", "no row")
    for route in sorted(set(ROUTES) - routes):
        yield Outcome(route, "anybody", "any", "a route", "no route")


def permits(rights: Rights, needed: str) -> bool:
    """What the table of roles says; KeyError for a permission that is not in it."""
    permission = {each.name: each for each in PERMISSIONS}[needed]
    role, additional = rights
    return role in permission.roles or (role in ROLES and not set(additional).isdisjoint(permission.additional))


def expected_status(row: Row, call: Call) -> int:
    """What a row and the table of roles say that this call gets."""
    if call.caller in UNKNOWN or (row.people and call.caller in LIVE_KEYS):
        return 401
    if call.target in ORGANIZATION_TARGETS:
        return 404
    if not row.belongs:
        others = row.others.get(call.caller, 404 if row.exists else row.status)
        return others if call.target == OWN_TARGET else 404
    rights = {**MEMBERS, **BOUND_KEYS}.get(call.caller)
    if rights is None:
        return 404
    if call.ask.needs is not None and not permits(rights, call.ask.needs):
        return 403
    return row.status if call.target == OWN_TARGET else 404


def plain_status(route: Route, caller: str) -> int:
    """What a route that is bound to no organization answers to this caller."""
    if route in SERVICES:
        return 200 if caller in (*LIVE_KEYS, BESIDE, "malformed token beside a key") else SERVICES[route]
    if route in OWN:
        return OWN[route] if caller in (*PERSONS, BESIDE) else 401
    return {**PUBLIC, **WEBHOOKS}[route]


def calls(route: Route, row: Row, caller: str) -> Iterator[Call]:
    """What a caller asks of a bound route: the first ask for all targets, and the others for one's own."""
    for target in _targets(route, row, caller):
        yield Call(caller, row.asks[0], target, target)
    for number, ask in enumerate(row.asks[1:], 2):
        if caller not in UNKNOWN:
            yield Call(caller, ask, title=f"{OWN_TARGET}, ask {number}")


def _targets(route: Route, row: Row, caller: str) -> Iterator[str]:
    named = [ORGANIZATION_TARGETS] if "{org_id}" in route[1] else []
    named += [CHILD_TARGETS] if row.child else []
    for group in named:
        if caller in UNKNOWN:
            yield group[0]
        else:
            yield from (target for target in group if target != MINE_TOO or caller in MEMBERS)
    yield OWN_TARGET


async def outcomes(stage: Stage, route: Route) -> list[Outcome]:
    """All combinations of a route.

    Who may change something does so in an organization of their own; all others must leave the stage as it is. Whether
    they did is looked at once in the end, and if not, everything is asked again with a look after each call.
    """
    watch = Watch(stage.client.world, stage.companies)
    found = await together(_asked_by(stage, route, caller) for caller in CALLERS)
    return await _with_a_look_at_each(stage, route) if watch.changes() else found


async def _with_a_look_at_each(stage: Stage, route: Route) -> list[Outcome]:
    await stage.renew()
    watch, found = Watch(stage.client.world, stage.companies), list[Outcome]()
    for caller in CALLERS:
        async for outcome in _asked_by(stage, route, caller):
            changes = watch.changes()
            found.append(replace(outcome, got=", ".join([outcome.got, *changes])))
            if changes:  # what others are to find is not there any more
                await stage.renew()
                watch = Watch(stage.client.world, stage.companies)
    return found


async def _asked_by(stage: Stage, route: Route, caller: str) -> AsyncIterator[Outcome]:
    row = ORGANIZATIONS.get(route)
    if row is not None:
        async for outcome in _bound(stage, route, row, caller):
            yield outcome
        return
    answer = await stage.client.ask(route, await stage.headers(caller))
    told = [] if route in SERVICES else _told(stage, caller, answer)  # a key's holder is told what it is bound to
    yield Outcome(route, caller, OWN_TARGET, str(plain_status(route, caller)), _got(answer, told))


async def _bound(stage: Stage, route: Route, row: Row, caller: str) -> AsyncIterator[Outcome]:
    missing, own = dict[str, Any](), None
    for call in calls(route, row, caller):
        expected = expected_status(row, call)
        if row.writes and expected < 400:
            own = own or await stage.fresh(caller, row.child)
            got = await _change(route, row, call, own)
        else:
            at, names = _target(stage, row, call), stage.home.names(caller)
            answer = await _send(route, call, stage.home, await stage.headers(caller), at, names)
            made = {org.name for org in stage.client.world.propelauth.world.orgs.values()}
            created = ["created it"] if names["new_name"] in made else []
            got = _got(answer, [*created, *_told(stage, caller, answer), *_unlike(missing, call, answer)])
        yield Outcome(route, caller, call.title, str(expected), got)


async def _change(route: Route, row: Row, call: Call, company: Company) -> str:
    headers = await company.headers(call.caller)
    watch = Watch(company.world, [company])
    at = company.org_id, company.child(row.child, call.caller)
    answer = await _send(route, call, company, headers, at, company.names(call.caller))
    changes = watch.changes()
    if call.caller in row.idle:
        return _got(answer, changes)
    return _got(answer, [] if changes else ["changed nothing"])


def _target(stage: Stage, row: Row, call: Call) -> tuple[str, str]:
    """The organization and what of it is meant."""
    home = stage.home
    where: dict[str, tuple[str, Company | None]] = {
        "missing organization": (str(uuid4()), home),
        "others' organization": (stage.elsewhere.org_id, stage.elsewhere),
        "deleted organization": (stage.gone.org_id, stage.gone),
        "own id in capitals": (home.org_id.upper(), home),
        "missing child": (home.org_id, None),
        "others' child": (home.org_id, stage.elsewhere),
        "child of a deleted organization": (home.org_id, stage.gone),
        MINE_TOO: (home.org_id, stage.second),
        OWN_TARGET: (home.org_id, home),
    }
    org_id, company = where[call.target]
    missing = str(uuid4()) if row.child == "member" else uuid4().hex
    return org_id, missing if company is None else company.child(row.child, call.caller)


async def _send(
    route: Route, call: Call, company: Company, headers: Headers, at: tuple[str, str], names: dict[str, str]
) -> Answer:
    method, path = route
    org_id, child = at
    names = {**names, "child": child}
    params, body = _filled(call.ask.params, names), _filled(call.ask.json, names)
    there = method, path.format(org_id=org_id, user_id=child, invite_id=child)
    return await company.client.ask(there, headers, params, body)


def _filled(pattern: Any, names: dict[str, str]) -> Any:
    if isinstance(pattern, dict):
        return {name: _filled(value, names) for name, value in pattern.items()}
    if isinstance(pattern, list):
        return [_filled(value, names) for value in pattern]
    return pattern.format(**names) if isinstance(pattern, str) else pattern


def _got(answer: Answer, besides: list[str]) -> str:
    return ", ".join([str(answer.status), *besides])


def _told(stage: Stage, caller: str, answer: Answer) -> list[str]:
    """Whether an answer tells of an organization that is none of the caller's; a refusal tells of none at all."""
    seen = () if answer.status >= 400 else stage.seen_by(caller)
    others = [company for company in stage.companies if not any(company is each for each in seen)]
    return ["told of others"] if any(text in answer.text for each in others for text in each.told) else []


def _unlike(missing: dict[str, Any], call: Call, answer: Answer) -> list[str]:
    """Whether something that is there is refused in other words than something that is not."""
    for first, *others in (ORGANIZATION_TARGETS, CHILD_TARGETS):
        if call.target == first:
            missing[first] = _words(answer)
        elif call.target in others or (call.caller in UNKNOWN and first in missing):
            return [] if missing[first] == _words(answer) else ["unlike what is missing"]
    return []


def _words(answer: Answer) -> Any:
    refused = answer.status >= 400
    return {name: text for name, text in answer.json().items() if name != "request_id"} if refused else answer.body
