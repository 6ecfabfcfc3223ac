"""Exports of calendar programs, awkward ones too."""

from typing import Any

from devstack.google import GoogleEmulator
from tests.devstack.google.driver import ANN, Browser

GOOGLE_LIKE = """BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
X-WR-CALNAME:ann@example.com
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VTIMEZONE
TZID:Europe/Berlin
X-LIC-LOCATION:Europe/Berlin
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20260323T090000
DTEND;TZID=Europe/Berlin:20260323T100000
RRULE:FREQ=WEEKLY;WKST=MO;COUNT=4;BYDAY=MO
EXDATE;TZID=Europe/Berlin:20260330T090000
DTSTAMP:20261101T120000Z
ORGANIZER;CN=Ann Example:mailto:ann@example.com
UID:weekly@google.com
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=Bob
 Builder;X-NUM-GUESTS=0:mailto:bob@example.com
ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=DECLINED:MAILTO:Carl@Example.com
ATTENDEE;CUTYPE=RESOURCE;PARTSTAT=NEEDS-ACTION:invalid:nomail
SEQUENCE:3
STATUS:CONFIRMED
SUMMARY:Weekly\\, with a comma
DESCRIPTION:line one\\nline two
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20260406T150000
DTEND;TZID=Europe/Berlin:20260406T160000
UID:weekly@google.com
RECURRENCE-ID;TZID=Europe/Berlin:20260406T090000
SUMMARY:Weekly moved
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20260501
DTEND;VALUE=DATE:20260502
UID:holiday@google.com
SUMMARY:Holiday
TRANSP:TRANSPARENT
CLASS:PRIVATE
END:VEVENT
END:VCALENDAR
"""

OUTLOOK_LIKE = """BEGIN:VCALENDAR
PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN
VERSION:2.0
METHOD:PUBLISH
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16011028T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
CLASS:PUBLIC
DTSTART;TZID="W. Europe Standard Time":20260327T140000
DTEND;TZID="W. Europe Standard Time":20260327T150000
RRULE:FREQ=WEEKLY;UNTIL=20260410T120000Z;BYDAY=FR
UID:040000008200E00074C5B7101A82E008
SUMMARY;LANGUAGE=de:Jour fixe
X-MICROSOFT-CDO-BUSYSTATUS:FREE
BEGIN:VALARM
TRIGGER:-PT15M
ACTION:DISPLAY
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID="W. Europe Standard Time":20260403T140000
DTEND;TZID="W. Europe Standard Time":20260403T150000
RECURRENCE-ID;VALUE=DATE:20260403
UID:040000008200E00074C5B7101A82E008
SUMMARY:Jour fixe
STATUS:CANCELLED
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20260601
DTEND;VALUE=DATE:20260601
UID:zero-day
SUMMARY:Same day
END:VEVENT
END:VCALENDAR
"""

APPLE_LIKE = """BEGIN:VCALENDAR
CALSCALE:GREGORIAN
PRODID:-//Apple Inc.//macOS 14.0//EN
VERSION:2.0
BEGIN:VEVENT
UID:6F9619FF-8B86-D011-B42D-00CF4FC964FF
DTSTART;TZID=/freeassociation.sourceforge.net/America/New_York:20260302T090000
DURATION:PT1H30M
SUMMARY:Breakfast
X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC
END:VEVENT
BEGIN:VEVENT
UID:floating
DTSTART:20260302T120000
SUMMARY:Noon
END:VEVENT
BEGIN:VEVENT
UID:day
DTSTART;VALUE=DATE:20260303
RRULE:FREQ=YEARLY
EXDATE;VALUE=DATE:20270303
SUMMARY:Birthday
END:VEVENT
BEGIN:VEVENT
UID:no-start
SUMMARY:Nothing
END:VEVENT
BEGIN:VEVENT
UID:bad-date
DTSTART:2026-03-02 09:00
SUMMARY:Bad
END:VEVENT
BEGIN:VEVENT
UID:bad-rule
DTSTART:20260302T090000Z
RRULE:FREQ=NEVER
SUMMARY:Bad rule
END:VEVENT
BEGIN:VEVENT
UID:backwards
DTSTART:20260302T090000Z
DTEND:20260302T080000Z
SUMMARY:Backwards
END:VEVENT
BEGIN:VEVENT
UID:called-off
DTSTART:20260302T090000Z
STATUS:CANCELLED
END:VEVENT
BEGIN:VEVENT
UID:after
DTSTART:20260302T090000Z
DTEND:20260302T093000Z
SUMMARY:After the bad ones
END:VEVENT
END:VCALENDAR
"""


def loaded(google: GoogleEmulator, text: str) -> Any:
    return google.import_ics(text.replace("\n", "\r\n").encode(), ANN)


