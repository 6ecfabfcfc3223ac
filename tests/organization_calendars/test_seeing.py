"""Who sees what of whose events, and which of them are one meeting."""

from dataclasses import replace
from itertools import product

import pytest

from switchboard.calendar_sharing.model import Shows
from switchboard.events.model import Attendee, CalendarEvent
from switchboard.organization_calendars.model import Busy, Meeting, View
from tests.organization_calendars.plain import at, calendar, event, view

VISIBILITIES = ("default", "public", "private", "confidential", "known to a newer version")


def people_of(view: View, *events: CalendarEvent) -> list[tuple[str, list[str]]]:
    """What is seen: meetings and blocks, each with the people told of."""
    return [
        ("busy", [entry.user_id])
        if isinstance(entry, Busy)
        else ("meeting", sorted(copy.user_id for copy in entry.copies))
        for entry in view.entries(events)
    ]


@pytest.mark.parametrize(("shows", "visibility"), [*product(("details", "busy", "nothing"), VISIBILITIES)])
def test_one_sees_ones_own_events_whole_whatever_one_shows_to_others(shows: Shows, visibility: str) -> None:
    own = event("viewer", visibility=visibility, busy=False, my_response="declined")
    assert replace(view(), shows={"viewer": shows}).sees(own) == "whole"


@pytest.mark.parametrize("visibility", VISIBILITIES)
def test_others_see_as_much_as_is_shown_and_of_private_ones_that_they_take_time(visibility: str) -> None:
    """facts/google-calendar.md, rule 29."""
    seen = view(ann="details", bob="busy", cid="nothing")
    expected = "whole" if visibility in ("default", "public") else "busy"
    assert seen.sees(event("ann", visibility=visibility)) == expected
    assert seen.sees(event("bob", visibility=visibility)) == "busy"
    assert seen.sees(event("cid", visibility=visibility)) is None


@pytest.mark.parametrize(("shows", "visibility"), [("busy", "default"), ("details", "private")])
def test_of_what_takes_no_time_those_who_see_only_busy_times_see_nothing(shows: Shows, visibility: str) -> None:
    """facts/google-calendar.md, rules 30 and 33."""
    seen = view(ann=shows)
    assert seen.sees(event("ann", visibility=visibility)) == "busy"
    assert seen.sees(event("ann", visibility=visibility, my_response="tentative")) == "busy"
    assert seen.sees(event("ann", visibility=visibility, busy=False)) is None
    assert seen.sees(event("ann", visibility=visibility, my_response="declined")) is None
    idle = {"calendar of ann": calendar("ann", busy=False)}
    assert replace(seen, calendars=idle).sees(event("ann", visibility=visibility)) is None


def test_whoever_is_no_member_or_has_no_such_calendar_here_is_not_seen() -> None:
    seen = view(ann="details")
    assert seen.sees(event("stranger")) is None
    known = replace(seen, calendars={**seen.calendars, "calendar of stranger": calendar("stranger")})
    assert known.sees(event("stranger")) is None
    assert seen.sees(event("ann", calendar_id="one that was disconnected")) is None
    assert seen.sees(event("ann", calendar_id="calendar of viewer")) is None
    assert seen.sees(event("viewer", calendar_id="one that was disconnected")) is None


def test_a_service_owns_no_events() -> None:
    seen = view(None, ann="busy")
    assert seen.sees(event("viewer")) == "whole"
    assert seen.sees(event("viewer", visibility="private")) == "busy"
    assert seen.sees(event("ann")) == "busy"


def test_by_text_only_what_is_seen_whole_is_found() -> None:
    seen = view(by_text=True, ann="details", bob="busy")
    assert seen.sees(event("ann")) == "whole"
    assert seen.sees(event("ann", visibility="private")) is None
    assert seen.sees(event("bob")) is None
    assert seen.sees(event("viewer", visibility="private")) == "whole"


def test_the_same_meeting_on_several_calendars_is_one_with_everybodys_own_response() -> None:
    """facts/google-calendar.md, rule 19."""
    ann, bob = event("ann", 10, "m", my_response="accepted"), event("bob", 10, "m", my_response="declined")
    alone = event("bob", 10)

    found = view(ann="details", bob="details").entries([bob, alone, ann])

    (meeting,) = [each for each in found if isinstance(each, Meeting) and len(each.copies) > 1]
    assert {copy.user_id: (copy.response, copy.busy) for copy in meeting.copies} == {
        "ann": ("accepted", True),
        "bob": ("declined", False),
    }
    assert {copy.event_id for copy in meeting.copies} == {ann.event_id, bob.event_id}
    assert len(found) == 2


