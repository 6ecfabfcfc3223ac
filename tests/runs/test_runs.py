"""Runs on a real database: one works, a crash loses nothing, and everything can be taken back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from switchboard.mongo import collection
from switchboard.runs import service as runs
from switchboard.runs.documents import BeforeImagesDocument, RunDocument
from switchboard.runs.model import (
    LEASE,
    AlreadyOver,
    Image,
    NothingToUndo,
    RunLost,
    RunNotFound,
    RunUnderWay,
    StandsAgainst,
)
from tests.world import World, eventually

BEGIN = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def ending_in(kind: type[BaseException]) -> Iterator[None]:
    """The block ends by this."""
    try:
        yield
    except kind:
        return
    pytest.fail(f"It did not end in {kind.__name__}.")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def name() -> str:
    return f"work-{uuid4().hex[:8]}"


@pytest.fixture
async def place(world: World) -> AsyncIterator[Any]:
    """A collection that runs change."""
    of = f"changed_{uuid4().hex[:8]}"
    yield world.database[of]
    world.database.drop_collection(of)


async def test_a_run_that_ends_well_is_done_and_the_next_one_is_new(world: World, clock: Clock, name: str) -> None:
    async with runs.begun(name, {}, clock) as first:
        await first.checkpoint("middle", changed=2)
        await first.checkpoint("end", changed=3)
    async with runs.begun(name, {}, clock) as second:
        assert (second.run.position, second.run.run_id != first.run.run_id) == (None, True)

    stored = await runs.found(first.run.run_id)
    assert (stored.state, stored.open, stored.counts) == ("done", False, {"changed": 5})


async def test_what_is_stopped_goes_on_at_its_checkpoint(world: World, clock: Clock, name: str) -> None:
    with ending_in(ZeroDivisionError):
        async with runs.begun(name, {}, clock) as first:
            await first.checkpoint({"_id": 41}, changed=1)
            raise ZeroDivisionError
    async with runs.begun(name, {}, clock) as second:
        assert second.run.run_id == first.run.run_id
        assert (second.run.position, second.run.fence) == ({"_id": 41}, first.run.fence + 1)


@pytest.mark.parametrize("late", ["a clock that was set back", "a heartbeat that arrives late"])
async def test_what_was_given_back_is_free_whatever_comes_late(
    world: World, clock: Clock, name: str, late: str
) -> None:
    with ending_in(ZeroDivisionError):
        async with runs.begun(name, {}, clock) as work:
            await work.checkpoint(1)
            raise ZeroDivisionError
    if late.startswith("a clock"):
        clock.now -= timedelta(seconds=1)
    else:
        await RunDocument.set_by_holder(work.run, {"leased_until": clock() + LEASE})

    async with runs.begun(name, {}, clock) as next_one:
        assert (next_one.run.run_id, next_one.run.position) == (work.run.run_id, 1)


async def test_one_works_and_another_is_told_so(world: World, clock: Clock, name: str) -> None:
    async with runs.begun(name, {}, clock) as work:
        with pytest.raises(RunUnderWay, match=work.run.holder):
            async with runs.begun(name, {}, clock):
                raise AssertionError
        async with runs.begun(f"{name}-other", {}, clock):
            pass


async def test_a_silent_holder_loses_the_run_and_can_write_nothing_more_to_it(
    world: World, clock: Clock, name: str
) -> None:
    with ending_in(RunLost):
        async with runs.begun(name, {}, clock) as frozen:
            await frozen.checkpoint("here")
            clock.now += LEASE
            async with runs.begun(name, {}, clock) as successor:
                await successor.checkpoint("further")
            await frozen.checkpoint("back")

    assert (await runs.found(successor.run.run_id)).position == "further"


async def test_who_waits_begins_when_the_other_is_done(world: World, clock: Clock, name: str) -> None:
    entered: list[str] = []

    async def waiter() -> None:
        async with runs.begun(name, {}, clock, wait=20) as work:
            entered.append(work.run.run_id)

    async with runs.begun(name, {}, clock) as first:
        waiting = asyncio.create_task(waiter())
        await asyncio.sleep(0)
        assert entered == []
    await asyncio.wait_for(waiting, 10)
    assert entered != [first.run.run_id]


async def test_of_twenty_starters_one_works(world: World, clock: Clock, name: str) -> None:
    leave = asyncio.Event()
    refused = 0

    async def start() -> bool:
        nonlocal refused
        try:
            async with runs.begun(name, {}, clock):
                await leave.wait()
                return True
        except RunUnderWay:
            refused += 1
            if refused == 19:
                leave.set()
            return False

    worked = await asyncio.wait_for(asyncio.gather(*(start() for _ in range(20))), 20)
    assert sum(worked) == 1


async def test_taking_back_puts_every_kind_of_change_right(world: World, place: Any, clock: Clock, name: str) -> None:
    place.insert_many([{"_id": 1, "scope": "a b", "old": 1}, {"_id": 2, "x": None}, {"_id": 3, "name": "stays"}])
    before = list(place.find(sort=[("_id", 1)]))
    changes = [
        Image(1, {"scope": "a b", "old": 1}, {"scope": ["a", "b"], "new": {"deep": [1, {"$odd": 2}]}}),
        Image(2, before[1], None),
        Image(4, None, {"_id": 4, "made": True}),
    ]
    async with runs.begun(name, {}, clock) as work:
        await work.keep(place.name, changes)
        place.update_one(changes[0].still_before(), changes[0].change())
        place.delete_one({"_id": 2})
        place.insert_one({"_id": 4, "made": True})

    undone = await runs.undo(work.run.run_id, clock, lambda _: None)

    assert list(place.find(sort=[("_id", 1)])) == before
    assert (undone.restored, undone.changed_since) == (3, 0)
    again = await runs.undo(work.run.run_id, clock, lambda _: None)
    assert (again.restored, again.already_back, again.changed_since) == (0, 3, 0)

    await runs.forget(work.run.run_id)
    with pytest.raises(NothingToUndo):
        await runs.undo(work.run.run_id, clock, lambda _: None)


async def test_taking_back_leaves_alone_what_others_changed_since(
    world: World, place: Any, clock: Clock, name: str
) -> None:
    place.insert_many([{"_id": number, "value": "old"} for number in range(3)])
    images = [Image(number, {"value": "old"}, {"value": "new"}) for number in range(3)]
    async with runs.begun(name, {}, clock) as work:
        await work.keep(place.name, images)
        place.update_many({}, {"$set": {"value": "new"}})
    place.update_one({"_id": 1}, {"$set": {"value": "newer"}})
    place.update_one({"_id": 2}, {"$set": {"other": "kept"}})

    preview = await runs.undo(work.run.run_id, clock, lambda _: None, dry_run=True)
    assert place.find_one({"_id": 0})["value"] == "new"
    undone = await runs.undo(work.run.run_id, clock, lambda _: None)

    assert preview == undone
    assert [stored["value"] for stored in place.find(sort=[("_id", 1)])] == ["old", "newer", "old"]
    assert place.find_one({"_id": 2})["other"] == "kept"
    assert (undone.restored, undone.changed_since) == (2, 1)


async def test_a_document_that_others_added_to_is_neither_removed_nor_taken_away(
    world: World, place: Any, clock: Clock, name: str
) -> None:
    place.insert_one({"_id": 1, "made": True})
    async with runs.begun(name, {}, clock) as work:
        await work.keep(place.name, [Image(1, None, {"_id": 1, "made": True})])
    place.update_one({"_id": 1}, {"$set": {"phone_number": "+49"}})

    undone = await runs.undo(work.run.run_id, clock, lambda _: None)

    assert (undone.restored, undone.changed_since) == (0, 1)
    assert place.find_one({"_id": 1}) == {"_id": 1, "made": True, "phone_number": "+49"}


async def test_a_list_that_holds_the_text_among_others_is_not_that_text(world: World, place: Any) -> None:
    place.insert_one({"_id": 1, "scope": ["calendar", "events"]})

    assert place.find_one(Image(1, {"scope": "calendar"}, {"scope": ["calendar"]}).still_before()) is None


async def test_a_run_that_is_being_taken_back_cannot_be_gone_on_with(
    world: World, place: Any, clock: Clock, name: str
) -> None:
    place.insert_one({"_id": 1, "value": "new"})
    with ending_in(ZeroDivisionError):
        async with runs.begun(name, {}, clock) as work:
            await work.keep(place.name, [Image(1, {"value": "old"}, {"value": "new"})])
            await work.checkpoint(1)
            raise ZeroDivisionError
    open_meanwhile: list[bool] = []

    def look(_: int) -> None:
        open_meanwhile.append(world.database["runs"].find_one({"run_id": work.run.run_id})["open"])

    await runs.undo(work.run.run_id, clock, look)
    async with runs.begun(name, {}, clock) as other:
        pass

    assert open_meanwhile == [False]
    assert (other.run.run_id != work.run.run_id, other.run.position) == (True, None)
    assert (await runs.found(work.run.run_id)).state == "undone"


async def test_what_is_over_is_not_given_up(world: World, clock: Clock, name: str) -> None:
    async with runs.begun(name, {}, clock) as work:
        pass
    with pytest.raises(AlreadyOver, match="is done already"):
        await runs.abandon(work.run.run_id, clock)


async def test_what_cannot_be_put_back_ends_in_a_sentence_before_anything_is_lost(
    world: World, place: Any, clock: Clock, name: str
) -> None:
    """Two documents were moved away because an index stood against them; then that index was made."""
    old, away = [{"_id": 1}, {"_id": 2}], f"{place.name}_away"
    async with runs.begun(name, {}, clock) as work:
        await work.keep(away, [Image(each["_id"], None, each) for each in old])
        await work.keep(place.name, [Image(each["_id"], each, None) for each in old])
        world.database[away].insert_many(old)
    place.create_index("agent_id", unique=True, name="agent_id_unique")

    with pytest.raises(StandsAgainst, match=f"indexes drop {place.name}.agent_id_unique"):
        await runs.undo(work.run.run_id, clock, lambda _: None)
    assert list(world.database[away].find(sort=[("_id", 1)])) == old

    place.drop_index("agent_id_unique")
    await runs.undo(work.run.run_id, clock, lambda _: None)
    assert (list(place.find(sort=[("_id", 1)])), world.database[away].count_documents({})) == (old, 0)


async def test_images_of_before_and_after_a_crash_are_both_taken_back(
    world: World, place: Any, clock: Clock, name: str
) -> None:
    """The first holder kept images and died before it wrote; the document was changed, and the second one wrote."""
    place.insert_one({"_id": 1, "value": "first"})
    with ending_in(ZeroDivisionError):
        async with runs.begun(name, {}, clock) as work:
            await work.keep(place.name, [Image(1, {"value": "first"}, {"value": "clean first"})])
            raise ZeroDivisionError
    place.update_one({"_id": 1}, {"$set": {"value": "second"}})
    async with runs.begun(name, {}, clock) as work:
        await work.keep(place.name, [Image(1, {"value": "second"}, {"value": "clean second"})])
        place.update_one({"_id": 1}, {"$set": {"value": "clean second"}})

    await runs.undo(work.run.run_id, clock, lambda _: None)

    assert place.find_one({"_id": 1})["value"] == "second"


async def test_a_frozen_holder_does_not_remove_the_images_of_its_successor(
    world: World, place: Any, clock: Clock, name: str
) -> None:
    with ending_in(RunLost):
        async with runs.begun(name, {}, clock) as frozen:
            await frozen.checkpoint(0)
            clock.now += LEASE
            async with runs.begun(name, {}, clock) as successor:
                await successor.keep(place.name, [Image(1, {"value": 1}, {"value": 2})])
            await frozen.keep(place.name, [Image(2, {"value": 1}, {"value": 2})])

    kept = collection(BeforeImagesDocument).find({"run_id": successor.run.run_id})
    assert sorted([image["_id"] async for pack in kept for image in pack["images"]]) == [1, 2]


async def test_many_large_images_fit(world: World, place: Any, clock: Clock, name: str) -> None:
    async with runs.begun(name, {}, clock) as work:
        await work.keep(place.name, [Image(number, {"form": "x" * 1_000_000}, {}) for number in range(20)])

    assert await BeforeImagesDocument.count(work.run.run_id) == work.run.packs == 7


async def test_a_run_that_is_under_way_is_neither_undone_nor_abandoned(world: World, clock: Clock, name: str) -> None:
    async with runs.begun(name, {}, clock) as work:
        with pytest.raises(RunUnderWay):
            await runs.undo(work.run.run_id, clock, lambda _: None)
        with pytest.raises(RunUnderWay):
            await runs.abandon(work.run.run_id, clock)


async def test_an_abandoned_run_does_not_stand_against_other_options(world: World, clock: Clock, name: str) -> None:
    with ending_in(ZeroDivisionError):
        async with runs.begun(name, {"drop": True}, clock) as work:
            await work.checkpoint(1)
            raise ZeroDivisionError
    assert (await runs.abandon(work.run.run_id, clock)).state == "abandoned"
    async with runs.begun(name, {"drop": False}, clock) as other:
        assert other.run.run_id != work.run.run_id


async def test_a_run_that_did_nothing_yet_stands_against_nothing(world: World, clock: Clock, name: str) -> None:
    with ending_in(ZeroDivisionError):
        async with runs.begun(name, {"drop": True}, clock) as refused:
            raise ZeroDivisionError
    async with runs.begun(name, {"drop": False}, clock) as dying:
        clock.now += LEASE
        async with runs.begun(name, {}, clock) as other:
            pass
        with ending_in(RunLost):
            await dying.beat()

    states = [(await runs.found(work.run.run_id)).state for work in (refused, dying, other)]
    assert states == ["abandoned", "abandoned", "done"]


async def test_a_lost_lease_ends_the_work_and_a_beat_keeps_it(
    world: World, clock: Clock, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switchboard.runs.service.HEARTBEAT_SECONDS", 0.02)
    with ending_in(RunLost):
        async with runs.begun(name, {}, clock) as work:
            clock.now += timedelta(seconds=1)
            await eventually(lambda: work.run.leased_until >= clock.now + LEASE)
            await collection(RunDocument).update_one({"run_id": work.run.run_id}, {"$inc": {"fence": 1}})
            await asyncio.wait_for(asyncio.Event().wait(), 10)


async def test_a_run_nobody_began_is_not_found(world: World) -> None:
    with pytest.raises(RunNotFound):
        await runs.found("nothing")
