"""Demo calendars: ordinary weeks for everybody, and for some every awkward kind of event Google knows."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from devstack import demo_oddities
from devstack.google import GoogleEmulator

Json = dict[str, Any]
WEEKS_BACK, WEEKS_AHEAD = 4, 12
PER_WEEK = 5
AWKWARD = (
    "olivia.moreau@northwind.example",
    "arjun.mehta@northwind.example",
    "mina.tanaka@northwind.example",
    "hannah.weiss@northwind.example",
    "noah.whitfield@northwind.example",
    "jack.thornton@harbor.example",
)
TITLES = (
    "Call with a customer", "Greeting review", "Lunch", "Planning", "Interview", "Demo for a clinic", "1:1",
    "Voice tuning", "Budget", "Call scripts", "Dentist", "Retrospective", "Number porting", "Coffee", "School run",
    "Latency hunt", "Board preparation", "Pairing", "Gym", "Travel booking",
)  # fmt: skip
PLACES = ("", "", "", "Room Ada", "Room 3.14", "Rue de Rivoli 12, Paris", "https://meet.example/abc-defg")


@dataclass(frozen=True)
class Diary:
    """Whose calendar is written, from which day on."""

    email: str
    zone: str
    today: date
    random: random.Random

    def at(self, days: int, time: str, zone: str = "") -> Json:
        """A moment: days from today, wall clock."""
        day = self.today + timedelta(days=days)
        return {"dateTime": f"{day.isoformat()}T{time}:00", "timeZone": zone or self.zone}

    def day(self, days: int) -> Json:
        return {"date": (self.today + timedelta(days=days)).isoformat()}

    def event_id(self) -> str:
        return f"{self.random.getrandbits(120):024x}"

    def weekday(self, weekday: int, weeks: int = 0) -> int:
        """Days from today to a weekday (0 is Monday) of the week `weeks` from this one."""
        return weekday - self.today.weekday() + 7 * weeks


def fill(google: GoogleEmulator, numbers: random.Random, now: datetime) -> None:
    """All accounts. Times are relative to `now`, and the same for the same day."""
    for account in list(google.store.accounts.values()):
        today = now.astimezone(ZoneInfo(account.timezone)).date()
        diary = Diary(account.email, account.timezone, today, numbers)
        google.bulk_insert(account.email, _ordinary(diary))
        if account.email in AWKWARD:
            google.bulk_insert(account.email, demo_oddities.oddities(diary))
            demo_oddities.add_changed_series(google, diary)
    _meetings(google, numbers, now.date())


def _ordinary(diary: Diary) -> Iterator[Json]:
    yield {
        "id": diary.event_id(),
        "summary": "Daily stand-up",
        "start": diary.at(diary.weekday(0, -WEEKS_BACK), "09:30"),
        "end": diary.at(diary.weekday(0, -WEEKS_BACK), "09:45"),
        "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"],
    }
    for week in range(-WEEKS_BACK, WEEKS_AHEAD):
        for _ in range(PER_WEEK + diary.random.randrange(3)):
            yield _meeting(diary, diary.weekday(diary.random.randrange(5), week))


def _meeting(diary: Diary, days: int) -> Json:
    numbers = diary.random
    hour, minute = numbers.randrange(8, 18), numbers.choice((0, 15, 30, 45))
    end = hour * 60 + minute + numbers.choice((15, 30, 30, 60, 90))
    event: Json = {
        "id": diary.event_id(),
        "summary": numbers.choice(TITLES),
        "start": diary.at(days, f"{hour:02}:{minute:02}"),
        "end": diary.at(days, f"{end // 60:02}:{end % 60:02}"),
    }
    place = numbers.choice(PLACES)
    if place:
        event["location"] = place
    if numbers.random() < 0.08:
        event["visibility"] = "private"
    if numbers.random() < 0.08:
        event["status"] = "tentative"
    return event


def _meetings(google: GoogleEmulator, numbers: random.Random, today: date) -> None:
    """Meetings with colleagues: a copy on each calendar, with everybody's own answer."""
    accounts = list(google.store.accounts.values())
    for number in range(40):
        host, *guests = numbers.sample(accounts, 4)
        diary = Diary(host.email, host.timezone, today, numbers)
        event_id, days = diary.event_id(), diary.weekday(number % 5, number // 10)
        attendees = [{"email": account.email, "displayName": account.name} for account in (host, *guests)]
        google.insert_event(
            host.email,
            {
                "id": event_id,
                "summary": f"Meeting of {len(attendees)}: {numbers.choice(TITLES)}",
                "start": diary.at(days, f"{9 + number % 8:02}:00"),
                "end": diary.at(days, f"{9 + number % 8:02}:45"),
                "attendees": [*attendees, {"email": "partner@outside.example"}],
            },
        )
        _answer(google, guests[0].email, event_id, ("declined", "tentative", "accepted")[number % 3])


def _answer(google: GoogleEmulator, email: str, event_id: str, response: str) -> None:
    attendees = google.events.get(google.events.place(email), event_id)["attendees"]
    answered = [{**one, "responseStatus": response} if one["email"] == email else one for one in attendees]
    google.patch_event(email, event_id, {"attendees": answered})
