"""A calendar whose lease we hold.

Every write shares one transaction with a write to the calendar itself that fails once another has the lease. However
late a worker wakes up, it then writes nothing (docs/decisions/0016).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from switchboard.calendars import documents
from switchboard.calendars.documents import CalendarDocument
from switchboard.calendars.model import LeaseLost
from switchboard.connections import service as connections
from switchboard.connections.service import Answer
from switchboard.events.documents import CalendarEventDocument
from switchboard.events.model import Change, changed
from switchboard.leases.model import BudgetSpent
from switchboard.memberships.documents import UserOrganizationDocument
from switchboard.mongo import Session
from switchboard.services import Services

WRITING_SECONDS: Final = 20.0  # for a page; well within the lease
LOOK_AGAIN_SECONDS: Final = 1.0  # for a budget that is spent


class Held:
    """A calendar with its lease. `token` is an access token of its owner that still works, where one is at hand."""

    def __init__(self, services: Services, calendar: CalendarDocument, now: datetime, token: str | None = None) -> None:
        self.services = services
        self.calendar = calendar
        self.now = now
        self._access = connections.Access(services, calendar.user_id, now, token)
        self._began = asyncio.get_running_loop().time()
        self._asked = 0

    async def ask(self, question: Callable[[str], Awaitable[Answer]]) -> Answer:
        """Google's answer, however long it takes: the lease is lengthened meanwhile.

        Raises `LeaseLost`; `BudgetSpent` when the first question has to wait for the next minute, later ones wait.
        """
        asking = asyncio.ensure_future(self._ask(question))
        try:
            while not (await asyncio.wait({asking}, timeout=documents.LEASE_SECONDS / 3))[0]:
                await self.keep()
            return await asking
        finally:
            await ended(asking)

    async def _ask(self, question: Callable[[str], Awaitable[Answer]]) -> Answer:
        """A person's other requests are counted once a pull has more than one: a poll alone keeps to the pauses."""
        while not await self.services.may_ask_google(self.calendar.user_id if self._asked else None, self._moment()):
            if not self._asked:
                raise BudgetSpent
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        self._asked += 1
        return await self._access.use(question)

    def _moment(self) -> datetime:
        return self.now + timedelta(seconds=asyncio.get_running_loop().time() - self._began)

    async def keep(self, fields: dict[str, Any] | None = None, session: Session | None = None) -> None:
        """Lengthen the lease and set fields; raises `LeaseLost`."""
        if not await self.calendar.keep(fields, session):
            raise LeaseLost

    async def begin_anew(self, fields: dict[str, Any]) -> None:
        """Go on under the next fence: the sweep at the end then sees what was written under this one. `LeaseLost`."""
        following = self.calendar.fence + 1
        await self.keep({**fields, "fence": following})
        self.calendar.fence = following

    async def store(self, changes: list[Change], *, anew: bool = False) -> bool:
        """Write what differs from what is stored, or everything `anew`; whether anything did. Raises `LeaseLost`."""
        calendar, event_ids = self.calendar, [change.event_id for change in changes]

        async def write(session: Session) -> bool:
            await self.keep(session=session)
            known = await CalendarEventDocument.known(event_ids, session)
            wanted = changed(changes, known, anew=anew)
            await CalendarEventDocument.write(wanted, known, calendar.fence, session)
            return bool(wanted)

        return await self.services.transactions.run(write, WRITING_SECONDS)

    async def remove(self, batches: AsyncIterator[list[str]]) -> bool:
        """Remove events batch by batch; whether there was one. Raises `LeaseLost`."""
        found = False
        async for event_ids in batches:
            if event_ids:
                await self._in_one(partial(CalendarEventDocument.remove, event_ids))
                found = True
        return found

    async def place(self, org_ids: list[str]) -> None:
        """Note on the calendar and its events the organizations of its owner. Raises `LeaseLost`.

        Until it is done the calendar names only those that all of its events name.
        """
        await self.keep({"org_ids": [org_id for org_id in self.calendar.org_ids if org_id in org_ids]})
        async for event_ids in CalendarEventDocument.misplaced(self.calendar.owner, org_ids):
            await self._in_one(partial(CalendarEventDocument.place, event_ids, org_ids))
        await self.keep({"org_ids": org_ids})
        self.calendar.org_ids = org_ids

    async def _in_one(self, write: Callable[[Session], Awaitable[None]]) -> None:
        async def held(session: Session) -> None:
            await self.keep(session=session)
            await write(session)

        await self.services.transactions.run(held, WRITING_SECONDS)


async def hold(services: Services, calendars: list[CalendarDocument], now: datetime) -> list[tuple[Held, list[str]]]:
    """Calendars whose leases were taken, each with the organizations of its owner: two or three queries for all."""
    user_ids = [calendar.user_id for calendar in calendars]
    tokens = await connections.access_tokens(user_ids, now)
    places = await UserOrganizationDocument.organizations_of(user_ids)
    return [
        (Held(services, calendar, now, tokens.get(calendar.user_id)), places.get(calendar.user_id, []))
        for calendar in calendars
    ]


async def store_beside(services: Services, calendar: CalendarDocument, changes: list[Change]) -> None:
    """Write without the lease what Google has answered since `calendar` was read, unless a pull has begun meanwhile:
    it may know of something later. Then the calendar is due at once.
    """

    async def write(session: Session) -> bool:
        if not await calendar.unpulled(session):
            return False
        known = await CalendarEventDocument.known([change.event_id for change in changes], session)
        await CalendarEventDocument.write(changed(changes, known, anew=False), known, calendar.fence, session)
        return True

    if not await services.transactions.run(write):
        await CalendarDocument.notify(calendar.calendar_id, datetime.now(UTC))


async def ended(task: asyncio.Future[Any]) -> None:
    """A task that nobody waits for any more neither runs on nor complains."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()
