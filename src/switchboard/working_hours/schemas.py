"""Working hours on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from switchboard.working_hours.model import MOST_A_DAY, MOST_EXCEPTIONS, DatedHours, Hours, Schedule, Shown, Week

STRICT = ConfigDict(extra="forbid", hide_input_in_errors=True)

Timezone = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class HoursSent(Hours):
    model_config = STRICT


SentHours = Annotated[list[HoursSent], Field(max_length=MOST_A_DAY)]


class WeekSent(BaseModel):
    """`[{"from": "09:00", "to": "12:30"}, {"from": "13:30", "to": "17:00"}]` for each day that is worked."""

    model_config = STRICT

    monday: SentHours = []
    tuesday: SentHours = []
    wednesday: SentHours = []
    thursday: SentHours = []
    friday: SentHours = []
    saturday: SentHours = []
    sunday: SentHours = []
