"""Random changes to people's calendars at the Google emulator, the same ones for the same seed."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from devstack.google import ApiError, GoogleEmulator

RULES = (
    "RRULE:FREQ=DAILY;COUNT=6",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,TH;COUNT=8",
    "RRULE:FREQ=WEEKLY",
    "RRULE:FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4",
)
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC")
MOST_SINGLE, MOST_SERIES = 60, 4  # on one calendar; more are deleted
REFUSED = (400, 403, 404, 409, 410)  # what Google answers to a change of something that is gone
EXPIRES_SECONDS = 120
AGAIN = 0.5  # of the changes are to one of the events that changed last
Own = tuple[str, str]  # calendar and event


class History:
    """What happens to the calendars of one person. `guests` are other people, `invited` what those invited them to."""

    def __init__(self, google: GoogleEmulator, email: str, calendars: list[str], seed: int) -> None:
        self.google = google
        self.email = email
        self.calendars = calendars
        self.chosen = random.Random(seed)
        self.now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        self.single: list[Own] = []
        self.series: list[Own] = []
        self.invited: list[str] = []
        self.guests: list[History] = []
        self.expired = 0.0

    def beginning(self, count: int) -> list[dict[str, Any]]:
        """Events of an hour each on the own calendar, to be there before anything happens."""
        self.single = [(self.email, f"{self.chosen.getrandbits(100):025x}") for _ in range(count)]
        return [self._beginning(event_id) for _, event_id in self.single]

    def _beginning(self, event_id: str) -> dict[str, Any]:
        start = self.now + timedelta(hours=self.chosen.randint(-600, 6000))
        described = {"summary": "Meeting", "description": "Agenda: where we stand, what comes next, who does it."}
        return {"id": event_id, **described, **self._hours(start, start + timedelta(hours=1))}

    def step(self) -> bool:
        """One change; False when there was nothing of that kind to change."""
        kinds = [kind for kind, _ in STEPS]
        kind = self.chosen.choices(kinds, [weight for _, weight in STEPS])[0]
        try:
            return kind(self) is not False
        except ApiError as error:
            if error.code not in REFUSED:
                raise
            return False

    def insert(self) -> None:
        calendar = self.chosen.choice(self.calendars)
        guests = self.chosen.sample(self.guests, k=min(2, len(self.guests))) if self.chosen.random() < 0.15 else []
        body = {**self._body(), "status": self.chosen.choice(["confirmed", "tentative"])}
        if guests:
            body["attendees"] = [{"email": email} for email in (self.email, *(guest.email for guest in guests))]
        made = self.google.insert_event(self.email, body, calendar)
        self.single.append((calendar, made["id"]))
        for guest in guests:
            guest.invited.append(made["id"])
        if len(self.single) > MOST_SINGLE:
            self._delete(self.single.pop(0))

    def repeat(self) -> None:
        """A new series, all day or at an hour."""
        calendar, body = self.chosen.choice(self.calendars), self._body()
        if self.chosen.random() < 0.7:
            start = self.now + timedelta(days=self.chosen.randint(-60, 200))
            body |= self._hours(start, start + timedelta(hours=1))
        made = self.google.insert_event(self.email, {**body, "recurrence": [self.chosen.choice(RULES)]}, calendar)
        self.series.append((calendar, made["id"]))
        if len(self.series) > MOST_SERIES:
            self._delete(self.series.pop(0))

    def rename(self) -> bool:
        which = self.series if self.series and self.chosen.random() < 0.2 else self.single
        return self._patch(which, {"summary": f"Renamed {self.chosen.randint(0, 9999)}"})

    def move(self) -> bool:
        """To another time, of another kind sometimes: what was all day gets hours."""
        times = self._times()
        return self._patch(self.single, {name: {"date": None, "dateTime": None, **times[name]} for name in times})

    def delete(self) -> bool:
        if not self.single:
            return False
        self._delete(self._taken(self.single))
        return True

    def delete_series(self) -> bool:
        if not self.series:
            return False
        self._delete(self._taken(self.series))
        return True

    def end_series(self) -> bool:
        """As "this and following" does to the older series."""
        until = (self.now + timedelta(days=self.chosen.randint(-20, 120))).strftime("%Y%m%dT%H%M%SZ")
        return self._patch(self.series, {"recurrence": [f"RRULE:FREQ=WEEKLY;UNTIL={until}"]})

    def change_one(self) -> bool:
        """One instance of a series."""
        found = self._instance()
        if found is None:
            return False
        self.google.update_event(self.email, found[1], self._body(), found[0])
        return True

    def drop_one(self) -> bool:
        found = self._instance()
        if found is None:
            return False
        self._delete(found)
        return True

    def transfer(self) -> bool:
        """From one of the person's calendars to another."""
        if len(self.calendars) < 2 or not self.single:
            return False
        calendar, event_id = self._taken(self.single)
        target = next(other for other in self.calendars if other != calendar)
        self.google.move_event(self.email, event_id, target, calendar)
        self.single.append((target, event_id))
        return True

    def answer(self) -> bool:
        """An invitation of somebody else."""
        if not self.invited:
            return False
        event_id = self.chosen.choice(self.invited[-20:])
        stored = self.google.store.calendars[self.email].events.get(event_id)
        if stored is None or stored.cancelled:
            return False
        said = self.chosen.choice(["accepted", "declined", "tentative"])
        attendees = [
            {**each, "responseStatus": said} if each.get("self") else each for each in stored.body["attendees"]
        ]
        self.google.patch_event(self.email, event_id, {"attendees": attendees})
        return True

    def forget(self) -> None:
        """Google forgets the sync tokens it gave."""
        self.google.invalidate_sync_tokens(self.email)

    def expire(self) -> bool:
        """Google refuses the access tokens it gave; not so often that it refuses new ones as well."""
        now = self.google.clock.now()
        if now < self.expired + EXPIRES_SECONDS:
            return False
        self.expired = now
        self.google.expire_access_tokens(self.email)
        return True

    def _delete(self, which: Own) -> None:
        self.google.delete_event(self.email, which[1], which[0])

    def _patch(self, which: list[Own], fields: dict[str, Any]) -> bool:
        if not which:
            return False
        calendar, event_id = own = self._taken(which)
        self.google.patch_event(self.email, event_id, fields, calendar)
        which.append(own)
        return True

    def _taken(self, which: list[Own]) -> Own:
        """One of them, off the list: those that changed last stand at its end."""
        first = max(0, len(which) - 3) if self.chosen.random() < AGAIN else 0
        return which.pop(self.chosen.randrange(first, len(which)))

    def _instance(self) -> Own | None:
        if not self.series:
            return None
        calendar, event_id = self.chosen.choice(self.series)
        master = self.google.store.calendars[calendar].events[event_id]
        if master.cancelled or not master.recurring:
            return None
        originals = master.expansion().up_to(0, 6)
        if not originals:
            return None
        return calendar, f"{event_id}_{master.expansion().suffix(self.chosen.choice(originals))}"

    def _body(self) -> dict[str, Any]:
        return {"summary": f"Event {self.chosen.randint(0, 9999)}", **self._times()}

    def _times(self) -> dict[str, Any]:
        """Mostly inside the window of 30 days back and 365 ahead, sometimes outside or across its ends."""
        day = self.chosen.choice([*range(-28, 300, 9), -40, -31, -30, 364, 366, 367, 500])
        start = self.now + timedelta(days=day, hours=self.chosen.randint(0, 23))
        if self.chosen.random() < 0.3:
            days = self.chosen.choice([1, 1, 2, 40])
            return {"start": {"date": str(start.date())}, "end": {"date": str(start.date() + timedelta(days=days))}}
        return self._hours(start, start + timedelta(minutes=self.chosen.choice([0, 30, 60, 26 * 60, 60 * 24 * 20])))

    def _hours(self, start: datetime, end: datetime) -> dict[str, Any]:
        zone = self.chosen.choice(ZONES)
        return {name: {"dateTime": at.isoformat(), "timeZone": zone} for name, at in (("start", start), ("end", end))}


STEPS: tuple[tuple[Callable[[History], bool | None], float], ...] = (
    (History.insert, 6),
    (History.rename, 5),
    (History.move, 5),
    (History.delete, 3),
    (History.repeat, 1),
    (History.change_one, 3),
    (History.drop_one, 2),
    (History.delete_series, 0.5),
    (History.end_series, 0.5),
    (History.transfer, 1),
    (History.answer, 1),
    (History.forget, 0.5),
    (History.expire, 0.5),
)


def histories(google: GoogleEmulator, people: list[tuple[str, list[str]]], seed: int) -> list[History]:
    """One for each person and their calendars; a person's neighbours in the list are whom they invite."""
    made = [
        History(google, email, calendars, seed * 1_000_003 + number) for number, (email, calendars) in enumerate(people)
    ]
    for number, history in enumerate(made):
        history.guests = [made[(number + step) % len(made)] for step in (1, 2, 3) if len(made) > step]
    return made
