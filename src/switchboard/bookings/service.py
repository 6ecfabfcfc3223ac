"""Booking events at Google, and in the mirror at once."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar
from uuid import uuid4

from switchboard.bookings.documents import BookingDocument
from switchboard.bookings.model import (
    AROUND,
    REMEMBERED,
    Booking,
    Plan,
    Wish,
    check_same,
    check_writing,
    completed_event,
    event_of,
    google_id,
    in_the_way,
    new_event,
    planned,
    takes_time,
    time_taken,
)
from switchboard.calendars import service as calendars
from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import Calendar, UnknownCalendar, primary_calendar_id
from switchboard.clients.google import Place
from switchboard.clients.google_errors import EventExists, EventNotFound, GoogleUnavailable
from switchboard.clients.propelauth_facts import Identity
from switchboard.connections import service as connections
from switchboard.errors import DataError, SwitchboardError
from switchboard.event_times.model import times_of
from switchboard.events.model import CalendarEvent, Change, Window, event_id, read_changes
from switchboard.idempotency.service import new_id
from switchboard.leases.service import store_beside
from switchboard.services import Services
from switchboard.turns.service import turn
from switchboard.users import service as users
from switchboard.users.model import User

Answer = TypeVar("Answer")
Item = dict[str, Any]

MOST: Final = 250  # events listed of one calendar
PRIMARY: Final = "primary"
NOT_HERE: Final = "You have no calendar with this id here. GET /v1/me/calendar lists those you have."


@dataclass(frozen=True)
class Desk:
    """A person's calendar, read before Google is asked anything, and what is needed to write to it."""

    services: Services
    user: User
    calendar: CalendarDocument
    busy_ids: list[str]
    access: connections.Access
    now: datetime

    @property
    def zone(self) -> str:
        """The calendar's, or the person's own before anything is known of the calendar."""
        return self.calendar.timezone if self.calendar.last_success_at else self.user.timezone_or_default

    def place(self, google_event_id: str) -> Place:
        return Place(_google_id(self.calendar), google_event_id)

    async def ask(self, question: Callable[[str], Awaitable[Answer]]) -> Answer:
        return await self.access.use(question)

    async def event(self, place: Place) -> Item:
        return await self.ask(lambda token: self.services.google.event(token, place))

    async def patch(self, place: Place, changes: Item, invite: bool) -> Item:
        return await self.ask(lambda token: self.services.google.patch_event(token, place, changes, invite=invite))

    async def delete(self, place: Place, invite: bool) -> None:
        await self.ask(lambda token: self.services.google.delete_event(token, place, invite=invite))

    async def busy(self, window: Window) -> list[Window]:
        """When Google says that the person is busy, around a time."""
        start, end = window.start - AROUND, window.end + AROUND
        found = await self.ask(lambda token: self.services.google.busy(token, self.busy_ids, start, end))
        return [Window(*span) for spans in found.values() for span in spans]

    async def others(self, place: Place, after: Window | None, before: Window | None = None) -> list[Window]:
        """What else than this event takes the person's time that it takes now and did not take before."""
        if after is None:
            return []
        found = [
            takes_time(item, self.zone) for item in await self._listed(after) if item["id"] != place.google_event_id
        ]
        return in_the_way((each for each in found if each is not None), after, before)

    async def _listed(self, window: Window) -> list[Item]:
        google, found = self.services.google, list[Item]()
        for each in self.busy_ids:
            found += await self.ask(partial(google.events_between, google_calendar_id=each, between=window, limit=MOST))
        return [item for item in found if "id" in item]

    async def note(self, google_event_id: str, until: datetime, *, cancelled: bool = False) -> None:
        """Remember the ids of an event, so that it can be changed and cancelled by them."""
        calendar_id = self.calendar.calendar_id
        ids = {"calendar_id": calendar_id, "google_event_id": google_event_id, "user_id": self.user.user_id}
        await BookingDocument.note(
            Booking(
                event_id=event_id(calendar_id, google_event_id),
                cancelled_at=self.now if cancelled else None,
                forget_at=max(self.now, until) + REMEMBERED,
                **ids,
            )
        )

    async def store(self, changes: list[Change]) -> None:
        """Keep what Google answered; what cannot be kept now, the next pull brings."""
        with suppress(SwitchboardError):
            await store_beside(self.services, self.calendar, changes)

    async def stored(self, item: Item) -> CalendarEvent:
        """Keep an event as Google has it."""
        calendar, window = self.calendar, self.calendar.coverage
        if window is not None:
            await self.store(read_changes(calendar.owner, [item], calendar.timezone, window))
        event = event_of(calendar.owner, item, self.zone)
        if event is None:
            raise DataError
        return event


