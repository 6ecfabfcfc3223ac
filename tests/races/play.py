"""Plays a race round by round: everybody starts at once, over all processes, and then the promises are looked at."""

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar

import httpx

from devstack.emulator import Fault
from tests.races.cluster import Cluster
from tests.races.scene import Answer, Call, Documents, Scene, Watch, audit, documents, settled

CALLERS = 24
DRAIN_SECONDS = 60
# What a caller of any race may be answered: done, not allowed any more, gone, somebody was faster.
EXPECTED = frozenset({200, 201, 204, 403, 404, 409, 410, 412})
SLOWED = "/org/(add_user|change_role|remove_user)$|/invite_user$"
SLOW = 4
SLOWEST_SECONDS = 0.25


@dataclass(frozen=True)
class Start:
    """Where a round takes place; `chance` is the same in every run."""

    cluster: Cluster
    chance: Random


@dataclass(frozen=True)
class End:
    """What a round came to: the answers, the documents, the audit log by action, and what else the race is about."""

    cluster: Cluster
    scene: Scene
    answers: list[Answer]
    found: Documents
    audit: Counter[str]
    kept: Any = None

    def statuses(self, kind: str) -> Counter[int]:
        return Counter(answer.status for answer in self.answers if answer.kind == kind)

    def who(self, kind: str, status: int) -> set[str]:
        """The ids of those who were answered this."""
        found = [answer for answer in self.answers if (answer.kind, answer.status) == (kind, status)]
        return {answer.person.user_id for answer in found if answer.person is not None}

    @property
    def told(self) -> Counter[str]:
        return Counter(map(str, self.answers))


class Race(ABC):
    """One race. What is asked of every race (`scene.rules`, `scene.settled`) stands apart from what this one asks."""

    name: ClassVar[str]
    callers: ClassVar[int] = CALLERS

    @abstractmethod
    async def prepare(self, start: Start) -> Scene:
        """A fresh organization with fresh people."""

    @abstractmethod
    def calls(self, scene: Scene) -> Sequence[Call]:
        """What the callers want, one each."""

    def delays(self, chance: Random) -> list[Fault]:
        """In every other round some changes reach PropelAuth late, so that others overtake them."""
        return [
            Fault(SLOWED, skip=chance.randrange(SLOW), latency=chance.uniform(0.02, SLOWEST_SECONDS))
            for _ in range(SLOW)
        ]

    async def kept(self, cluster: Cluster, scene: Scene) -> Any:  # noqa: ARG002
        """What it is about besides the organization and its people."""
        return None

    def rules(self, kept: Any) -> Iterable[str]:  # noqa: ARG002
        """A sentence for each rule that is broken; looked at in the middle of the race as well."""
        return ()

    @abstractmethod
    def violations(self, end: End) -> list[str]:
        """A sentence for each promise of this race that was broken."""


@dataclass
class Outcome:
    """`found` are the sentences by the number of the round in which they were true."""

    race: str
    callers: int
    rounds: int = 0
    looks: int = 0
    found: dict[int, list[str]] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def violations(self) -> int:
        """Rounds in which something was violated."""
        return len(self.found)

    @property
    def sentences(self) -> str:
        return "\n".join(f"round {number}: {sentence}" for number, each in self.found.items() for sentence in each)


async def play(
    cluster: Cluster,
    race: Race,
    rounds: int,
    *,
    stop: Callable[[Outcome], bool] = lambda _: False,
    told: Callable[[Outcome], None] = lambda _: None,
) -> Outcome:
    """At most so many rounds; no more once `stop` says so. `told` hears of each."""
    outcome = Outcome(race.name, race.callers)
    while outcome.rounds < rounds and not stop(outcome):
        await _round(cluster, race, outcome)
        told(outcome)
    return outcome


async def _round(cluster: Cluster, race: Race, outcome: Outcome) -> None:
    number, chance = outcome.rounds, Random(f"{race.name} {outcome.rounds}")
    cluster.hear_webhooks(None)
    scene = await race.prepare(Start(cluster, chance))
    calls = list(race.calls(scene))
    assert len(calls) == race.callers, len(calls)
    chance.shuffle(calls)
    cluster.forget_events()
    cluster.hear_webhooks(number % len(cluster.apis))
    for fault in race.delays(chance) if number % 2 else ():
        cluster.propelauth.emulator.fail(fault)

    async def more() -> Iterable[str]:
        return race.rules(await race.kept(cluster, scene))

    async with Watch(cluster, scene.org_id, more) as watch:
        answers = await _all_at_once(cluster, calls)
        await cluster.propelauth.drain(DRAIN_SECONDS)
    await watch.look()
    found = await documents(cluster, scene.org_id), await audit(cluster, scene.org_id), await race.kept(cluster, scene)
    end = End(cluster, scene, answers, *found)
    unexpected = sorted({f"unexpected answer: {each}" for each in answers if each.status not in EXPECTED})
    broken = [*sorted(watch.found), *await settled(cluster, scene.org_id), *race.violations(end), *unexpected]
    outcome.rounds, outcome.looks = number + 1, outcome.looks + watch.looks
    outcome.answers += end.told
    if broken:
        outcome.found[number] = broken
    cluster.forget()


async def _all_at_once(cluster: Cluster, calls: Sequence[Call]) -> list[Answer]:
    gate = asyncio.Barrier(len(calls))

    async def started(call: Call, api: httpx.AsyncClient) -> Answer:
        await gate.wait()
        return await call.make(api)

    apis = cluster.apis
    return await asyncio.gather(*(started(call, apis[i % len(apis)]) for i, call in enumerate(calls)))
