"""A person's choice for one organization."""

from datetime import datetime
from typing import Annotated, Final, Literal, NamedTuple, get_args

from pydantic import BaseModel, BeforeValidator

from switchboard.annotations import Reference
from switchboard.organizations.model import Organization

Shows = Literal["details", "busy", "nothing"]
DEFAULT: Final[Shows] = "details"


def read_shows(value: object) -> Shows:
    """A stored choice. One that this version does not know shows nothing: never more than the person chose."""
    return value if value in get_args(Shows) else "nothing"  # type: ignore[return-value]


class CalendarSharing(BaseModel):
    """What an organization sees of a person's calendars: events whole, only when the person is busy, or nothing.

    It outlives the membership: who comes back shows what they showed.
    """

    user_id: Annotated[str, Reference("User", "cascade")]
    org_id: Annotated[str, Reference("Organization", "cascade")]
    shows: Annotated[Shows, BeforeValidator(read_shows)] = "nothing"
    updated_at: datetime | None = None


class Chosen(NamedTuple):
    """An organization of a person, and what it sees of them."""

    organization: Organization
    sharing: CalendarSharing