def _google_id(calendar: Calendar) -> str:
    """Until it is known whose the person's own calendar is, it has the name that it has for everybody (rule 41)."""
    return PRIMARY if calendar.needs_its_id() else calendar.google_calendar_id or PRIMARY


async def book(services: Services, who: Identity | User, wish: Wish, now: datetime) -> CalendarEvent:
    """A new event, the same one however often it is asked for by one id.

    Raises `TimeTaken`, `TurnTaken`, `InvalidTime`, `UnknownTimezone`, `UnknownCalendar`, `IdReused`,
    `BookingCancelled`, `EventRefused`, `CalendarReadOnly`, `NotConnected`, `WritingNotGranted`.
    """
    desk = await _desk(services, who, wish.calendar_id, now)
    times = times_of(wish.when, desk.user.timezone_or_default)
    window = times.window(desk.zone)
    name = ("client", wish.client_event_id) if wish.client_event_id else ("request", new_id())
    event = new_event(google_id(desk.calendar.calendar_id, *name), wish, times)
    await desk.note(event["id"], window.end)
    return await desk.stored(await _told_if_unknown(desk, _inserted(desk, wish, event, window)))


async def change(services: Services, who: Identity | User, which: str, wish: Wish, now: datetime) -> CalendarEvent:
    """Change what a wish names, of a series this one event alone; with a start alone it keeps its length.

    Raises `EventNotFound`, `NotTheOrganizer`, `AttendeesUnknown`, and what `book` raises.
    """
    desk, place = await _found(services, who, await BookingDocument.known(who.user_id, which), now)
    try:
        item = await _told_if_unknown(desk, _changed(desk, place, wish))
    except EventNotFound:
        await desk.store([Change(which, None)])
        raise
    event = await desk.stored(item)
    await desk.note(place.google_event_id, event.end_time)
    return event


async def cancel(services: Services, who: Identity | User, which: str, invite: bool, now: datetime) -> None:
    """Cancel an event, of a series this one alone; what is cancelled stays so. Raises `EventNotFound`."""
    booking = await BookingDocument.known(who.user_id, which)
    if booking is not None and booking.cancelled_at is not None:
        return
    desk, place = await _found(services, who, booking, now)
    await _told_if_unknown(desk, desk.delete(place, invite))
    await desk.note(place.google_event_id, now, cancelled=True)
    await desk.store([Change(which, None)])


async def create_event(services: Services, caller: Identity, event: Item, now: datetime) -> Item:
    """Create an event in Google's own shape, there and in the mirror; raises as what is called here does."""
    user = await users.current(services, caller, now)
    check_writing(user.token)
    new = completed_event(event, user.timezone_or_default)
    calendar = await CalendarDocument.find(primary_calendar_id(user.user_id))
    google = connections.Access(services, user.user_id, now)
    async with turn(user.user_id, uuid4().hex) as held:  # so that nobody else finds the time free meanwhile
        created = await held.send(google.use(lambda token: services.google.insert_event(token, new)))
    if calendar is not None and (window := calendar.coverage):
        with suppress(SwitchboardError):  # it is at Google by now: the next pull brings it
            await store_beside(services, calendar, read_changes(calendar.owner, [created], calendar.timezone, window))
    return created


