"""Events that break calendars that were only tried with ordinary ones."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from devstack.google import GoogleEmulator

if TYPE_CHECKING:
    from devstack.demo_calendars import Diary

Json = dict[str, Any]
LONG_TITLE = "A very long title that somebody pasted from a mail: " + "please bring the slides, the numbers and " * 30
HTML = (
    "<p>Agenda:</p><ul><li><b>Numbers</b> &amp; figures</li><li>Next <a href='https://example.com/?a=1&b=2'>steps</a>"
    "</li></ul><script>alert('this must never run')</script>"
)


def oddities(diary: "Diary") -> Iterator[Json]:
    """One of each kind, most of them within the next two weeks."""
    for event in (*_days(diary), *_moments(diary), *_texts(diary), *_kinds(diary), *_states(diary), *_series(diary)):
        yield {"id": diary.event_id(), **event}


def _days(diary: "Diary") -> list[Json]:
    return [
        {"summary": "Public holiday", "start": diary.day(3), "end": diary.day(4), "transparency": "transparent"},
        {"summary": "Offsite in Lisbon 🏝️", "start": diary.day(5), "end": diary.day(8)},
        {"summary": "All of today", "start": diary.day(0), "end": diary.day(1)},
        {"summary": "A whole quarter", "start": diary.day(-20), "end": diary.day(70), "transparency": "transparent"},
        {"summary": "Leap day, once", "start": {"date": "2028-02-29"}, "end": {"date": "2028-03-01"}},
    ]


def _moments(diary: "Diary") -> list[Json]:
    return [
        {"summary": "Send the report (no length)", "start": diary.at(1, "17:00"), "end": diary.at(1, "17:00")},
        {"summary": "Night migration", "start": diary.at(2, "22:00"), "end": diary.at(3, "04:30")},
        {"summary": "On call", "start": diary.at(4, "18:00"), "end": diary.at(9, "08:00")},
        {"summary": "Ends at midnight", "start": diary.at(1, "23:00"), "end": diary.at(2, "00:00")},
        {
            "summary": "Flight Tokyo - Los Angeles (lands before it leaves, by the clocks)",
            "start": diary.at(6, "17:00", "Asia/Tokyo"),
            "end": diary.at(6, "10:55", "America/Los_Angeles"),
        },
        {
            "summary": "Call with Kathmandu (+05:45)",
            "start": diary.at(2, "10:00", "Asia/Kathmandu"),
            "end": diary.at(2, "10:45", "Asia/Kathmandu"),
        },
        {"summary": "In the far future", "start": diary.at(3000, "10:00"), "end": diary.at(3000, "11:00")},
    ]


def _texts(diary: "Diary") -> list[Json]:
    times = {"start": diary.at(1, "13:00"), "end": diary.at(1, "13:30")}
    return [
        {**times},
        {**times, "summary": LONG_TITLE},
        {**times, "summary": "Notes in HTML", "description": HTML},
        {**times, "summary": "🎉👩🏽‍💻 Launch 🚀 — déjà vu, naïve café"},
        {**times, "summary": "اجتماع مع العميل \u202e fine", "location": "דרך בגין 1, תל אביב"},
        {**times, "summary": '<b>Not bold</b> & "quoted"; DROP TABLE events; -- {$ne: null}'},
        {**times, "summary": "   blanks   around   "},
    ]


def _kinds(diary: "Diary") -> list[Json]:
    video = {"entryPointType": "video", "uri": "https://meet.example/xyz-abcd-efg", "label": "meet.example/xyz"}
    return [
        {
            "summary": "With a conference link",
            "start": diary.at(1, "15:00"),
            "end": diary.at(1, "15:45"),
            "conferenceData": {"entryPoints": [video, {"entryPointType": "phone", "uri": "tel:+15550100"}]},
            "hangoutLink": "https://meet.example/xyz-abcd-efg",
        },
        {
            "summary": "Home",
            "eventType": "workingLocation",
            "start": diary.day(1),
            "end": diary.day(2),
            "transparency": "transparent",
            "visibility": "public",
            "workingLocationProperties": {"type": "homeOffice", "homeOffice": {}},
        },
        {
            "summary": "Out of office",
            "eventType": "outOfOffice",
            "start": diary.at(10, "00:00"),
            "end": diary.at(12, "00:00"),
            "outOfOfficeProperties": {"autoDeclineMode": "declineOnlyNewConflictingInvitations"},
        },
        {
            "summary": "Focus time",
            "eventType": "focusTime",
            "start": diary.at(2, "08:00"),
            "end": diary.at(2, "10:00"),
            "focusTimeProperties": {"chatStatus": "doNotDisturb"},
        },
    ]


def _states(diary: "Diary") -> list[Json]:
    crowd = [{"email": f"guest{number}@outside.example"} for number in range(120)]
    room = {"email": "room-ada@resource.calendar.example", "resource": True, "responseStatus": "accepted"}
    return [
        {"summary": "Doctor", "visibility": "private", "start": diary.at(3, "08:30"), "end": diary.at(3, "09:30")},
        {"summary": "Perhaps", "status": "tentative", "start": diary.at(3, "14:00"), "end": diary.at(3, "15:00")},
        {
            "summary": "Free time",
            "transparency": "transparent",
            "start": diary.at(4, "9:00".zfill(5)),
            "end": diary.at(4, "12:00"),
        },
        {
            "summary": "All hands",
            "start": diary.at(4, "16:00"),
            "end": diary.at(4, "17:00"),
            "attendees": [*crowd, room],
        },
        {
            "summary": "The list of guests is hidden",
            "start": diary.at(4, "17:00"),
            "end": diary.at(4, "18:00"),
            "attendeesOmitted": True,
            "guestsCanSeeOtherGuests": False,
            "attendees": [{"email": "secret@outside.example"}],
        },
    ]


def _series(diary: "Diary") -> list[Json]:
    start = diary.weekday(6, -3)
    berlin = "Europe/Berlin"
    return [
        {
            "summary": "Birthday of Ada",
            "start": {"date": "1815-12-10"},
            "end": {"date": "1815-12-11"},
            "recurrence": ["RRULE:FREQ=YEARLY"],
            "transparency": "transparent",
        },
        {
            "summary": "Sundays at half past two, which some nights have not and some have twice",
            "start": diary.at(start, "02:30", berlin),
            "end": diary.at(start, "03:30", berlin),
            "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=SU"],
        },
        {
            "summary": "Last Friday of the month",
            "start": diary.at(diary.weekday(4, -6), "16:00"),
            "end": diary.at(diary.weekday(4, -6), "17:00"),
            "recurrence": ["RRULE:FREQ=MONTHLY;BYDAY=-1FR"],
        },
        {
            "summary": "Ten times, the third left out, one more added",
            "start": diary.at(diary.weekday(1, -1), "11:00", "UTC"),
            "end": diary.at(diary.weekday(1, -1), "11:30", "UTC"),
            "recurrence": [
                "RRULE:FREQ=WEEKLY;COUNT=10",
                f"EXDATE:{_stamp(diary, diary.weekday(1, 1), '11:00', 'UTC')}",
                f"RDATE:{_stamp(diary, diary.weekday(2, 1), '11:00', 'UTC')}",
            ],
        },
        {
            "summary": "Every other week, all day",
            "start": diary.day(diary.weekday(3, -2)),
            "end": diary.day(diary.weekday(4, -2)),
            "recurrence": ["RRULE:FREQ=WEEKLY;INTERVAL=2"],
        },
    ]


def add_changed_series(google: GoogleEmulator, diary: "Diary") -> None:
    """A weekly series over a change of the clocks whose instances were moved, renamed and cancelled."""
    monday = diary.weekday(0, -8)
    zone = "America/New_York"
    series = google.insert_event(
        diary.email,
        {
            "id": diary.event_id(),
            "summary": "Weekly with New York",
            "start": diary.at(monday, "10:00", zone),
            "end": diary.at(monday, "11:00", zone),
            "recurrence": ["RRULE:FREQ=WEEKLY;BYDAY=MO"],
        },
    )

    def instance(weeks: int) -> str:
        return f"{series['id']}_{_stamp(diary, diary.weekday(0, weeks), '10:00', zone)}"

    moved = diary.weekday(0, 1) + 1
    google.delete_event(diary.email, instance(-1))
    google.delete_event(diary.email, instance(2))
    google.patch_event(
        diary.email, instance(1), {"start": diary.at(moved, "15:00", zone), "end": diary.at(moved, "16:00", zone)}
    )
    google.patch_event(diary.email, instance(3), {"summary": "Weekly with New York (and London)"})
    google.patch_event(diary.email, instance(4), {"status": "tentative", "location": "Room Ada"})


def _stamp(diary: "Diary", days: int, time: str, zone: str) -> str:
    """A moment as it stands in ids of instances and in EXDATE."""
    local = datetime.fromisoformat(diary.at(days, time)["dateTime"]).replace(tzinfo=ZoneInfo(zone))
    return local.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
