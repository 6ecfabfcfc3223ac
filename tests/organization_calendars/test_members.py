"""Who belongs to an organization today decides whose events it sees, whatever the events still say."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from switchboard.calendars.model import primary_calendar_id
from switchboard.memberships.model import Look
from switchboard.organizations import service as organizations
from tests.calendars.conftest import connect
from tests.organization_calendars.conftest import Diaries, Make
from tests.organizations.conftest import Factory, refused
from tests.world import Person, World

__all__ = ["connect"]  # fixture

Connect = Callable[[Person], Awaitable[httpx.Response]]


async def names(found: Diaries, person: Person) -> set[str]:
    return {each["user_id"] for each in (await found.page(person))["people"]}


def named(found: Diaries, person: Person) -> list[list[str]]:
    """The organizations that somebody's events name."""
    return [each["org_ids"] for each in found.world.database["calendar_events"].find({"user_id": person.user_id})]


async def test_who_leaves_is_seen_no_more_from_the_next_request_on(diaries: Make) -> None:
    found = await diaries()
    org = found.org
    found.put(org.member, "Of one who leaves")
    found.meeting([org.member, org.admin], "Review", 12)
    first = await found.page(org.owner, limit=1)

    assert (await found.world.api.post(f"{org.at}/leave", headers=org.member.headers)).status_code == 204

    assert await found.titles(org.owner) == ["Review"]
    (review,) = await found.events(org.owner)
    assert [each["user_id"] for each in review["members"]] == [org.admin.user_id]
    assert await found.titles(org.owner, text="leaves") == []
    assert await names(found, org.owner) == {org.owner.user_id, org.admin.user_id}
    assert refused(await found.ask(org.owner, member=org.member.user_id)) == (404, "member_not_found")
    assert refused(await found.ask(org.member)) == (404, "organization_not_found")
    rest = await found.page(org.owner, cursor=first["next_cursor"])
    assert [event["title"] for event in rest["events"]] == ["Review"]
    assert named(found, org.member) == [[org.org_id]] * 2  # the worker has not come by yet


async def test_who_is_removed_or_deleted_at_propelauth_is_seen_no_more(diaries: Make) -> None:
    found = await diaries()
    org, look = found.org, Look("webhook", datetime.now(UTC))
    for person in (org.admin, org.member):
        found.put(person, person.user_id)
    answer = await found.world.api.delete(f"{org.at}/members/{org.admin.user_id}", headers=org.owner.headers)
    assert answer.status_code == 204
    found.world.propelauth.delete_user(org.member.user_id)
    await organizations.forget_person(found.world.services, org.member.user_id, look)
    assert await found.titles(org.owner) == []
    assert await names(found, org.owner) == {org.owner.user_id}


async def test_who_joins_is_seen_before_the_worker_has_come_by(diaries: Make) -> None:
    found = await diaries()
    org, ada = found.org, found.world.person(google=False)
    found.connect(ada, org_ids=[])
    for hour in (9, 12):
        found.put(ada, f"Ada {hour}", hour, stored={"org_ids": []})
    found.put(ada, "Ada long", -60, 80, stored={"org_ids": []})
    found.put(org.member, "Other", 10)
    assert await found.titles(org.owner) == ["Other"]

    org.add("Member", ada)
    await org.mirrored()

    seen = ["Ada long", "Ada 9", "Other", "Ada 12"]
    assert await found.titles(org.owner) == await found.titles(ada) == seen
    assert await found.titles(org.owner, limit=1) == seen
    assert await found.titles(org.owner, text="ada") == ["Ada long", "Ada 9", "Ada 12"]
    await found.share(ada, "busy")
    assert await found.titles(org.owner) == [None, None, "Other", None]


async def test_nothing_is_told_twice_while_a_worker_notes_the_organization(diaries: Make) -> None:
    """Event by event, and the calendar last."""
    found = await diaries()
    org = found.org
    found.change(org.member, org_ids=[])
    for hour in range(4):
        found.put(org.member, f"{hour}", hour, stored={"org_ids": [org.org_id] if hour % 2 else []})
    for limit in (1, 3, 250):
        assert await found.titles(org.owner, limit=limit) == ["0", "1", "2", "3"]
        assert await found.titles(org.owner, limit=limit, text="2") == ["2"]


async def test_a_disconnected_calendar_shows_nothing_while_its_events_are_still_removed(diaries: Make) -> None:
    found = await diaries()
    found.put(found.org.member, "Standup")
    found.change(found.org.member, status="disconnected")
    assert await found.titles(found.org.owner) == []
    assert await found.titles(found.org.member) == []


async def test_from_google_to_the_organization_and_away_again(
    world: World, organization: Factory, connect: Connect
) -> None:
    """Two people with one meeting: connected, pulled, one joins, the worker notes it, one leaves, one disconnects."""
    org = await organization("Owner")
    ada, bob = world.person(), world.person()
    org.add("Member", ada)
    await org.mirrored()
    found, now = Diaries(world, org), datetime.now(UTC)
    start = (now + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    times = {"start": {"dateTime": start.isoformat()}, "end": {"dateTime": (start + timedelta(hours=1)).isoformat()}}
    world.google.insert_event(ada.email, {"summary": "Review", "attendees": [{"email": bob.email}], **times})
    week: dict[str, Any] = {"from": start.isoformat(), "to": (start + timedelta(days=2)).isoformat()}
    for person in (ada, bob):
        assert (await connect(person)).status_code == 200
        assert (await found.page(org.owner, **week))["events"] == []

    async def pull(person: Person) -> None:
        assert (await world.api.post("/v1/me/calendar/sync", headers=person.headers)).status_code == 200

    async def seen() -> list[tuple[str, int]]:
        return [(event["title"], len(event["members"])) for event in await found.events(org.owner, **week)]

    for person in (ada, bob):
        await pull(person)
    assert await seen() == [("Review", 1)]
    org.add("Member", bob)
    await org.mirrored()
    assert await seen() == [("Review", 2)]
    assert named(found, bob) == [[]]
    calendars = [primary_calendar_id(person.user_id) for person in (ada, bob)]
    await pull(bob)
    assert named(found, bob) == named(found, ada) == [[org.org_id]]
    stored = world.database["calendars"].find({"calendar_id": {"$in": calendars}})
    assert [each["org_ids"] for each in stored] == [[org.org_id]] * 2
    assert await seen() == [("Review", 2)]
    assert (await world.api.post(f"{org.at}/leave", headers=bob.headers)).status_code == 204
    assert await seen() == [("Review", 1)]
    assert (await world.api.delete("/v1/me/calendar", headers=ada.headers)).status_code == 204
    assert await seen() == []
