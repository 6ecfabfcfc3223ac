"""The calendars to choose from on the wire."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from switchboard.calendar_choices.model import MOST_CHOSEN, Choice, Offered
from switchboard.calendars.schemas import Pull


class CalendarOffered(BaseModel):
    """A calendar that Google shows; `pull` is null while it is not chosen. The `primary` one is always here."""

    google_calendar_id: str
    name: str
    primary: bool
    access_role: str
    timezone: str
    chosen: bool
    busy: bool | None
    pull: Pull | None

    @classmethod
    def of(cls, offered: Offered) -> "CalendarOffered":
        calendar = offered.chosen
        return cls(
            google_calendar_id=offered.google_calendar_id,
            name=offered.name,
            primary=offered.primary,
            access_role=offered.access_role,
            timezone=offered.timezone,
            chosen=calendar is not None,
            busy=calendar.busy if calendar else None,
            pull=Pull.of(calendar) if calendar else None,
        )


class CalendarList(BaseModel):
    calendars: list[CalendarOffered]

    @classmethod
    def of(cls, offered: list[Offered]) -> "CalendarList":
        return cls(calendars=[CalendarOffered.of(each) for each in offered])


class CalendarChoice(BaseModel):
    """`busy` false: its events are shown, but take none of the person's time."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    google_calendar_id: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    busy: bool = True


class CalendarChoices(BaseModel):
    """All the calendars to have here; one's own is here in any case."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    calendars: Annotated[list[CalendarChoice], Field(max_length=MOST_CHOSEN)]

    def choices(self) -> list[Choice]:
        return [Choice(each.google_calendar_id, each.busy) for each in self.calendars]