async def test_a_google_like_export_keeps_series_exceptions_and_people(google, ann: Browser):
    report = loaded(google, GOOGLE_LIKE)
    assert (report.events, report.series, report.exceptions, report.skipped) == (1, 1, 1, [])
    items = await ann.listed(singleEvents="true", orderBy="startTime")
    assert [(item["summary"], item["start"].get("dateTime", item["start"].get("date"))) for item in items] == [
        ("Weekly, with a comma", "2026-03-23T09:00:00+01:00"),
        ("Weekly moved", "2026-04-06T15:00:00+02:00"),
        ("Weekly, with a comma", "2026-04-13T09:00:00+02:00"),
        ("Holiday", "2026-05-01"),
    ]
    series = items[0]
    assert series["description"] == "line one\nline two"
    assert series["sequence"] == 3
    assert series["iCalUID"] == "weekly@google.com"
    assert series["organizer"]["self"] is True
    assert [(a["email"], a["responseStatus"], a.get("optional", False)) for a in series["attendees"]] == [
        ("bob@example.com", "accepted", False),
        ("carl@example.com", "declined", True),
    ]
    assert (items[3]["transparency"], items[3]["visibility"]) == ("transparent", "private")
    assert items[1]["originalStartTime"]["dateTime"] == "2026-04-06T09:00:00+02:00"


async def test_an_outlook_like_export_knows_windows_zones_and_cancelled_days(google, ann: Browser):
    report = loaded(google, OUTLOOK_LIKE)
    assert (report.events, report.series, report.exceptions, report.skipped) == (1, 1, 1, [])
    items = await ann.listed(singleEvents="true", orderBy="startTime")
    assert [item["start"].get("dateTime", item["start"].get("date")) for item in items] == [
        "2026-03-27T14:00:00+01:00",
        "2026-04-10T14:00:00+02:00",
        "2026-06-01",
    ]
    assert items[0]["start"]["timeZone"] == "Europe/Berlin"
    assert items[0]["transparency"] == "transparent"
    assert items[2]["end"]["date"] == "2026-06-02"


async def test_bad_components_are_skipped_with_a_reason_and_the_rest_is_read(google, ann: Browser):
    report = loaded(google, APPLE_LIKE)
    assert (report.events, report.series, report.exceptions) == (3, 1, 0)
    assert [uid for uid, _ in report.skipped] == ["no-start", "bad-date", "bad-rule", "backwards", "called-off"]
    assert all(reason for _, reason in report.skipped)
    items = {item["summary"]: item for item in await ann.listed()}
    assert items["Breakfast"]["start"] == {"dateTime": "2026-03-02T15:00:00+01:00", "timeZone": "America/New_York"}
    assert items["Breakfast"]["end"]["dateTime"] == "2026-03-02T16:30:00+01:00"
    assert items["Noon"]["start"]["dateTime"] == items["Noon"]["end"]["dateTime"] == "2026-03-02T12:00:00+01:00"
    assert items["Birthday"]["end"] == {"date": "2026-03-04"}
    assert "After the bad ones" in items


async def test_the_same_file_again_changes_nothing_and_a_newer_one_updates(google, ann: Browser):
    for text in (GOOGLE_LIKE, OUTLOOK_LIKE, APPLE_LIKE):
        loaded(google, text)
    token, before = (await ann.events())["nextSyncToken"], await ann.listed()
    for text in (GOOGLE_LIKE, OUTLOOK_LIKE, APPLE_LIKE):
        loaded(google, text)
    assert await ann.listed() == before
    assert (await ann.events(syncToken=token))["items"] == []
    loaded(google, GOOGLE_LIKE.replace("SUMMARY:Holiday", "SUMMARY:Feast"))
    assert [item["summary"] for item in (await ann.events(syncToken=token))["items"]] == ["Feast"]


def test_rubbish_is_an_empty_report():
    google = GoogleEmulator()
    google.add_account(ANN)
    for data in (b"", b"\xff\xfe\x00rubbish", b"BEGIN:VCALENDAR\nBEGIN:VEVENT\n"):
        report = google.import_ics(data, ANN)
        assert (report.events, report.series) == (0, 0)


def test_the_order_of_exception_and_series_does_not_matter():
    google = GoogleEmulator()
    google.add_account(ANN)
    head, first, second, third = GOOGLE_LIKE.split("BEGIN:VEVENT")
    third, end = third.split("END:VCALENDAR")
    turned = "BEGIN:VEVENT".join([head, third, second, first]) + "END:VCALENDAR" + end
    report = google.import_ics(turned.encode(), ANN)
    assert (report.series, report.exceptions, report.skipped) == (1, 1, [])
