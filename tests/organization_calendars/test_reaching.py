"""However far each walk reaches, pages put together are what one look at everything shows, and none is too long."""

from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.calendars.model import Calendar
from switchboard.events.model import CalendarEvent, Window
from switchboard.organization_calendars.model import (
    Busy,
    Entry,
    EntryKey,
    Meeting,
    Page,
    Person,
    Reach,
    Trust,
    View,
    joined,
)
from tests.organization_calendars.plain import at, calendar, event, view

PEOPLE = view(ann="details", bob="busy", cid="details", dan="nothing")
USERS = ("viewer", "ann", "bob", "cid", "dan")

_events = st.builds(
    lambda user, hour, meeting, private, busy: event(
        user, hour, f"m{meeting}", visibility="private" if private else "default", busy=busy
    ),
    st.sampled_from(USERS),
    st.integers(0, 4),
    st.integers(0, 5),
    st.booleans(),
    st.booleans(),
)


def obvious(view: View, events: list[CalendarEvent]) -> list[tuple[object, ...]]:
    """One look at everything, without keys: per start and meeting the people who are seen, then those who are busy."""
    found: list[tuple[object, ...]] = []
    for start, meeting in sorted({(each.start_time, each.meeting_id or "") for each in events}):
        copies = [each for each in events if (each.start_time, each.meeting_id) == (start, meeting)]
        whole = {copy.user_id for copy in copies if view.sees(copy) == "whole"}
        found += [(start, "meeting", tuple(sorted(whole)))] if whole else []
        blocks = {copy.user_id for copy in copies if view.sees(copy) == "busy"} - whole
        found += [(start, "busy", (user_id,)) for user_id in sorted(blocks)]
    return found


def told(entries: list[Entry]) -> list[tuple[object, ...]]:
    return [
        (entry.key.start, "busy", (entry.user_id,))
        if isinstance(entry, Busy)
        else (entry.key.start, "meeting", tuple(sorted({copy.user_id for copy in entry.copies})))
        for entry in entries
    ]


def place(each: CalendarEvent) -> EntryKey:
    return EntryKey(each.start_time, each.meeting_id or "")


@settings(max_examples=300, deadline=None)
@given(st.lists(_events, max_size=25), st.integers(1, 5), st.data())
def test_pages_put_together_are_one_look_at_everything(
    events: list[CalendarEvent], limit: int, data: st.DataObject
) -> None:
    """Two walks find some events each, and some both; each stops where it likes, but goes on at least a little."""
    both = [data.draw(st.sampled_from([(True, False), (False, True), (True, True)])) for _ in events]
    parts = [[each for each, ways in zip(events, both, strict=True) if ways[number]] for number in (0, 1)]
    found: list[Entry] = []
    after: EntryKey | None = None
    for _ in range(200):
        reach = joined(_some_of(part, after, data) for part in parts)
        left = [entry for entry in PEOPLE.entries(reach.events) if after is None or entry.key > after]
        page = Page.cut(left, reach.until, limit)
        assert len(page.entries) <= limit
        assert page.after is None or after is None or page.after > after
        found += page.entries
        after = page.after
        if after is None:
            break
    assert after is None
    assert told(found) == obvious(PEOPLE, events)
    assert len({entry.key for entry in found}) == len(found)


def _some_of(part: list[CalendarEvent], after: EntryKey | None, data: st.DataObject) -> Reach:
    """From the place on, as an index walk would: whole meetings up to somewhere, or to the end."""
    from_here = EntryKey(*after[:2]) if after else None
    ahead = [each for each in part if from_here is None or place(each) >= from_here]
    stops = sorted({place(each) for each in ahead if after is None or place(each) > after})
    until = data.draw(st.sampled_from([None, *stops[:6]])) if stops else None
    beyond = [each for each in ahead if until is None or place(each) <= until]  # an index knows no ends of meetings
    return Reach(beyond, until)


def test_what_only_one_walk_has_reached_is_left_for_the_next_page() -> None:
    early, late = event("ann", 10, "m1"), event("bob", 12, "m2")
    reach = joined([Reach([early, late], None), Reach([early], place(late))])
    assert (reach.events, reach.until) == ([early], place(late))
    assert joined([Reach([early, late], None)]) == Reach([early, late], None)
    assert joined([]) == Reach([], None)


def test_a_page_ends_at_its_limit_or_where_the_walk_did() -> None:
    entries, until = PEOPLE.entries([event("ann", hour) for hour in range(3)]), EntryKey(at(9))
    assert Page.cut(entries, until, 2) == Page(entries[:2], entries[1].key)
    assert Page.cut(entries, until, 3) == Page(entries, until)
    assert Page.cut(entries, None, 3) == Page(entries, None)
    assert Page.cut([], until, 3) == Page([], until)


def stale(_: Calendar) -> bool:
    return False


def covering(user_id: str, first: float, last: float, pulled: float, **fields: object) -> Calendar:
    window = {"window_start": at(first), "window_end": at(last), "last_success_at": at(pulled)}
    return calendar(user_id, **window, **fields)


def test_a_person_is_known_as_far_as_the_least_of_their_calendars() -> None:
    own, team = covering("ann", 0, 20, 5), covering("ann", 10, 30, 3, primary=False)
    person = Person.of("ann", "busy", [own, team], stale)
    assert person == Person("ann", "busy", "synced", Trust(at(3), False, Window(at(10), at(20))))
    assert Person.of("ann", "busy", [own, team], lambda each: not each.primary).trust.stale
    assert Person.of("ann", "busy", [], stale) == Person("ann", "busy", "disconnected", Trust())


def test_another_calendar_that_is_gone_counts_no_more_but_ones_own_does() -> None:
    own, team = covering("ann", 0, 20, 5), covering("ann", 10, 30, 3, primary=False)
    gone = team.model_copy(update={"status": "gone"})
    assert Person.of("ann", "details", [own, gone], stale).trust == Trust(at(5), False, Window(at(0), at(20)))
    assert Person.of("ann", "details", [gone], stale).status == "gone"
    lost = own.model_copy(update={"status": "gone"})
    assert Person.of("ann", "details", [lost, team], stale).trust.coverage is None


def test_all_are_known_as_far_as_the_least_of_them() -> None:
    window = Window(at(0), at(20))
    some = Trust(at(5), False, window)
    assert Trust.together([some, Trust(at(4), True, Window(at(5), at(30)))]) == Trust(
        at(4), True, Window(at(5), at(20))
    )
    assert Trust.together([some, Trust(None, True, None)]) == Trust(None, True, None)
    assert Trust.together([some, Trust(at(5), False, Window(at(20), at(30)))]).coverage is None
    assert Trust.together([]) == Trust()


def test_only_people_whose_events_are_expected_count() -> None:
    people = [Person.of("ann", "busy", [covering("ann", 0, 20, 5)], stale), Person("bob", "nothing")]
    assert [person.counts for person in [*people, Person.of("cid", "details", [], stale)]] == [True, False, False]


def test_the_parts_of_a_meeting_have_places_of_their_own() -> None:
    entries = PEOPLE.entries([event("ann", 10, "m"), event("bob", 10, "m"), event("cid", 10, "m")])
    assert [type(entry) for entry in entries] == [Meeting, Busy]
    first, second = (entry.key for entry in entries)
    assert EntryKey(at(10), "m") < first < second < EntryKey(at(10), "m\0")
