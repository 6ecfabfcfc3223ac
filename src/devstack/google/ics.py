"""Reading an exported calendar (.ics, RFC 5545) into an account's primary calendar."""

import base64
import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from icalendar import Event as IcsEvent
from icalendar.error import GloballyUniqueTZIDGuessed

from devstack.google.errors import ApiError
from devstack.google.events import Events, Place
from devstack.google.ics_fields import IcsReader, text_of, uid_of
from devstack.google.people import mark_self, person
from devstack.google.state import Json, StoredEvent

UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, ApiError)


@dataclass
class ImportReport:
    """How many events of each kind were read; `unchanged` of them were there already; `skipped` says which and why."""

    events: int = 0
    series: int = 0
    exceptions: int = 0
    unchanged: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)


def import_ics(data: bytes, place: Place, events: Events) -> ImportReport:
    """Read all VEVENTs; the same UID again updates. A component nobody can read is skipped, not the file."""
    return IcsImport(place, events).run(data)


class IcsImport:
    def __init__(self, place: Place, events: Events) -> None:
        self.place = place
        self.events = events
        self.report = ImportReport()
        self.reader = IcsReader(place.calendar.timezone)

    def run(self, data: bytes) -> ImportReport:
        head, blocks = split(data.decode("utf-8-sig", "replace"))
        self.reader.learn_zones(head)
        components = [component for block in blocks if (component := self._parsed(block)) is not None]
        for is_exception in (False, True):
            for component in components:
                if ("RECURRENCE-ID" in component) == is_exception:
                    self._guarded(component, self._exception if is_exception else self._event)
        return self.report

    def _parsed(self, block: str) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", GloballyUniqueTZIDGuessed)
                return IcsEvent.from_ical(block)
        except UNREADABLE as error:
            uid = next((line[4:].strip() for line in block.splitlines() if line.upper().startswith("UID:")), "")
            self.report.skipped.append((uid, f"unreadable: {error}"))
            return None

    def _guarded(self, component: Any, read: Callable[[Any], None]) -> None:
        try:
            read(component)
        except UNREADABLE as error:
            self.report.skipped.append((text_of(component, "UID"), str(error) or type(error).__name__))

    def _event(self, component: Any) -> None:
        event_id = id_of(uid_of(component))
        known = self.place.calendar.events.get(event_id)
        if text_of(component, "STATUS").upper() == "CANCELLED":
            if known is None or known.cancelled:
                raise ValueError("cancelled")
            self.events.changes.cancel(self.place.calendar, known)
            self.report.events += 1
            return
        body = self._complete(component, event_id)
        if body.get("recurrence"):
            self.report.series += 1
        else:
            self.report.events += 1
        self._write(body)

    def _exception(self, component: Any) -> None:
        master_id = id_of(uid_of(component))
        original, suffix = self.reader.original(component, self._master(master_id))
        body = self._complete(component, f"{master_id}_{suffix}")
        body.pop("recurrence", None)
        body |= {"recurringEventId": master_id, "originalStartTime": original}
        if text_of(component, "STATUS").upper() == "CANCELLED":
            self._write_cancelled(body)
        else:
            self._write(body)
        self.report.exceptions += 1

    def _write_cancelled(self, body: Json) -> None:
        calendar = self.place.calendar
        known = calendar.events.get(body["id"])
        if known is not None and known.cancelled:
            self.report.unchanged += 1
            return
        self.events.changes.write(calendar, body)
        self.events.changes.cancel(calendar, calendar.events[body["id"]])

    def _master(self, master_id: str) -> StoredEvent | None:
        master = self.place.calendar.events.get(master_id)
        return master if master is not None and master.recurring else None

    def _complete(self, component: Any, event_id: str) -> Json:
        fields = self.reader.fields(component)
        organizer = fields.pop("organizer", None)
        body = self.events.new_body(self.place, {**fields, "id": None, "iCalUID": uid_of(component)})
        body["id"] = event_id
        if organizer:
            body["organizer"] = person(organizer["email"], self.place.calendar, organizer.get("displayName", ""))
            mark_self(body, self.place.calendar)
        return body

    def _write(self, body: Json) -> None:
        known = self.place.calendar.events.get(body["id"])
        if known is not None:
            body |= {name: known.body[name] for name in ("created", "htmlLink") if name in known.body}
            fresh = {**body, "etag": known.body["etag"], "updated": known.body.get("updated")}
            if fresh == known.body:
                self.report.unchanged += 1
                return
        self.events.changes.write(self.place.calendar, body)


def split(text: str) -> tuple[str, list[str]]:
    """The file without its events, and the events one by one; one that never ends lasts until the next begins."""
    head: list[str] = []
    blocks: list[list[str]] = []
    inside = False
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        mark = line.strip().upper()
        if mark == "BEGIN:VEVENT":
            blocks.append([])
            inside = True
        if mark == "END:VCALENDAR":
            inside = False
        if line.strip():
            (blocks[-1] if inside else head).append(line)
        if mark == "END:VEVENT":
            inside = False
    return "\r\n".join(head), ["\r\n".join(block) + "\r\n" for block in blocks]


def id_of(uid: str) -> str:
    """An event id Google would accept, always the same for a UID."""
    digest = hashlib.sha256(uid.encode()).digest()[:16]
    return base64.b32hexencode(digest).decode().rstrip("=").lower()
