"""Every route, asked by every caller for every target: what the rows expect, and what came back."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from uuid import uuid4
from zlib import crc32

from fastapi.routing import APIRoute

from switchboard.configurations.model import MASK
from switchboard.roles.model import PERMISSIONS, ROLES
from tests.routes import services
from tests.routes.client import Answer, Client, Headers, together
from tests.routes.companies import (
    BESIDE,
    BOUND_KEYS,
    CALLERS,
    GRANTEE_KEYS,
    GRANTEES,
    LIVE_KEYS,
    MEMBERS,
    PERSONS,
    UNKNOWN,
    Company,
    Rights,
)
from tests.routes.legacy_rows import LEGACY
from tests.routes.outcome import (
    CHILD_TARGETS,
    GIVEN,
    GRANTEE_TARGETS,
    MINE_TOO,
    MISSING_REVISION,
    ORGANIZATION_TARGETS,
    OWN_TARGET,
    Alike,
    Outcome,
    got,
    told,
    told_keys,
)
from tests.routes.row import AGENT_KINDS, Ask, Route, Row, filled
from tests.routes.rows import BOUND, OWN, PUBLIC, ROUTES, SERVICES, WEBHOOKS
from tests.routes.stage import Stage
from tests.routes.watch import Watch
from tests.world import World

ACCESS = {"use": 1, "edit": 2}
ENOUGH = 3


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
    for route in sorted(routes - {*ROUTES, *LEGACY}):
        yield Outcome(route, "anybody", "any", "a row", "no row")
    for route in sorted({*ROUTES, *LEGACY} - routes):
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
    if call.target == GIVEN:
        return _given_status(row, call)
    if not row.belongs:
        others = row.others.get(call.caller, 404 if row.exists else row.status)
        return others if call.target == OWN_TARGET else 404
    rights = {**MEMBERS, **BOUND_KEYS}.get(call.caller)
    if rights is None or (row.child in AGENT_KINDS and call.target in CHILD_TARGETS):
        return 404
    if call.ask.needs is not None and not permits(rights, call.ask.needs):
        return 403
    return row.status if call.target == OWN_TARGET else 404


def _given_status(row: Row, call: Call) -> int:
    """What an Owner gets whose organization was given the agent."""
    access = GRANTEES[call.caller]
    if access is None:
        return 404
    enough = call.ask.access is not None and ACCESS[access] >= ACCESS[call.ask.access]
    return row.status if enough else 403


def plain_status(route: Route, caller: str) -> int:
    """What a route that is bound to no organization answers to this caller."""
    if route in OWN:
        return OWN[route] if caller in (*PERSONS, BESIDE) else 401
    return {**PUBLIC, **WEBHOOKS}[route]


def calls(route: Route, row: Row, caller: str, *, whole: bool = True) -> Iterator[Call]:
    """What a caller asks of a bound route: the first ask for all targets, and the others for one's own.

    Unless it is to be the `whole` of it: then of each group of targets what is not there, and one of the others.
    """
    own = [OWN_TARGET, *([GIVEN] if row.child in AGENT_KINDS and caller in GRANTEES else [])]
    for target in (*_targets(route, row, caller, whole=whole), *own):
        yield Call(caller, row.asks[0], target, target)
    for number, ask in enumerate(row.asks[1:], 2):
        for target in own if caller not in UNKNOWN else ():
            yield Call(caller, ask, target, f"{target}, ask {number}")


def _targets(route: Route, row: Row, caller: str, *, whole: bool) -> Iterator[str]:
    named = [ORGANIZATION_TARGETS] if "{org_id}" in route[1] else []
    named += [CHILD_TARGETS] if row.child else []
    named += [GRANTEE_TARGETS] if "{grantee}" in route[1] else []
    named += [(MISSING_REVISION,)] if "{number}" in route[1] else []
    for group in named:
        if caller in UNKNOWN:
            yield group[0]
        else:
            allowed = [target for target in group if target != MINE_TOO or caller in MEMBERS]
            yield from allowed if whole else _some(allowed, f"{route} {caller}")


def _some(targets: list[str], which: str) -> list[str]:
    """The first, and one that is another for others."""
    rest = targets[1:]
    return targets[:1] + ([rest[crc32(which.encode()) % len(rest)]] if rest else [])


async def outcomes(stage: Stage, route: Route) -> list[Outcome]:
    """All combinations of a route.

    Who may change something does so in an organization of their own; all others must leave the stage as it is. Whether
    they did is looked at once in the end, and if not, everything is asked again with a look after each call.
    """
    if route in SERVICES:
        return await services.outcomes(stage, route)
    watch = Watch(stage.client.world, stage.companies)
    found = await together(_asked_by(stage, route, caller) for caller in CALLERS)
    return await _with_a_look_at_each(stage, route) if watch.changes() else found


async def _with_a_look_at_each(stage: Stage, route: Route) -> list[Outcome]:
    """The same one by one, until it is known what is wrong: each change takes new organizations."""
    await stage.renew()
    watch, found = Watch(stage.client.world, stage.companies), list[Outcome]()
    for caller in CALLERS:
        async for outcome in _asked_by(stage, route, caller):
            changes = watch.changes()
            found.append(replace(outcome, got=", ".join([outcome.got, *changes])))
            if sum(" changed " in each.got for each in found) == ENOUGH:
                return found
            if changes:  # what others are to find is not there any more
                await stage.renew()
                watch = Watch(stage.client.world, stage.companies)
    return found


async def _asked_by(stage: Stage, route: Route, caller: str) -> AsyncIterator[Outcome]:
    row = BOUND.get(route)
    if row is not None:
        async for outcome in _bound(stage, route, row, caller):
            yield outcome
        return
    answer = await stage.client.ask(route, await stage.headers(caller))
    yield Outcome(route, caller, OWN_TARGET, str(plain_status(route, caller)), got(answer, told(stage, caller, answer)))


@dataclass(frozen=True)
class At:
    """What a call is about. `grantee` has been given the agent; `stranger` has not."""

    org_id: str
    child: str
    grantee: str
    stranger: str
    number: int = 1


@dataclass(frozen=True)
class Job:
    """One call, wherever it leads."""

    client: Client
    route: Route
    row: Row
    call: Call

    async def send(self, headers: Headers, at: At, names: dict[str, str]) -> Answer:
        method, path = self.route
        names = {**names, "child": at.child, "guest": at.grantee, "stranger": at.stranger}
        child = dict.fromkeys(("user_id", "invite_id", "agent_id"), at.child)
        there = method, path.format(org_id=at.org_id, grantee=at.grantee, number=at.number, **child)
        if self.row.version:
            headers = {**headers, "If-Match": "*"}
        params, body = filled(self.call.ask.params, names), filled(self.call.ask.json, names)
        return await self.client.ask(there, headers, params, body)


async def _bound(stage: Stage, route: Route, row: Row, caller: str) -> AsyncIterator[Outcome]:
    alike, own = Alike(), None
    for call in calls(route, row, caller, whole=stage.whole):
        job, expected = Job(stage.client, route, row, call), expected_status(row, call)
        if expected >= 400 or not row.writes:
            came = await _asked(stage, job, alike)
        elif row.stays:
            came = await _in_workshop(stage, job)
        else:
            own = own or await stage.fresh(caller, row.child)
            at = At(own.org_id, own.child(row.child, caller), "", "")
            came = await _changing(job, at, own, Watch(own.world, [own]))
        yield Outcome(route, caller, call.title, str(expected), came)


async def _asked(stage: Stage, job: Job, alike: Alike) -> str:
    caller, names = job.call.caller, stage.home.names(job.call.caller)
    answer = await job.send(await stage.headers(caller), _target(stage, job.row, job.call), names)
    besides = ["created it"] if _exists(stage, names["new_name"], job.row) else []
    besides += told(stage, caller, answer, names=job.row.names)
    return got(answer, [*besides, *alike.unlike(caller, job.call.target, answer)])


async def _in_workshop(stage: Stage, job: Job) -> str:
    """Let somebody make or change an agent."""
    caller, kind = job.call.caller, job.row.child
    shop = await stage.workshop(caller)
    if kind is not None:
        stage.agent_for(caller, kind)
    aside = stage.aside
    at = At(shop.caller.org_id, shop.owner.child(kind, caller), aside.guest.org_id, aside.stranger.org_id)
    watch = Watch(stage.client.world, [shop.caller, shop.owner])
    copied = caller in GRANTEES and job.row.status == 201  # without keys, so without masks of them
    return await _changing(job, at, shop.caller, watch, {*shop.hidden, *([MASK] if copied else [])})


async def _changing(job: Job, at: At, company: Company, watch: Watch, hidden: Iterable[str] = ()) -> str:
    caller, due = job.call.caller, job.call.ask.alters
    acting = "key as Owner" if caller in GRANTEE_KEYS else caller
    answer = await job.send(await company.headers(acting), at, company.names(acting))
    changes = watch.changes()
    if caller in job.row.idle:
        return got(answer, changes)
    changed = {each.removeprefix("changed ") for each in changes}
    right = changed == due if due else bool(changed)
    besides = [] if right else [f"changed {', '.join(sorted(changed)) or 'nothing'}"]
    besides += ["told of others"] if any(text in answer.text for text in hidden) else []
    return got(answer, [*besides, *told_keys(answer)])


def _exists(stage: Stage, name: str, row: Row) -> bool:
    """Whether an organization or an agent of this name was made."""
    if name in {org.name for org in stage.client.world.propelauth.world.orgs.values()}:
        return True
    return row.stays and row.status == 201 and stage.client.world.database["agents"].count_documents({"name": name}) > 0


def _target(stage: Stage, row: Row, call: Call) -> At:
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
    }
    org_id, company = where.get(call.target, (home.org_id, home))
    if call.target == GIVEN:
        org_id = stage.grantee(call.caller).org_id
    missing = str(uuid4()) if row.child == "member" else uuid4().hex
    child = missing if company is None else company.child(row.child, call.caller)
    grantees = {
        "missing grantee": str(uuid4()),
        "organization without access": stage.former.org_id,
        "deleted organization as grantee": stage.gone.org_id,
        "owner as grantee": home.org_id,
    }
    grantee, stranger = grantees.get(call.target, stage.using.org_id), stage.aside.stranger.org_id
    return At(org_id, child, grantee, stranger, 99 if call.target == MISSING_REVISION else 1)