def test_copies_of_other_times_or_without_a_meeting_are_not_one() -> None:
    seen = view(ann="details", bob="details")
    moved = [event("ann", 10, "m"), event("bob", 11, "m")]
    older = [event("ann").model_copy(update={"meeting_id": None}) for _ in range(2)]
    assert people_of(seen, *moved) == [("meeting", ["ann"]), ("meeting", ["bob"])]
    assert people_of(seen, *older) == [("meeting", ["ann"])] * 2


def test_redacted_copies_stay_blocks_of_their_people_beside_the_meeting() -> None:
    seen = view(ann="details", bob="busy", cid="details", dan="nothing")
    copies = [event(who, 10, "m") for who in ("ann", "bob", "dan")]
    private = event("cid", 10, "m", visibility="private")
    assert people_of(seen, private, *copies) == [("meeting", ["ann"]), ("busy", ["bob"]), ("busy", ["cid"])]


def test_a_person_has_one_block_of_a_meeting_and_none_beside_a_copy_that_is_seen() -> None:
    twice = {"calendar of ann": calendar("ann"), "team": calendar("ann", calendar_id="team")}
    seen = replace(view(ann="busy"), calendars=twice)
    assert people_of(seen, event("ann", 10, "m"), event("ann", 10, "m", calendar_id="team")) == [("busy", ["ann"])]
    open_one = replace(seen, shows={"ann": "details"})
    both = event("ann", 10, "m"), event("ann", 10, "m", calendar_id="team", visibility="private")
    assert people_of(open_one, *both) == [("meeting", ["ann"])]


def test_a_block_tells_times_and_person_and_nothing_else() -> None:
    secret = event(
        "bob",
        10,
        "m",
        all_day=True,
        start_date="2026-11-23",
        end_date="2026-11-24",
        description="secret",
        location="secret",
        attendees=["secret@example.com"],
    )
    (block,) = view(bob="busy").entries([secret])
    assert isinstance(block, Busy)
    told = {name: value for name, value in vars(block).items() if name != "key"}
    assert told == {"user_id": "bob", "start": at(10), "end": at(11), "dates": ("2026-11-23", "2026-11-24")}


def test_a_meeting_is_told_by_ones_own_copy_else_by_the_one_that_knows_most() -> None:
    guests = [Attendee(email=f"{name}@example.com") for name in "abc"]
    full = {"attendees": [guest.email for guest in guests], "attendee_states": guests}
    partly = event("ann", 10, "m", attendees_omitted=True, attendees=["a@example.com"], title="partly")
    knowing = event("bob", 10, "m", **full, title="knowing")
    own = event("viewer", 10, "m", title="own")
    seen = view(ann="details", bob="details")

    def told(*events: CalendarEvent) -> str | None:
        (meeting,) = seen.entries(events)
        assert isinstance(meeting, Meeting)
        return meeting.told.title

    assert told(partly, knowing) == "knowing"
    assert told(partly, knowing, own) == "own"
    newer = [event("ann", 10, "m", updated_at=at(hour), title=str(hour)) for hour in (1, 2)]
    assert told(*newer) == told(*reversed(newer)) == "2"


def test_attendees_are_those_of_all_copies_as_the_latest_has_them() -> None:
    def copy(user_id: str, hour: float, **states: str | None) -> CalendarEvent:
        listed = [Attendee(email=f"{name}@example.com", response=response) for name, response in states.items()]
        return event(user_id, 10, "m", updated_at=at(hour), attendee_states=listed, attendees=[a.email for a in listed])

    seen = view(ann="details", bob="details")
    older = copy("ann", 1, Ann="accepted", bob="needsAction", only="accepted")
    newer = copy("bob", 2, ann=None, bob="accepted")
    for events in ([older, newer], [newer, older]):
        (meeting,) = seen.entries(events)
        assert isinstance(meeting, Meeting)
        assert {each.email.lower(): each.response for each in meeting.attendees} == {
            "ann@example.com": "accepted",
            "bob@example.com": "accepted",
            "only@example.com": "accepted",
        }


def test_entries_are_in_the_order_of_their_start() -> None:
    seen = view(ann="details", bob="busy")
    events = [event("ann", 12), event("bob", 11), event("ann", 10), event("viewer", 9)]
    assert [entry.key.start for entry in seen.entries(events)] == [at(hour) for hour in (9, 10, 11, 12)]
