"""GET /v1/orgs/{org_id}/events: what an organization sees of its members' calendars."""

from datetime import timedelta
from typing import Any

import pytest

from tests.organization_calendars.conftest import Diaries, Make
from tests.organization_calendars.plain import MONDAY, at
from tests.organizations.conftest import Factory, refused
from tests.world import Person

SECRETS = {
    "description": "canary-description",
    "location": "canary-location",
    "attendees": [{"email": "canary-guest@example.com"}],
    "organizer": {"email": "canary-organizer@example.com"},
    "hangoutLink": "https://meet.google.com/canary-meet",
    "htmlLink": "https://calendar.google.com/canary-link",
    "iCalUID": "canary-ical",
    "id": "canarygoogleid",
    "recurringEventId": "canary-series",
    "originalStartTime": {"dateTime": "2026-11-23T09:59:00Z"},
    "eventType": "focusTime",
    "start": {"dateTime": at(10).isoformat(), "timeZone": "Pacific/Chatham"},
}


def who(event: dict[str, Any]) -> list[str]:
    return sorted(each["user_id"] for each in event["members"])


async def test_members_see_each_others_events_in_order(diaries: Make) -> None:
    found = await diaries()
    org = found.org
    found.put(org.owner, "Third", 12)
    found.put(org.admin, "First", 9)
    found.put(org.member, "Second", 10.5)
    for person in org.people.values():
        assert await found.titles(person) == ["First", "Second", "Third"]


async def test_an_event_is_told_whole(diaries: Make) -> None:
    found = await diaries()
    guests = [{"email": found.org.member.email, "self": True, "responseStatus": "tentative"}]
    stored = found.put(
        found.org.member, "Review", **{**SECRETS, "attendees": guests, "updated": "2026-11-01T10:00:00Z"}
    )

    (event,) = await found.events(found.org.owner)

    assert event == {
        "redacted": False,
        "start": {"date": None, "date_time": "2026-11-23T10:00:00Z", "timezone": "Pacific/Chatham"},
        "end": {"date": None, "date_time": "2026-11-23T11:00:00Z", "timezone": "Pacific/Chatham"},
        "all_day": False,
        "busy": True,
        "members": [
            {
                "user_id": found.org.member.user_id,
                "calendar_id": stored["calendar_id"],
                "event_id": stored["event_id"],
                "response": "tentative",
                "busy": True,
            }
        ],
        "meeting_id": stored["meeting_id"],
        "google_event_id": "canarygoogleid",
        "title": "Review",
        "description": "canary-description",
        "location": "canary-location",
        "status": "confirmed",
        "visibility": "default",
        "event_type": "focusTime",
        "attendees": [found.org.member.email],
        "attendee_states": [{"email": found.org.member.email, "response": "tentative"}],
        "attendees_omitted": False,
        "organizer_email": "canary-organizer@example.com",
        "ical_uid": "canary-ical",
        "recurring_event_id": "canary-series",
        "meeting_link": "https://meet.google.com/canary-meet",
        "html_link": "https://calendar.google.com/canary-link",
        "updated_at": "2026-11-01T10:00:00Z",
    }


@pytest.mark.parametrize(
    ("shows", "visibility"), [("details", "private"), ("details", "confidential"), ("busy", "default")]
)
async def test_of_a_busy_block_others_learn_when_and_who_and_nothing_else(
    diaries: Make, shows: str, visibility: str
) -> None:
    found = await diaries()
    stored = found.put(found.org.member, "canary-title", visibility=visibility, **SECRETS)
    await found.share(found.org.member, shows)

    answer = await found.ask(found.org.owner)

    (event,) = answer.json()["events"]
    assert {name: value for name, value in event.items() if value not in (None, [], False)} == {
        "redacted": True,
        "start": {"date": None, "date_time": "2026-11-23T10:00:00Z", "timezone": "UTC"},
        "end": {"date": None, "date_time": "2026-11-23T11:00:00Z", "timezone": "UTC"},
        "busy": True,
        "members": [
            {"user_id": found.org.member.user_id, "calendar_id": None, "event_id": None, "response": None, "busy": True}
        ],
    }
    ids = stored["event_id"], stored["meeting_id"], stored["calendar_id"]
    assert not any(text in answer.text for text in ("canary", "Chatham", "focusTime", visibility, *ids))
    (own,) = await found.events(found.org.member)
    assert (own["title"], own["redacted"]) == ("canary-title", False)


async def test_a_block_of_whole_days_tells_the_days(diaries: Make) -> None:
    found = await diaries()
    days = {"start": {"date": "2026-11-24"}, "end": {"date": "2026-11-26"}}
    found.put(found.org.member, "Holiday", visibility="private", **days)
    (event,) = await found.events(found.org.owner)
    assert (event["start"]["date"], event["end"]["date"], event["all_day"]) == ("2026-11-24", "2026-11-26", True)
    assert (event["start"]["date_time"], event["title"]) == (None, None)


