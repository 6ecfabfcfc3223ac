"""Pages of an organization's events: together what one look at everything shows, whatever the walks do in between."""

import base64
import random
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import orjson
import pytest

from switchboard.crypto import MARK
from switchboard.organization_calendars import documents, service
from tests.organization_calendars.conftest import Diaries, Found, Make
from tests.organization_calendars.plain import at
from tests.organizations.conftest import refused
from tests.world import Person, World

SEEDS = range(4)
LIMITS = (1, 4, 250)


@pytest.fixture
def short_walks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Walks that end after few documents, as they do where there are many."""
    monkeypatch.setattr(documents, "FEWEST", 1)
    monkeypatch.setattr(documents, "SEARCHED", 4)
    monkeypatch.setattr(documents, "PEOPLE", 2)


@pytest.fixture
def profiled(world: World) -> Iterator[list[dict[str, Any]]]:
    """What MongoDB did for queries of events; read when the block ends."""
    database = world.database
    found: list[dict[str, Any]] = []
    database.command("profile", 0)
    database.drop_collection("system.profile")
    database.command("profile", 2)
    yield found
    database.command("profile", 0)


def done(world: World) -> list[dict[str, Any]]:
    which = {"ns": {"$regex": r"\.calendar_events$"}, "op": {"$in": ["query", "getmore"]}}
    return list(world.database["system.profile"].find(which))


def told(events: list[Found]) -> list[tuple[str, bool, tuple[str, ...]]]:
    """When, whether redacted, and who; in the order of times alone."""
    return sorted(
        (
            each["start"]["date_time"],
            each["redacted"],
            tuple(sorted(person["user_id"] for person in each["members"])),
        )
        for each in events
    )


def obvious(
    stored: list[dict[str, Any]], viewer: Person, shows: dict[str, str]
) -> list[tuple[str, bool, tuple[str, ...]]]:
    """The same of all documents in the week by one look at them."""
    whole: dict[tuple[Any, ...], set[str]] = {}
    blocks: set[tuple[Any, ...]] = set()
    for each in stored:
        who, meeting = each["user_id"], (each["start_time"], each["meeting_id"])
        if not (each["start_time"] < at(168) and (each["end_time"] > at(0) or each["start_time"] >= at(0))):
            continue
        if who == viewer.user_id or (shows[who] == "details" and each["visibility"] == "default"):
            whole.setdefault(meeting, set()).add(who)
        elif shows[who] != "nothing" and each["busy"]:
            blocks.add((*meeting, who))
    left = {block for block in blocks if block[2] not in whole.get(block[:2], set())}
    seen = [(start, False, tuple(sorted(people))) for (start, _), people in whole.items()]
    seen += [(start, True, (who,)) for start, _, who in left]
    return sorted((start.isoformat().replace("+00:00", "Z"), redacted, people) for start, redacted, people in seen)


async def crowd(make: Make, seed: int) -> tuple[Diaries, list[dict[str, Any]], dict[str, str]]:
    """Seven people with meetings and events of their own; the calendars of two do not name the organization yet."""
    chance = random.Random(seed)
    found = await make("Owner")
    people = [found.org.owner, *(found.org.add("Member", found.world.person(google=False)) for _ in range(6))]
    await found.org.mirrored()
    found.connect(*people[1:5])
    found.connect(*people[5:], org_ids=[])
    shows = {person.user_id: chance.choice(["details", "details", "busy", "nothing"]) for person in people}
    for person in people:
        await found.share(person, shows[person.user_id])
    stored = []
    for _ in range(25):
        hour, length = chance.choice([-60, -20, -1, 0, 5, 5, 5, 30, 100, 167]), chance.choice([0, 1, 1, 30, 70])
        meeting = {"id": uuid4().hex, "iCalUID": uuid4().hex}
        for person in chance.sample(people, chance.choice([1, 1, 2, 5])):
            late = person in people[5:]
            item = {
                "visibility": chance.choice(["default", "default", "private"]),
                "transparency": chance.choice(["opaque", "opaque", "transparent"]),
                "stored": {"org_ids": chance.choice([[], [found.org.org_id]])} if late else {},
            }
            stored.append(found.put(person, "Some", hour, length, **meeting, **item))
    return found, stored, shows


@pytest.mark.usefixtures("short_walks")
@pytest.mark.parametrize("seed", SEEDS)
async def test_pages_put_together_are_one_look_at_everything(diaries: Make, seed: int) -> None:
    found, stored, shows = await crowd(diaries, seed)
    owner = found.org.owner
    due = obvious(stored, owner, shows)
    everybody = list(shows)
    for limit in LIMITS:
        pages = await found.pages(owner, limit=limit)
        assert all(len(page) <= limit for page in pages)
        events = [event for page in pages for event in page]
        assert told(events) == due
        assert [each["start"]["date_time"] for each in events] == sorted(each["start"]["date_time"] for each in events)
        assert told(await found.events(owner, limit=limit, member=everybody)) == due
    asked = everybody[2:5]
    some = [each for each in stored if each["user_id"] in asked]
    assert told(await found.events(owner, limit=2, member=asked)) == obvious(some, owner, shows)
    assert told(await found.events(owner, limit=2, text="some")) == [each for each in due if not each[1]]


@pytest.mark.usefixtures("short_walks")
async def test_copies_of_a_meeting_never_split_however_many_there_are(diaries: Make) -> None:
    """One page asks for one entry, and a walk reads three documents."""
    found = await diaries("Owner", *["Member"] * 11)
    people = [Person(each["user_id"], f"{each['user_id']}@example.com", "") for each in members(found)]
    found.connect(*(person for person in people if not connected(found, person)))
    found.put(people[0], "Before", 9)
    found.put(people[1], "Same time", 10)
    found.meeting(people, "All hands", 10)
    found.put(people[2], "After", 11)

    pages = await found.pages(found.org.owner, limit=1)

    assert all(len(page) <= 1 for page in pages)
    events = {event["title"]: event for page in pages for event in page}
    assert len(events) == sum(map(len, pages)) == 4
    assert len(events["All hands"]["members"]) == 12
    assert len(events["All hands"]["attendees"]) == 12


def members(found: Diaries) -> list[dict[str, Any]]:
    return list(found.world.database["user_organizations"].find({"org_id": found.org.org_id}))


def connected(found: Diaries, person: Person) -> bool:
    return found.world.database["calendars"].count_documents({"user_id": person.user_id}) > 0


@pytest.mark.usefixtures("short_walks")
async def test_many_events_at_one_moment_of_people_whose_calendars_come_late(diaries: Make) -> None:
    found = await diaries("Owner")
    found.change(found.org.owner, org_ids=[])
    for number in range(9):
        found.put(found.org.owner, f"{number}", 10, stored={"org_ids": []})
    found.put(found.org.owner, "Last", 11, stored={"org_ids": []})
    titles = await found.titles(found.org.owner, limit=1)
    assert (sorted(filter(None, titles[:-1])), titles[-1]) == ([str(number) for number in range(9)], "Last")


@pytest.mark.usefixtures("short_walks")
async def test_events_that_were_stored_before_meetings_were_known_are_each_its_own(diaries: Make) -> None:
    found = await diaries("Owner", "Member")
    for person in found.org.people.values():
        for number in range(4):
            found.put(person, f"{person.user_id} {number}", 10, stored={"meeting_id": None})
    found.meeting(list(found.org.people.values()), "Meeting", 10)
    for limit in (1, 2, 250):
        assert len(set(await found.titles(found.org.owner, limit=limit))) == 9


@pytest.mark.usefixtures("short_walks")
async def test_a_page_looks_at_so_much_only_and_may_be_short(
    diaries: Make, world: World, profiled: list[dict[str, Any]]
) -> None:
    """Most of what the walks find is of somebody who left a moment ago."""
    found = await diaries()
    for number in range(60):
        found.put(found.org.admin, f"{number}", number)
    found.put(found.org.member, "Last", 100)
    found.org.world.database["user_organizations"].delete_one({"user_id": found.org.admin.user_id})

    page = await found.page(found.org.owner, limit=3)

    read = sum(query["docsExamined"] for query in done(world))
    assert page["events"] == []
    assert page["next_cursor"]
    assert 0 < read <= service.WALKS * (2 * 3 + 1)
    assert await found.titles(found.org.owner, limit=3) == ["Last"]


async def test_nothing_is_sorted_and_only_what_is_shown_is_read(
    diaries: Make, world: World, profiled: list[dict[str, Any]]
) -> None:
    found = await diaries()
    people = list(found.org.people.values())
    found.change(found.org.admin, org_ids=[])
    for day in range(-200, 200):
        for person in people:
            found.put(person, "Day", 24 * day + 10, 30 if day % 20 == 0 else 1)
    for params in ({}, {"text": "day"}, {"member": [person.user_id for person in people]}):
        for limit in (5, 250):
            await found.pages(found.org.owner, limit=limit, **params)

    queries = done(world)

    assert {query["planSummary"].split()[0] for query in queries} == {"IXSCAN"}
    assert [query for query in queries if query.get("hasSortStage")] == []
    assert max(query["docsExamined"] for query in queries) <= 3 * 9
    assert len(queries) > 20


async def test_a_cursor_tells_nothing_and_cannot_be_made(diaries: Make) -> None:
    """The place of a busy block names its meeting: whoever could read or make places would learn who meets whom."""
    found, other = await diaries(), await diaries("Owner")
    for hour in (10, 11):
        found.put(found.org.member, "Secret", hour, visibility="private")
    cursor = (await found.page(found.org.owner, limit=1))["next_cursor"]
    decoded = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    (sealed,) = orjson.loads(decoded)
    stored = found.world.database["calendar_events"].find_one({"user_id": found.org.member.user_id})
    assert sealed.startswith(MARK)
    assert stored["meeting_id"] not in decoded

    def encoded(*parts: object) -> str:
        return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")

    flipped = "A" if sealed[-10] != "A" else "B"
    forged = [
        *("", "x", "%00", cursor[:-8], cursor + "A", encoded(), encoded(sealed, 1), encoded(7), encoded(None)),
        encoded(int(at(10).timestamp() * 1000), stored["meeting_id"], ""),
        encoded(orjson.dumps([int(at(10).timestamp() * 1000), "", ""]).decode()),
        encoded(sealed[:-10] + flipped + sealed[-9:]),
        encoded(sealed.replace(sealed.split(":")[2], "other")),
        encoded(MARK),
        "[" * 1990,
    ]
    for text in forged:
        assert refused(await found.ask(found.org.owner, cursor=text)) == (422, "invalid_cursor"), text
    assert refused(await other.ask(other.org.owner, cursor=cursor)) == (422, "invalid_cursor")
    assert refused(await found.ask(found.org.owner, cursor="x" * 2001)) == (422, "invalid")
    assert len((await found.page(found.org.admin, limit=1, cursor=cursor))["events"]) == 1


async def test_what_changes_between_pages_is_neither_told_twice_nor_shifts_the_rest(diaries: Make) -> None:
    found = await diaries()
    for hour in range(6):
        found.meeting([found.org.owner, found.org.admin], f"{hour}", hour)
    first = await found.page(found.org.member, limit=3)
    found.put(found.org.owner, "Earlier", 0.5)
    found.world.database["calendar_events"].delete_many({"title": {"$in": ["2", "4"]}})
    found.world.database["user_organizations"].delete_one({"user_id": found.org.admin.user_id})
    rest = await found.page(found.org.member, limit=3, cursor=first["next_cursor"])
    assert [event["title"] for event in first["events"]] == ["0", "1", "2"]
    assert [(event["title"], len(event["members"])) for event in rest["events"]] == [("3", 1), ("5", 1)]
    assert rest["next_cursor"] is None
