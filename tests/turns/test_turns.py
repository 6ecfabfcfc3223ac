"""One at a time: taken by the server's clock, ended by its holder or by itself."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from switchboard.clients.google_errors import Busy, EventRefused, GoogleUnavailable
from switchboard.errors import SwitchboardError
from switchboard.turns import documents, service
from switchboard.turns.documents import TurnDocument
from switchboard.turns.model import TurnTaken
from switchboard.turns.service import turn
from tests.fail_points import failing
from tests.world import World


@pytest.fixture
def user_id(world: World) -> str:
    return uuid4().hex


def stored(world: World, user_id: str) -> dict[str, object] | None:
    found: dict[str, object] | None = world.database["turns"].find_one({"user_id": user_id})
    return found


@pytest.mark.parametrize("owner", ["$owner", "a", "$$NOW", "$user_id"])
async def test_who_has_it_is_a_text_and_nothing_else(user_id, owner) -> None:
    assert await TurnDocument.take(user_id, owner)
    assert not await TurnDocument.take(user_id, "somebody else")
    assert await TurnDocument.take(user_id, owner)
    assert not await TurnDocument.end(user_id, "somebody else")
    assert await TurnDocument.end(user_id, owner)
    assert await TurnDocument.take(user_id, "somebody else")


async def test_of_fifty_at_once_one_has_it(user_id) -> None:
    taken = await asyncio.gather(*(TurnDocument.take(user_id, str(number)) for number in range(50)))

    assert sum(taken) == 1


async def test_it_ends_by_itself_and_whoever_slept_learns_of_it(user_id, monkeypatch) -> None:
    monkeypatch.setattr(documents, "TURN_SECONDS", 0.05)
    async with turn(user_id, "first") as first, turn(user_id, "second") as second:
        pass

    assert (first.lost, second.lost) == (True, False)


async def test_who_slept_alone_has_lost_nothing(user_id, monkeypatch) -> None:
    monkeypatch.setattr(documents, "TURN_SECONDS", 0.01)
    async with turn(user_id, "first") as held:
        await asyncio.sleep(0.05)

    assert held.lost is False


async def test_people_do_not_wait_for_each_other(user_id) -> None:
    async with turn(user_id, "first"), turn(uuid4().hex, "second"):
        pass


async def test_it_is_given_back_and_forgotten(world, user_id) -> None:
    async with turn(user_id, "first"):
        assert stored(world, user_id) is not None

    assert stored(world, user_id) is None
    index = world.database["turns"].index_information()["until_ttl"]
    assert index["expireAfterSeconds"] > 60


async def fails(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("error", "kept"),
    [(EventRefused(), False), (GoogleUnavailable(), True), (Busy(), True), (ValueError(), True)],
    ids=lambda value: type(value).__name__,
)
async def test_what_may_still_happen_keeps_the_others_out(world, user_id, error, kept) -> None:
    with pytest.raises(type(error)):
        async with turn(user_id, "first") as held:
            await held.send(fails(error))

    assert (stored(world, user_id) is not None) == kept


async def test_a_failure_before_anything_was_sent_keeps_nobody_out(world, user_id) -> None:
    with pytest.raises(GoogleUnavailable):
        async with turn(user_id, "first"):
            raise GoogleUnavailable

    assert stored(world, user_id) is None


async def test_what_takes_too_long_has_no_answer(world, user_id, monkeypatch) -> None:
    monkeypatch.setattr(service, "HOLD_SECONDS", 0.05)
    with pytest.raises(GoogleUnavailable):
        async with turn(user_id, "first") as held:
            await held.send(asyncio.sleep(5))

    assert stored(world, user_id) is not None


async def test_waiting_has_an_end(world, user_id, monkeypatch) -> None:
    monkeypatch.setattr(service, "WAIT_SECONDS", 0.1)
    world.database["turns"].insert_one(
        {"user_id": user_id, "owner": "killed", "until": datetime.now(UTC) + timedelta(hours=1)}
    )

    with pytest.raises(TurnTaken) as raised:
        async with turn(user_id, "second"):
            pass
    assert raised.value.retry_after >= 1


async def test_a_turn_that_cannot_be_given_back_counts_as_lost(world, user_id) -> None:
    with failing(world.mongo, "delete", times=1, errorCode=2, namespace=f"{world.database.name}.turns"):
        async with turn(user_id, "first") as held:
            pass

    assert held.lost is True
    assert issubclass(TurnTaken, SwitchboardError)


def test_a_turn_outlasts_what_is_done_in_it() -> None:
    assert documents.TURN_SECONDS >= service.HOLD_SECONDS + 5