async def test_what_takes_no_time_is_no_block(diaries: Make) -> None:
    found = await diaries()
    free = {"transparency": "transparent"}
    declined = {"attendees": [{"email": "a@example.com", "self": True, "responseStatus": "declined"}]}
    for hour, item in enumerate([free, declined, {**free, "visibility": "private"}]):
        found.put(found.org.member, f"Event {hour}", hour, **item)
    assert await found.titles(found.org.owner) == ["Event 0", "Event 1"]
    await found.share(found.org.member, "busy")
    assert await found.events(found.org.owner) == []
    await found.share(found.org.member, "details")
    found.put(found.org.member, "Of a team", 5, visibility="private")
    found.change(found.org.member, busy=False)
    assert await found.titles(found.org.owner) == ["Event 0", "Event 1"]
    assert len(await found.events(found.org.member)) == 4


async def test_a_choice_holds_from_the_next_request_on(diaries: Make) -> None:
    found = await diaries()
    found.put(found.org.member, "Standup")
    seen = {}
    for shows in ("busy", "nothing", "details"):
        await found.share(found.org.member, shows)
        page = await found.page(found.org.owner)
        seen[shows] = [event["title"] for event in page["events"]]
        listed = {each["user_id"]: each["shows"] for each in page["people"]}
        assert listed[found.org.member.user_id] == shows
        assert await found.titles(found.org.member) == ["Standup"]
    assert seen == {"busy": [None], "nothing": [], "details": ["Standup"]}


async def test_who_shows_nothing_leaves_no_trace_and_is_only_listed(diaries: Make) -> None:
    found = await diaries()
    org = found.org
    found.meeting([org.member, org.owner], "Review")
    found.put(org.member, "canary")
    await found.share(org.member, "nothing")

    page = await found.page(org.owner)

    assert [who(event) for event in page["events"]] == [[org.owner.user_id]]
    person = next(each for each in page["people"] if each["user_id"] == org.member.user_id)
    assert person == {
        "user_id": org.member.user_id,
        "email": person["email"],
        "first_name": person["first_name"],
        "last_name": person["last_name"],
        "shows": "nothing",
        **dict.fromkeys(("state", "synced_at", "stale", "covered_from", "covered_to")),
    }
    assert (await found.page(org.owner, member=org.member.user_id))["events"] == []


async def test_the_same_meeting_is_told_once_with_all_who_have_it(diaries: Make) -> None:
    """facts/google-calendar.md, rule 19."""
    found = await diaries()
    people = list(found.org.people.values())
    found.meeting(people, "Review", 10)
    found.put(found.org.owner, "Alone", 10)

    events = await found.events(found.org.member)

    assert sorted(event["title"] for event in events) == ["Alone", "Review"]
    review = next(event for event in events if event["title"] == "Review")
    assert who(review) == sorted(person.user_id for person in people)
    assert {each["email"]: each["response"] for each in review["attendee_states"]} == {
        person.email: "accepted" for person in people
    }


async def test_instances_of_a_series_are_meetings_of_their_own_even_when_moved(diaries: Make) -> None:
    """facts/google-calendar.md, rules 19 and 20."""
    found = await diaries("Owner", "Member")
    for day in range(3):
        original = {"originalStartTime": {"dateTime": at(24 * day + 9).isoformat()}}
        for person in found.org.people.values():
            hour = 24 * day + (9 if day else 15)  # the first was moved
            found.put(person, f"Day {day}", hour, id=f"s_{day}", iCalUID="series@google.com", **original)
    events = await found.events(found.org.owner)
    assert [(event["title"], len(event["members"])) for event in events] == [("Day 0", 2), ("Day 1", 2), ("Day 2", 2)]


async def test_redacted_copies_stay_blocks_beside_the_meeting(diaries: Make) -> None:
    found = await diaries()
    org = found.org
    found.meeting([org.owner, org.admin, org.member], "Review")
    await found.share(org.member, "busy")
    meeting, block = await found.events(org.owner)
    assert (meeting["title"], who(meeting)) == ("Review", sorted([org.owner.user_id, org.admin.user_id]))
    assert (block["redacted"], who(block)) == (True, [org.member.user_id])


async def test_events_are_those_that_touch_the_range(diaries: Make) -> None:
    found = await diaries("Owner")
    owner = found.org.owner
    week = 7 * 24
    touching = {
        "long, over all of it": (-100, 500),
        "long, into it": (-40, 41),
        "usual, into it": (-2, 3),
        "at its begin": (0, 1),
        "no length, at its begin": (0, 0),
        "in it": (50, 1),
        "out of it": (week - 1, 48),
    }
    outside = {"before": (-2, 2), "long before": (-80, 80), "no length, before": (-1, 0), "after": (week, 1)}
    for title, (hour, length) in {**touching, **outside}.items():
        found.put(owner, title, hour, length)
    assert sorted(filter(None, await found.titles(owner))) == sorted(touching)
    assert sorted(filter(None, await found.titles(owner, limit=1))) == sorted(touching)