async def _desk(services: Services, who: Identity | User, calendar_id: str | None, now: datetime) -> Desk:
    user = who if isinstance(who, User) else await users.current(services, who, now)
    check_writing(user.token)
    shown = await calendars.overview_of(services, user, now)
    here = {each.calendar_id: each for each in (shown.calendar, *shown.others) if each is not None}
    wanted = calendar_id or primary_calendar_id(user.user_id)
    calendar = await CalendarDocument.find(wanted) if wanted in here else None
    if calendar is None:
        raise UnknownCalendar(NOT_HERE)
    token = await connections.access_token(services, user.user_id, now)
    access = connections.Access(services, user.user_id, now, token)
    return Desk(services, user, calendar, [_google_id(each) for each in here.values() if each.busy], access, now)


async def _found(
    services: Services, who: Identity | User, booking: Booking | None, now: datetime
) -> tuple[Desk, Place]:
    """An event of a person; raises `EventNotFound`."""
    if booking is None or booking.cancelled_at is not None:
        raise EventNotFound
    try:
        desk = await _desk(services, who, booking.calendar_id, now)
    except UnknownCalendar:
        raise EventNotFound from None
    return desk, desk.place(booking.google_event_id)


async def _told_if_unknown(desk: Desk, work: Awaitable[Answer]) -> Answer:
    """When Google gives no answer, what was asked may have happened: the calendar is pulled to see."""
    try:
        return await work
    except GoogleUnavailable:
        with suppress(SwitchboardError):
            await CalendarDocument.notify(desk.calendar.calendar_id, desk.now)
        raise


async def _inserted(desk: Desk, wish: Wish, event: Item, window: Window) -> Item:
    """Nobody else books for this person meanwhile. Who slept through their turn takes back what is in the way then."""
    place, shown = desk.place(event["id"]), wish.when.timezone or desk.user.timezone_or_default

    async def insert() -> Item:
        try:
            google, there = desk.services.google, place.google_calendar_id
            return await desk.ask(lambda token: google.insert_event(token, event, there, invite=wish.invite))
        except EventExists:
            return check_same(await desk.event(place), event)

    if not desk.calendar.busy or not wish.fields.get("busy", True):
        return await insert()
    async with turn(desk.user.user_id, event["id"]) as held:
        taken = [] if wish.allow else in_the_way(await desk.busy(window), window)
        if taken and not await _is_there(desk, place):
            raise time_taken(taken, shown)
        item = await held.send(insert())
    after = takes_time(item, desk.zone)
    if held.lost and not wish.allow and (others := await desk.others(place, after)):
        await desk.delete(place, wish.invite)
        raise time_taken(others, shown)
    return item


async def _is_there(desk: Desk, place: Place) -> bool:
    try:
        return (await desk.event(place)).get("status") != "cancelled"
    except EventNotFound:
        return False


async def _changed(desk: Desk, place: Place, wish: Wish) -> Item:
    own_zone, collides = desk.user.timezone_or_default, wish.moves or wish.fields.get("busy") is True
    shown = wish.when.timezone or own_zone

    async def plan() -> Plan:
        return planned(await desk.event(place), wish, own_zone, desk.zone)

    if not desk.calendar.busy or not collides:
        return await desk.patch(place, (await plan()).changes, wish.invite)
    async with turn(desk.user.user_id, uuid4().hex) as held:
        made = await plan()
        if made.after and made.new_time and not wish.allow:
            taken = in_the_way(await desk.busy(made.after), made.after, made.before)
            if taken:
                raise time_taken(taken, shown)
        item = await held.send(desk.patch(place, made.changes, wish.invite))
    if held.lost and not wish.allow and (others := await desk.others(place, made.after, made.before)):
        await desk.patch(place, made.back, wish.invite)
        raise time_taken(others, shown)
    return item
