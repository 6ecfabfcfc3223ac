"""What is booked, on the wire. What is answered is an event as `calendars` shows it."""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from switchboard.bookings.model import Wish
from switchboard.event_times.model import Given
from switchboard.users.model import InvalidEmail, fold_email

MOST_ATTENDEES: Final = 200  # as many as Google lets be invited
SAID: Final = {"title", "description", "location", "attendees", "visibility", "busy"}


def _email(address: str) -> str:
    try:
        fold_email(address)
    except InvalidEmail:
        raise ValueError(InvalidEmail.message) from None
    return address


Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1024)]
Description = Annotated[str, StringConstraints(max_length=8192)]
Location = Annotated[str, StringConstraints(strip_whitespace=True, max_length=1024)]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_email)]
Attendees = Annotated[list[Email], Field(max_length=MOST_ATTENDEES)]
Visibility = Literal["default", "public", "private", "confidential"]
Zone = Annotated[str, StringConstraints(max_length=64)]
Time = Annotated[str, StringConstraints(max_length=64)]
ClientEventId = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,200}$")]
Start = Field(examples=["2026-11-23T10:00:00+01:00", "2026-11-23T10:00:00", "2026-11-23"])
End = Field(examples=["2026-11-23T11:00:00+01:00", "2026-11-23T11:00:00", "2026-11-24"])


class _Asked(BaseModel):
    """What an event is to be, as it is asked for."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    timezone: Zone | None = None
    on_conflict: Literal["refuse", "allow"] = "refuse"
    notify_attendees: bool = True

    def _wish(self, **more: Any) -> Wish:
        given = self.model_dump(include={"start", "end", "timezone"})
        return Wish(
            fields=self.model_dump(include=SAID, exclude_unset=True),
            when=Given(**given),
            allow=self.on_conflict == "allow",
            invite=self.notify_attendees,
            **more,
        )


class EventBooked(_Asked):
    """An event to be booked.

    `start` and `end` are two dates, for whole days, the last of which is not part of it; or two times, RFC 3339 with an
    offset, or what clocks show in `timezone`, an IANA name; left out, where the person is. `calendar_id` is one of the
    person's calendars here, by default their own. With `on_conflict` `refuse` nothing is booked while the person is
    busy. However often an event is asked for by the same `client_event_id`, or `Idempotency-Key`, there is one.
    """

    title: Title
    start: Annotated[Time, Start]
    end: Annotated[Time, End]
    description: Description | None = None
    location: Location | None = None
    attendees: Attendees = []
    visibility: Visibility = "default"
    busy: bool = True
    calendar_id: Annotated[str, StringConstraints(max_length=64)] | None = None
    client_event_id: ClientEventId | None = None

    def wish(self) -> Wish:
        return self._wish(calendar_id=self.calendar_id, client_event_id=self.client_event_id)


class EventChanged(_Asked):
    """What is to be changed of an event: only what is named. A null empties `description` or `location`.

    A new `start` alone moves the event and keeps its length. Who is in `attendees` already keeps what they answered.
    """

    title: Title = ""
    start: Annotated[Time | None, Start] = None
    end: Annotated[Time | None, End] = None
    description: Description | None = None
    location: Location | None = None
    attendees: Attendees = []
    visibility: Visibility = "default"
    busy: bool = True

    @model_validator(mode="after")
    def _changes_something(self) -> "EventChanged":
        named = self.model_fields_set
        if self.start is None and self.end is None and not named & SAID:
            raise ValueError("Say what to change; a time zone alone changes nothing")
        return self

    def wish(self) -> Wish:
        return self._wish()
