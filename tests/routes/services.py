"""The routes for services: what keys of every scope reach, bound to every kind of organization and to none."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import uuid4

from switchboard.calendars.model import primary_calendar_id
from switchboard.events.model import event_id
from switchboard.runtime.model import SCOPES
from tests.routes.agents import PLANTED, Planted
from tests.routes.client import Answer, Headers, together
from tests.routes.companies import BESIDE, BOUND_KEYS, CALLERS, GRANTEE_KEYS, GRANTEES
from tests.routes.outcome import (
    CHILD_TARGETS,
    OWN_TARGET,
    Alike,
    Outcome,
    got,
    told,
    told_keys,
    told_of_others,
)
from tests.routes.row import Route, ServiceRow, filled
from tests.routes.rows import SERVICES
from tests.routes.stage import GIVEN_TO, Stage
from tests.routes.watch import Watch
from tests.world import Person, World


@dataclass(frozen=True)
class Key:
    """What a service may do: `bound` names an organization of the stage, None: to none."""

    scope: str
    bound: str | None

    def __str__(self) -> str:
        return f"key for {self.scope}, bound to {self.bound or 'none'}"


BOUND_TO: Final = (None, "home", "elsewhere", *GIVEN_TO.values())
SCOPED: Final = {str(key): key for key in (Key(scope, bound) for scope in SCOPES for bound in BOUND_TO)}
KEYS: Final[dict[str, Key]] = {
    **dict.fromkeys((*BOUND_KEYS, BESIDE, "malformed token beside a key"), Key("organizations", "home")),
    **{caller: Key("organizations", GIVEN_TO[GRANTEES[caller]]) for caller in GRANTEE_KEYS},
    "key of another organization": Key("organizations", "rival"),
    "key without organization": Key("organizations", None),
    "key without the scope": Key("agents.runtime", "home"),
    **SCOPED,
}
ALL_CALLERS: Final = (*CALLERS, *SCOPED)

_GOOGLE_IDS: Final = {"PATCH": "routepatch", "DELETE": "routedelete"}

# Where each target is, and in which state an agent is there.
PLACES: Final = {
    OWN_TARGET: ("home", "active agent"),
    "inactive agent": ("home", "agent"),
    "deleted agent": ("home", "deleted agent"),
    "others' child": ("elsewhere", "active agent"),
    "child of a deleted organization": ("gone", "active agent"),
}
AGENT_TARGETS: Final = ("inactive agent", "deleted agent")


@dataclass(frozen=True)
class Call:
    route: Route
    caller: str
    target: str

    @property
    def row(self) -> ServiceRow:
        return SERVICES[self.route]

    @property
    def key(self) -> Key | None:
        return KEYS.get(self.caller)

    @property
    def alters(self) -> frozenset[str]:
        """What a success changes; that somebody without organization was asked for is noted apart."""
        return frozenset() if (self.row.child, self.place) == ("user", "gone") else self.row.alters

    @property
    def place(self) -> str | None:
        """Which organization has what is asked for."""
        return PLACES[self.target][0] if self.target in PLACES else None

    @property
    def expected(self) -> int:
        """What is due by the scope of the key and what it reaches."""
        if self.key is None:
            return 401
        if self.row.scope not in (None, self.key.scope):
            return 403
        return self.row.others.get(self.target, self.row.status) if self.reaches else 404

    @property
    def reaches(self) -> bool:
        """Whether the key's organization has what is asked for, or owns all there is."""
        if self.row.child is None:
            return True
        if self.place is None or self.key is None:
            return False
        if self.place == "gone":  # a person outlives the organization
            return self.row.child == "user" and self.key.bound is None
        given = ("using", "editing") if self.row.child in ("agent", "number") and self.place == "home" else ()
        return self.key.bound in (None, self.place, *given)


async def outcomes(stage: Stage, route: Route) -> list[Outcome]:
    """All combinations. The refused ones must leave everything as it is; the others are looked at one by one."""
    _connect(stage)
    watch = Watch(stage.client.world, stage.companies)
    found = await together(_refused(stage, route, caller) for caller in ALL_CALLERS)
    changes = watch.changes()
    if changes:
        found.append(Outcome(route, "somebody who was refused", "any", "no change", ", ".join(changes)))
    for call in (call for caller in ALL_CALLERS for call in _calls(route, caller) if call.expected < 400):
        answer = await _send(stage, call)
        changed = {each.removeprefix("changed ") for each in watch.changes()}
        besides = [f"changed {', '.join(sorted(changed)) or 'nothing'}"] if changed != call.alters else []
        came = got(answer, [*besides, *_told(stage, call, answer)])
        found.append(Outcome(route, call.caller, call.target, str(call.row.status), came))
    return found


