"""The budget of one process: portions of what all processes share."""

import asyncio
from datetime import datetime
from typing import Final

from prometheus_client import Counter

from switchboard.budgets.documents import RequestBudgetDocument
from switchboard.settings import CalendarSettings

PORTIONS: Final = 100  # of everyone's minute: so many times at most it is asked for in MongoDB
PERSONS_PORTION: Final = 10

ALLOWED = Counter("switchboard_google_budget", "Requests to Google that the background asked for", ("outcome",))


class Budget:
    """Says how many requests to Google the background may send in a minute: over all, and for one person.

    A process sets aside a portion at a time, so that a request seldom costs a question to MongoDB; what is left of a
    portion at the end of its minute is lost. Google's own limits: facts/google-calendar.md section 3.
    """

    def __init__(self, limits: CalendarSettings) -> None:
        self._limits = limits
        self._minute: datetime | None = None
        self._left = 0
        self._left_for: dict[str, int] = {}
        self._one_at_a_time = asyncio.Lock()  # or each of many would set a portion aside

    async def allows(self, user_id: str | None, now: datetime) -> bool:
        """Whether one more request may go out, counted for a person where one is named."""
        async with self._one_at_a_time:
            self._begin(now.replace(second=0, microsecond=0))
            allowed = (user_id is None or await self._persons(user_id)) and await self._everyones()
        ALLOWED.labels("allowed" if allowed else "refused").inc()
        return allowed

    def _begin(self, minute: datetime) -> None:
        if self._minute is None or minute > self._minute:
            self._minute, self._left, self._left_for = minute, 0, {}

    async def _everyones(self) -> bool:
        limit = self._limits.requests_per_minute
        if self._left < 1:
            self._left += await self._portion("google", max(1, limit // PORTIONS), limit)
        if self._left < 1:
            return False
        self._left -= 1
        return True

    async def _persons(self, user_id: str) -> bool:
        limit = self._limits.person_requests_per_minute
        left = self._left_for.get(user_id, 0)
        if left < 1:
            left += await self._portion(f"google|{user_id}", min(PERSONS_PORTION, limit), limit)
        self._left_for[user_id] = max(0, left - 1)
        return left >= 1

    async def _portion(self, key: str, amount: int, limit: int) -> int:
        """What was set aside: nothing when too little of the minute is left."""
        assert self._minute is not None  # noqa: S101
        return amount if await RequestBudgetDocument.take(key, amount, limit, self._minute) else 0
