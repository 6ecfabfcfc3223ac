"""Working hours on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from switchboard.working_hours.model import MOST_EXCEPTIONS, DatedHours, Schedule, Shown, Week

Timezone = Annotated[
    str, StringConstraints(min_length=1, max_length=64), Field(json_schema_extra={"examples": ["Europe/Berlin"]})
]
Exceptions = Annotated[list[DatedHours], Field(max_length=MOST_EXCEPTIONS)]


class ScheduleSent(BaseModel):
    """Hours of each day of the week and of single dates, by the clock on the wall in `timezone`.

    Without a zone it is the wall of each person's own. Hours over midnight end at 24:00 and begin again at 00:00 on the
    next day. An hour that clocks jump over is not worked, one that they show twice is worked twice.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    timezone: Timezone | None = None
    weekly: Week
    exceptions: Exceptions = []

    def schedule(self) -> Schedule:
        return Schedule(timezone=self.timezone, weekly=self.weekly, exceptions=self.exceptions)


class WorkingHoursShown(BaseModel):
    """When I work. `usual`: I have kept nothing yet. `effective_timezone` is mine where `timezone` is null."""

    timezone: str | None
    effective_timezone: str
    weekly: Week
    exceptions: list[DatedHours]
    usual: bool
    updated_at: datetime | None

    @classmethod
    def of(cls, shown: Shown) -> "WorkingHoursShown":
        kept = shown.working_hours
        return cls(
            timezone=kept.timezone,
            effective_timezone=kept.zone_for(shown.own_timezone),
            weekly=kept.weekly,
            exceptions=kept.exceptions,
            usual=kept.updated_at is None,
            updated_at=kept.updated_at,
        )