async def test_only_those_asked_for_are_looked_at(diaries: Make) -> None:
    found = await diaries()
    org = found.org
    for person in org.people.values():
        found.put(person, person.user_id, 10)
    found.meeting([org.owner, org.admin], "Review", 12)
    asked = [org.owner.user_id, org.admin.user_id]

    page = await found.page(org.member, member=[*asked, org.owner.user_id])

    assert sorted(event["title"] for event in page["events"]) == sorted([*asked, "Review"])
    assert sorted(each["user_id"] for each in page["people"]) == sorted(asked)
    (review,) = [event for event in page["events"] if event["title"] == "Review"]
    assert who(review) == sorted(asked)
    alone = await found.page(org.member, member=org.admin.user_id)
    assert [who(event) for event in alone["events"]] == [[org.admin.user_id]] * 2


async def test_who_is_unknown_is_refused_like_a_member_of_another_organization(
    diaries: Make, organization: Factory, ada: Person
) -> None:
    found, other = await diaries(), await organization()
    answers = [
        await found.ask(found.org.owner, member=[found.org.owner.user_id, user_id])
        for user_id in ("nobody", ada.user_id, other.member.user_id)
    ]
    assert {refused(answer) for answer in answers} == {(404, "member_not_found")}
    bodies = [{**answer.json(), "request_id": None} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"to": MONDAY.isoformat()}, "invalid_range"),
        ({"to": (MONDAY + timedelta(days=367)).isoformat()}, "invalid_range"),
        ({"since": "yesterday"}, "invalid"),
        ({"since": "2026-11-23T00:00:00"}, "invalid"),
        ({"limit": 0}, "invalid"),
        ({"limit": 1001}, "invalid"),
        ({"member": ""}, "invalid"),
        ({"member": [f"u{number}" for number in range(51)]}, "invalid"),
        ({"text": ""}, "invalid"),
        ({"text": "x" * 101}, "invalid"),
        ({"text": "a\0b"}, "invalid"),
        ({"text[$ne]": "x"}, "invalid"),
        ({"user_id": "x"}, "invalid"),
    ],
)
async def test_what_makes_no_sense_is_refused(diaries: Make, params: dict[str, Any], code: str) -> None:
    found = await diaries("Owner")
    answer = await found.ask(found.org.owner, **({"from": params["since"]} if "since" in params else params))
    assert refused(answer) == (422, code)


async def test_strangers_do_not_learn_that_it_is_there(diaries: Make, organization: Factory, ada: Person) -> None:
    found, other = await diaries(), await organization()
    found.put(found.org.owner, "canary")
    for person in (ada, other.owner):
        assert refused(await found.ask(person)) == (404, "organization_not_found")


async def test_events_of_another_organization_are_not_seen(diaries: Make) -> None:
    """Somebody belongs to both, and somebody only to the other: by documents that name both as well."""
    found, other = await diaries(), await diaries()
    org = found.org
    other.org.add("Member", org.member)
    await other.org.mirrored()
    both = {"org_ids": sorted([org.org_id, other.org.org_id])}
    found.change(org.member, **both)
    found.put(org.member, "Of both", stored=both)
    other.put(other.org.owner, "Of the other", stored=both)
    assert await found.titles(org.owner) == ["Of both"]
    assert sorted(filter(None, await other.titles(other.org.owner))) == ["Of both", "Of the other"]


async def test_a_choice_holds_for_one_organization(diaries: Make) -> None:
    found, other = await diaries(), await diaries()
    other.org.add("Member", found.org.member)
    await other.org.mirrored()
    both = {"org_ids": [found.org.org_id, other.org.org_id]}
    found.change(found.org.member, **both)
    found.put(found.org.member, "Standup", stored=both)
    await found.share(found.org.member, "nothing")
    assert await found.titles(found.org.owner) == []
    assert await other.titles(other.org.owner) == ["Standup"]


def poisoned(found: Diaries) -> list[dict[str, Any]]:
    """Documents that nobody can read."""
    odd = [
        {"title": {"$gt": ""}},
        {"title": 7},
        {"meeting_id": 7},
        {"meeting_id": {"a": 1}},
        {"attendee_states": "none"},
        {"user_id": None},
        {"calendar_id": None},
        {"end_time": "tomorrow"},
        {"start_time": [at(10), at(11)], "org_ids": None},  # MongoDB keeps no two lists in one index
        {"meeting_id": ["m"], "org_ids": None},
        {"visibility": None},
        {"busy": "perhaps"},
        {"event_id": 7},
    ]
    return [
        found.put(found.org.member, f"odd {each}", 10 + number / 10, stored=each) for number, each in enumerate(odd)
    ]


@pytest.mark.parametrize("limit", [1, 5, 250])
async def test_an_event_that_cannot_be_read_is_left_out(diaries: Make, limit: int) -> None:
    found = await diaries()
    found.put(found.org.owner, "First", 9)
    found.put(found.org.owner, "Last", 20)
    poisoned(found)
    assert await found.titles(found.org.owner, limit=limit) == ["First", "Last"]
    everybody = [person.user_id for person in found.org.people.values()]
    assert await found.titles(found.org.owner, limit=limit, member=everybody) == ["First", "Last"]
    assert await found.titles(found.org.owner, limit=limit, text="odd") == []
