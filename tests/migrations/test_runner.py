"""Steps while others write the same documents."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from switchboard.calendars.documents import CalendarDocument
from switchboard.migrations import runner, steps
from switchboard.migrations.documents import AppliedStepDocument
from switchboard.migrations.runner import OthersKeepChanging
from switchboard.migrations.step import Batch, Step, steps_of
from switchboard.mongo import collection
from switchboard.runs import service as runs
from switchboard.runs.model import Image, NothingToUndo
from tests.world import World


def now() -> datetime:
    return datetime.now(UTC)


class Numbering:
    """A step that turns texts of a collection into numbers; `meanwhile` happens after each batch was read."""

    def __init__(self, database: Any, of: str) -> None:
        self.place, self.of, self.read = database[of], of, 0

    def meanwhile(self) -> None:
        """Nothing."""

    async def pending(self, _: Any) -> int:
        return int(self.place.count_documents({"value": {"$type": "string"}}))

    async def batch(self, _: Any, position: Any) -> Batch | None:
        after = {} if position is None else {"_id": {"$gt": position}}
        which = {"value": {"$type": "string"}, **after}
        found = list(self.place.find(which, sort=[("_id", 1)], limit=10))
        self.read += 1
        self.meanwhile()
        images = [Image(each["_id"], {"value": each["value"]}, {"value": int(each["value"])}) for each in found]
        return Batch([(self.of, images)], found[-1]["_id"]) if found else None

    def step(self) -> Step:
        return Step(10_000, self.of, "Turn texts into numbers.", "checksum", self.pending, self.batch)


@pytest.fixture
async def numbering(world: World) -> Any:
    of = f"numbered_{uuid4().hex[:8]}"
    made = Numbering(world.database, of)
    made.place.insert_many([{"_id": number, "value": str(number)} for number in range(35)])
    yield made
    await AppliedStepDocument.remove(10_000)
    world.database["runs"].delete_many({"name": "migrate", "open": True})
    world.database.drop_collection(of)


async def apply(numbering: Numbering) -> list[runner.Done]:
    raw = collection(AppliedStepDocument).database
    return await runner.apply(raw, [numbering.step()], now, lambda _: None)


async def test_what_this_version_writes_is_nothing_that_a_step_would_change(world: World) -> None:
    raw, name = collection(AppliedStepDocument).database, uuid4().hex
    before = [await step.pending(raw) for step in steps_of(steps)]
    await CalendarDocument.add(name, name, now())
    await CalendarDocument.choose(name, f"{name}@example.com", {"name": "Team", "timezone": "UTC"}, now())

    assert [await step.pending(raw) for step in steps_of(steps)] == before


async def test_a_write_between_reading_and_writing_is_not_lost(numbering: Numbering) -> None:
    def change_once() -> None:
        if numbering.read == 2:
            numbering.place.update_one({"_id": 12}, {"$set": {"value": "1200"}})

    numbering.meanwhile = change_once  # type: ignore[method-assign]
    (done,) = await apply(numbering)

    assert (done.changed, done.left) == (35, 0)
    assert [stored["value"] for stored in numbering.place.find({"_id": {"$in": [11, 12]}}, sort=[("_id", 1)])] == [
        11,
        1200,
    ]


async def test_what_an_older_version_writes_behind_the_walk_is_found_by_another_pass(numbering: Numbering) -> None:
    def write_behind() -> None:
        if numbering.read == 3:
            numbering.place.update_one({"_id": 1}, {"$set": {"value": "100"}})

    numbering.meanwhile = write_behind  # type: ignore[method-assign]
    (done,) = await apply(numbering)

    assert (done.changed, done.left, numbering.place.find_one({"_id": 1})["value"]) == (36, 0, 100)


async def test_endless_changes_end_in_a_sentence_and_a_run_that_can_go_on(numbering: Numbering) -> None:
    def always() -> None:
        numbering.place.update_one({"_id": 3}, {"$set": {"value": str(1000 + numbering.read)}})

    numbering.meanwhile = always  # type: ignore[method-assign]
    with pytest.raises(OthersKeepChanging, match="look at the documents 0, 1, 2, 3, 4 and those after them"):
        await apply(numbering)
    assert numbering.place.count_documents({"value": {"$type": "int"}}) == 0

    numbering.meanwhile = lambda: None  # type: ignore[method-assign]
    (done,) = await apply(numbering)
    assert (done.changed, done.left) == (35, 0)


async def test_a_step_whose_images_were_forgotten_is_not_said_to_be_taken_back(numbering: Numbering) -> None:
    (done,) = await apply(numbering)
    await runs.forget(done.run_id)

    with pytest.raises(NothingToUndo):
        await runner.undo(10_000, now, lambda _: None)
    assert [step.number for step in await AppliedStepDocument.all()][-1] == 10_000
    assert numbering.place.count_documents({"value": {"$type": "string"}}) == 0
