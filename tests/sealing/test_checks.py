"""The checks of sealing keys: which rings may start, and what a start leaves behind."""

import asyncio
import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from switchboard.crypto import KeyRing
from switchboard.errors import Misconfigured
from switchboard.sealing import service
from switchboard.sealing.documents import SealingCheckDocument
from tests.world import World


def new_key(key_id: str | None = None) -> str:
    """As it stands in SEALING_KEYS."""
    return f"{key_id or uuid4().hex}:{base64.b64encode(os.urandom(32)).decode()}"


def id_of(key: str) -> str:
    return key.partition(":")[0]


@dataclass
class Sealing:
    """The checks beside those of the world's own key, which every ring in a test ends with."""

    world: World
    before: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.before = self.all()

    def all(self) -> list[dict[str, Any]]:
        return list(self.world.database["sealing_checks"].find({}, sort=[("_id", 1)]))

    def new(self) -> list[dict[str, Any]]:
        stored = self.all()
        assert [check for check in stored if check in self.before] == self.before
        return [check for check in stored if check not in self.before]

    async def start(self, *keys: str) -> None:
        ring = KeyRing.read(",".join([*keys, self.world.settings.sealing.keys.get_secret_value()]))
        await service.verify(ring, datetime.now(UTC))

    async def refusal(self, *keys: str) -> str:
        with pytest.raises(Misconfigured) as refused:
            await self.start(*keys)
        for key in keys:
            assert key.partition(":")[2][:16] not in f"{refused.value!r}{refused.value}"
        return str(refused.value)


@pytest.fixture
def sealing(world: World) -> Iterator[Sealing]:
    found = Sealing(world)
    yield found
    world.database["sealing_checks"].delete_many({"_id": {"$nin": [check["_id"] for check in found.before]}})


async def test_the_newest_key_leaves_one_check_however_often_it_starts(sealing: Sealing) -> None:
    key = new_key()
    for _ in range(3):
        await sealing.start(key)

    (check,) = sealing.new()
    assert check["key_id"] == id_of(key)
    assert check["sealed"].startswith(f"enc:v1:{id_of(key)}:")
    assert key.partition(":")[2] not in str(check)


async def test_a_key_that_is_not_the_newest_has_sealed_nothing_and_can_be_left_out_again(sealing: Sealing) -> None:
    newest, spare = new_key(), new_key()

    await sealing.start(newest, spare)
    await sealing.start(newest)

    assert [check["key_id"] for check in sealing.new()] == [id_of(newest)]


async def test_a_new_key_in_front_starts_beside_the_older_ones(sealing: Sealing) -> None:
    older, newer = new_key(), new_key()
    await sealing.start(older)

    await sealing.start(newer, older)
    await sealing.start(older, newer)

    assert [check["key_id"] for check in sealing.new()] == [id_of(older), id_of(newer)]


async def test_a_missing_key_is_refused_by_its_id_and_nothing_is_left_behind(sealing: Sealing) -> None:
    older = new_key()
    await sealing.start(older)

    said = await sealing.refusal(new_key())

    assert said.startswith(f"The key {id_of(older)} is missing from SEALING_KEYS")
    assert "'switchboard secrets rotate'" in said
    assert [check["key_id"] for check in sealing.new()] == [id_of(older)]


async def test_another_key_under_the_same_id_is_refused_and_nothing_is_left_behind(sealing: Sealing) -> None:
    older = new_key()
    await sealing.start(older)
    changed = new_key(id_of(older))

    for keys in ((changed,), (new_key(), changed), (changed, new_key())):
        said = await sealing.refusal(*keys)
        assert said.startswith(f"The key {id_of(older)} in SEALING_KEYS is not the one that sealed")
    assert [check["key_id"] for check in sealing.new()] == [id_of(older)]
    await sealing.start(older)


async def test_a_check_that_was_altered_or_is_another_keys_is_refused(sealing: Sealing) -> None:
    first, second = new_key(), new_key()
    await sealing.start(first)
    await sealing.start(second, first)
    checks = sealing.world.database["sealing_checks"]
    sealed = {check["key_id"]: check["sealed"] for check in sealing.new()}

    for value in (sealed[id_of(second)], sealed[id_of(first)][:-8], "switchboard", ""):
        checks.update_one({"key_id": id_of(first)}, {"$set": {"sealed": value}})
        assert id_of(first) in await sealing.refusal(second, first)


async def test_a_key_that_was_rotated_out_is_not_asked_for_again_though_processes_still_have_it(
    sealing: Sealing,
) -> None:
    old, new = new_key(), new_key()
    await sealing.start(old)
    await sealing.start(new, old)

    await SealingCheckDocument.remove(id_of(old))
    await sealing.start(new, old)

    await sealing.start(new)


async def test_many_that_start_at_once_with_the_same_new_key_all_start_and_leave_one_check(sealing: Sealing) -> None:
    key = new_key()

    await asyncio.gather(*(sealing.start(key) for _ in range(30)))

    assert [check["key_id"] for check in sealing.new()] == [id_of(key)]


async def test_of_different_new_keys_under_one_id_one_starts(sealing: Sealing) -> None:
    keys = [new_key("same") for _ in range(20)]

    ended = await asyncio.gather(*(sealing.start(key) for key in keys), return_exceptions=True)

    (started,) = [key for key, error in zip(keys, ended, strict=True) if error is None]
    assert {type(error) for error in ended if error is not None} == {Misconfigured}
    await sealing.start(started)
    assert len(sealing.new()) == 1
