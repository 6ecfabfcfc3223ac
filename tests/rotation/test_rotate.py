"""Sealing everything anew: what a run does with each stored value, and when a key may go."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from switchboard.agents.documents import AgentDocument
from switchboard.crypto import KeyRing, key_id_of
from switchboard.errors import Misconfigured
from switchboard.rotation import documents, service
from switchboard.rotation.documents import Shelf
from switchboard.rotation.model import Rotation
from switchboard.sealing import service as sealing
from tests.rotation.stored import COLLECTIONS, VALUES, Stored
from tests.sealing.test_checks import new_key
from tests.world import World

AGENTS = 7


@dataclass
class Rotating:
    """Agents that are alone in the world's database, and rings that end with the world's own key."""

    stored: Stored
    own: str
    old: str
    new: str

    def ring(self, *keys: str) -> KeyRing:
        return KeyRing.read(",".join([*keys, self.own]))

    async def rotate(self, *keys: str, dry_run: bool = False) -> Rotation:
        self.looked: list[int] = []
        ring = self.ring(*(keys or (self.new, self.old)))
        return await service.rotate(ring, self.looked.append, datetime.now(UTC), dry_run=dry_run)

    def checks(self) -> set[str]:
        return {each["key_id"] for each in self.stored.database["sealing_checks"].find()}


@pytest.fixture
async def rotating(world: World) -> Any:
    database = world.database
    checks = list(database["sealing_checks"].find())
    for name in COLLECTIONS:
        database[name].delete_many({})
    made = Rotating(
        Stored(database, "org"), world.settings.sealing.keys.get_secret_value(), *map(new_key, ("old", "new"))
    )
    await sealing.verify(made.ring(made.old), datetime.now(UTC))
    made.stored.fill(made.ring(made.old), AGENTS)
    yield made
    for name in (*COLLECTIONS, "sealing_checks"):
        database[name].delete_many({})
    database["sealing_checks"].insert_many(checks)


@pytest.fixture
def small_batches() -> Iterator[None]:
    before, documents.BATCH = documents.BATCH, 2  # type: ignore[misc]
    yield
    documents.BATCH = before  # type: ignore[misc]


async def test_every_value_is_sealed_anew_and_the_old_keys_may_go(rotating: Rotating, small_batches: None) -> None:
    found = await rotating.rotate()

    total = AGENTS * VALUES
    assert (found.looked_at, found.renewed, found.current, found.unreadable) == (total, total, 0, 0)
    assert rotating.stored.sealed_by() == {"new"}
    assert rotating.stored.check(rotating.ring(rotating.new)) == total
    assert sorted(found.retired_keys) == ["old", "test"]
    assert rotating.checks() == {"new"}
    assert (sum(rotating.looked), max(rotating.looked), await service.count()) == (total, 2, total)
    await sealing.verify(KeyRing.read(rotating.new), datetime.now(UTC))


async def test_a_run_touches_nothing_but_the_values(rotating: Rotating) -> None:
    def bare() -> str:
        text = str([rotating.stored.everything()[name] for name in COLLECTIONS])
        for _, _, value in rotating.stored.values():
            text = text.replace(value, "sealed")
        return text

    before = bare()
    await rotating.rotate()

    assert bare() == before


async def test_a_second_run_finds_everything_current_and_writes_nothing(rotating: Rotating) -> None:
    await rotating.rotate()
    before = rotating.stored.everything()

    found = await rotating.rotate()

    assert (found.renewed, found.current, found.retired_keys) == (0, AGENTS * VALUES, [])
    assert rotating.stored.everything() == before


async def test_a_dry_run_counts_and_writes_nothing(rotating: Rotating) -> None:
    before = rotating.stored.everything()

    found = await rotating.rotate(dry_run=True)

    assert (found.renewed, found.retired_keys, sum(rotating.looked)) == (AGENTS * VALUES, [], AGENTS * VALUES)
    assert rotating.stored.everything() == before


async def test_what_is_stored_plain_is_sealed(rotating: Rotating) -> None:
    stored = rotating.stored
    agent_id = next(iter(stored.secrets))
    plain = {path: f"plain-{path}-secret" for path in stored.secrets[agent_id]}
    stored.secrets[agent_id] = plain
    which = {"agent_id": agent_id}
    stored.database["agents"].update_one(which, {"$set": {"chatbot_key": plain["chatbot_key"]}})
    for path in list(plain)[1:]:
        stored.database["agent_configurations"].update_one(which, {"$set": {path: plain[path]}})
    assert None in stored.sealed_by()

    await rotating.rotate()

    assert stored.sealed_by() == {"new"}
    stored.check(rotating.ring(rotating.new))
    assert "plain-" not in str(stored.everything())


@pytest.mark.parametrize("value", ["moved", "altered", "enc:v1:gone:AAAA", "enc:v1:", "enc:v1:old:!"])
async def test_what_no_key_opens_stays_is_named_by_its_agent_and_keeps_the_key_that_sealed_it(
    rotating: Rotating, value: str
) -> None:
    stored = rotating.stored
    first, second = list(stored.secrets)[:2]
    texts = {"moved": stored.database["agents"].find_one({"agent_id": second})["chatbot_key"]}
    texts["altered"] = stored.database["agents"].find_one({"agent_id": first})["chatbot_key"][:-8] + "AAAAAAA="
    broken = texts.get(value, value)
    stored.database["agents"].update_one({"agent_id": first}, {"$set": {"chatbot_key": broken}})

    found = await rotating.rotate()

    needed = [key_id] if (key_id := key_id_of(broken)) else []
    assert (found.unreadable, found.unreadable_agents, found.unreadable_keys) == (1, [first], needed)
    assert sorted(found.retired_keys) == sorted({"test", "old"}.difference(needed))
    assert found.renewed == AGENTS * VALUES - 1
    assert stored.database["agents"].find_one({"agent_id": first})["chatbot_key"] == broken
    assert rotating.checks() == {"new", "old"}.intersection({"new", *needed})


async def test_an_empty_key_and_none_are_no_secrets(rotating: Rotating) -> None:
    stored = rotating.stored
    stored.database["agents"].update_many({}, {"$set": {"chatbot_key": None}})
    stored.database["agent_configurations"].update_many({}, {"$unset": {"stt_config": 1}})

    assert (await rotating.rotate()).looked_at == AGENTS * (VALUES - 2)


async def test_a_value_that_was_changed_meanwhile_is_not_overwritten(rotating: Rotating) -> None:
    stored = rotating.stored
    document = stored.database["agents"].find_one()
    newer = {"$set": {"chatbot_key": "changed meanwhile"}}
    stored.database["agents"].update_one({"_id": document["_id"]}, newer)

    shelf = Shelf(AgentDocument, "chatbot_key", "chatbot_key")
    await shelf.put([(document["_id"], document["chatbot_key"], "sealed anew")])

    assert stored.database["agents"].find_one({"_id": document["_id"]})["chatbot_key"] == "changed meanwhile"


async def test_what_comes_under_the_old_key_during_a_run_is_found_before_the_key_is_let_go(rotating: Rotating) -> None:
    """A process that was started before still seals by the old key."""
    stored, late = rotating.stored, iter(range(2))

    def meanwhile(_: int) -> None:
        if next(late, None) is not None:
            stored.fill(rotating.ring(rotating.old), 1)

    found = await service.rotate(rotating.ring(rotating.new, rotating.old), meanwhile, datetime.now(UTC), dry_run=False)

    assert stored.sealed_by() == {"new"}
    assert stored.check(rotating.ring(rotating.new)) == (AGENTS + 2) * VALUES
    assert "old" in found.retired_keys


async def test_as_long_as_older_values_keep_coming_no_key_is_let_go(rotating: Rotating, monkeypatch) -> None:
    passes = 0
    whole = service._pass

    async def one(ring: KeyRing, progress: Any, *, dry_run: bool) -> Rotation:
        nonlocal passes
        passes += 1
        found = await whole(ring, progress, dry_run=dry_run)
        rotating.stored.fill(rotating.ring(rotating.old), 1)
        return found

    monkeypatch.setattr(service, "_pass", one)

    found = await rotating.rotate()

    assert (found.retired_keys, passes) == ([], service.MOST_PASSES + 1)
    assert "old" in rotating.checks()


async def test_a_ring_that_others_could_not_read_with_is_refused_before_anything_is_sealed(rotating: Rotating) -> None:
    await sealing.verify(rotating.ring(rotating.new, rotating.old), datetime.now(UTC))
    before = rotating.stored.everything()

    for keys in ((new_key("new"), rotating.old), (rotating.new,), (rotating.new, new_key("old"))):
        with pytest.raises(Misconfigured):
            await rotating.rotate(*keys)
    assert rotating.stored.everything() == before


async def test_a_report_holds_no_secret(rotating: Rotating) -> None:
    found = await rotating.rotate()

    assert "enc:v1" not in repr(found)
    assert not any(secret in repr(found) for secrets in rotating.stored.secrets.values() for secret in secrets.values())