def _calls(route: Route, caller: str) -> Iterator[Call]:
    child = SERVICES[route].child
    named = CHILD_TARGETS[:3] if child else ()
    of_agents = AGENT_TARGETS if child in ("agent", "number") else ()
    known = caller in KEYS
    for target in (*named, OWN_TARGET, *of_agents) if known else (*named[:1], OWN_TARGET):
        yield Call(route, caller, target)


async def _refused(stage: Stage, route: Route, caller: str) -> AsyncIterator[Outcome]:
    alike = Alike()
    for call in _calls(route, caller):
        if call.expected >= 400:
            answer = await _send(stage, call)
            unlike = alike.unlike(caller, call.target, answer) if not call.reaches else []
            besides = [*told(stage, caller, answer), *unlike]
            yield Outcome(route, caller, call.target, str(call.expected), got(answer, besides))


async def _send(stage: Stage, call: Call) -> Answer:
    method, path = call.route
    names = {"agent_id": uuid4().hex, "number": "+494099999999", "user_id": str(uuid4()), "feed": stage.feed}
    names |= {"org_id": str(uuid4()), "event_id": uuid4().hex}
    if call.target in PLACES:
        place, kind = PLACES[call.target]
        company = stage.named(place)
        agent: Planted = company.agents[kind]
        names.update(agent_id=agent.agent_id, number=agent.number, user_id=company.people["target"].user_id)
        names |= {"org_id": company.org_id, "event_id": _event_of(names["user_id"], method)}
    params = {name: str(value).format(**names) for name, value in (call.row.params or {}).items()}
    headers, body = await _headers(stage, call.caller), filled(call.row.json, names)
    return await stage.client.ask((method, path.format(**names)), headers, params, body)


async def _headers(stage: Stage, caller: str) -> Headers:
    scoped = SCOPED.get(caller)
    return await stage.scoped_key(scoped.scope, scoped.bound) if scoped else await stage.headers(caller)


def _told(stage: Stage, call: Call, answer: Answer) -> list[str]:
    """Whether a service is told of more than it may be, or of less than it asked for."""
    assert call.key is not None
    bound = call.key.bound
    seen = stage.companies if bound is None else [stage.named(bound)]
    given = bound in GIVEN_TO.values()  # also when access was just lost: the feed tells it
    known = {text for agent in stage.home.agents.values() for text in agent.told} if given else set()
    found = told_of_others(stage, seen, known, answer)
    if not call.row.secrets:
        return [*found, *told_keys(answer), *_silent(stage, call, answer)]
    agent = stage.named(PLACES[call.target][0]).agents["active agent"]
    whole = answer.text.count(PLANTED) == answer.text.count(f"{PLANTED}-{agent.agent_id}-") == 3
    return [*found, *([] if whole else ["told other keys than those of the agent"])]


def _silent(stage: Stage, call: Call, answer: Answer) -> list[str]:
    """Whether the feed leaves out agents that a service is to hear of."""
    bound = call.key.bound if call.key else None
    heard = {None: ("home", "elsewhere"), "elsewhere": ("elsewhere",)}.get(bound, ("home",))
    due = [agent.agent_id for name in heard for agent in stage.named(name).agents.values()]
    quiet = "feed" in str(call.row.params) and not all(agent_id in answer.text for agent_id in due)
    return ["told of its own agents too little"] if quiet else []


def _connect(stage: Stage) -> None:
    """Let everybody whom a service could ask for have a calendar."""
    for place, _ in PLACES.values():
        world, person = stage.client.world, stage.named(place).people["target"]
        if "access_token" not in world.stored(person):
            world.google.add_account(person.email, name="Target", timezone="Europe/Berlin")
            world.database["users"].delete_one({"user_id": person.user_id})
            world.grant_tokens(person)
            for method in ("PATCH", "DELETE"):
                _book(world, person, method)


def _book(world: World, person: Person, method: str) -> None:
    """An event for a service to change or to cancel."""
    times = {name: {"dateTime": f"2027-01-12T1{hour}:00:00Z"} for hour, name in enumerate(("start", "end"))}
    world.google.insert_event(person.email, {"id": _GOOGLE_IDS[method], "summary": "Call", **times})
    ids = {"event_id": _event_of(person.user_id, method), "google_event_id": _GOOGLE_IDS[method]}
    mine = {"user_id": person.user_id, "calendar_id": primary_calendar_id(person.user_id)}
    world.database["bookings"].insert_one({**ids, **mine, "forget_at": datetime.now(UTC) + timedelta(days=1)})


def _event_of(user_id: str, method: str) -> str:
    return event_id(primary_calendar_id(user_id), _GOOGLE_IDS.get(method, "another"))
