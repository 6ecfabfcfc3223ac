"""A client that follows sync tokens ends with what a fresh full list shows, whatever happens to the calendar."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack.google import ApiError, GoogleEmulator
from tests.devstack.google.driver import ANN, BOB, Browser, Mirror, event

HOURS = st.integers(8, 15)
DAYS = st.integers(1, 28)
RULES = st.sampled_from(
    [
        "RRULE:FREQ=DAILY;COUNT=5",
        "RRULE:FREQ=WEEKLY;COUNT=3;BYDAY=MO,TH",
        "RRULE:FREQ=WEEKLY;UNTIL=20260420T215959Z",
        "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3",
        "RRULE:FREQ=DAILY",
    ]
)


@st.composite
def bodies(draw: Any) -> dict[str, Any]:
    day, hour = draw(DAYS), draw(HOURS)
    if draw(st.booleans()):
        body = event(f"2026-03-{day:02}T{hour:02}:00:00", f"2026-03-{day:02}T{hour + 1:02}:00:00")
    else:
        body = event(f"2026-03-{day:02}", f"2026-04-{day:02}")
    if draw(st.booleans()):
        body["recurrence"] = [draw(RULES)]
    if draw(st.integers(0, 3)) == 0:
        body["attendees"] = [{"email": BOB}]
    return body


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["insert", "insert", "patch", "retime", "delete", "change_instance", "drop", "move", "undelete", "sync"]
        ),
        st.integers(0, 50),
        bodies(),
    ),
    max_size=14,
)


class Actor:
    """Does something plausible to Ann's calendar; what Google would refuse is no step."""

    def __init__(self, google: GoogleEmulator) -> None:
        self.google = google
        self.events = google.store.calendars[ANN].events

    def pick(self, number: int) -> str:
        ids = [i for i, e in self.events.items() if not e.master_id]
        return ids[number % len(ids)] if ids else ""

    def instance(self, number: int) -> str:
        ids = [i for i, e in self.events.items() if e.recurring and not e.cancelled]
        if not ids:
            return ""
        master = self.events[ids[number % len(ids)]]
        originals = master.expansion().up_to(0, 6)
        return (
            f"{master.body['id']}_{master.expansion().suffix(originals[number % len(originals)])}" if originals else ""
        )

    def act(self, step: str, number: int, body: dict[str, Any]) -> None:
        try:
            getattr(self, step)(number, body)
        except ApiError as error:
            assert error.code in (400, 403, 404, 409, 410)  # noqa: PT017

    def insert(self, _: int, body: dict[str, Any]) -> None:
        self.google.insert_event(ANN, body)

    def patch(self, number: int, _: dict[str, Any]) -> None:
        self.google.patch_event(ANN, self.pick(number), {"summary": f"Renamed {number}"})

    def retime(self, number: int, body: dict[str, Any]) -> None:
        self.google.update_event(ANN, self.pick(number), body)

    def delete(self, number: int, _: dict[str, Any]) -> None:
        self.google.delete_event(ANN, self.pick(number))

    def drop(self, number: int, _: dict[str, Any]) -> None:
        self.google.delete_event(ANN, self.instance(number))

    def move(self, number: int, _: dict[str, Any]) -> None:
        self.google.move_event(ANN, self.pick(number), "team")

    def undelete(self, number: int, body: dict[str, Any]) -> None:
        self.google.update_event(ANN, self.pick(number), {**body, "status": "confirmed"})

    def change_instance(self, number: int, body: dict[str, Any]) -> None:
        changed = {name: value for name, value in body.items() if name != "recurrence"}
        self.google.update_event(ANN, self.instance(number), changed)


@pytest.fixture
def emptied(google: GoogleEmulator):
    """Empties the calendars between examples."""

    def empty() -> None:
        for email in (ANN, BOB):
            google.remove_calendar(email, email)
            google.add_calendar(email, email, email, "Europe/Berlin")
        google.add_calendar(ANN, "team", "Team", "Europe/Berlin")
        google.switches.max_instances = 12
        google.switches.short_pages, google.switches.empty_pages = 2, True
        google.switches.quota_per_minute = google.switches.quota_per_minute_per_user = 10**9

    return empty


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=STEPS, expanded=st.booleans())
async def test_following_sync_tokens_ends_like_a_fresh_full_list(google, ann: Browser, emptied, steps, expanded):
    emptied()
    query = {"singleEvents": "true"} if expanded else {}
    mirror, actor = Mirror(ann, **query, maxResults=7), Actor(google)
    await mirror.sync()
    for step, number, body in steps:
        if step == "sync":
            await mirror.sync()
        else:
            actor.act(step, number, body)
    await mirror.sync()
    google.switches.short_pages, google.switches.empty_pages = 0, False
    fresh = Mirror(ann, **query)
    await fresh.sync()
    assert mirror.items == fresh.items
