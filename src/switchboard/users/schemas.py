"""People on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from switchboard.users.model import User

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Me(BaseModel):
    """The caller. `timezone` is an IANA zone and always set; `has_calendar_access` follows the granted scopes."""

    user_id: str
    email: str | None
    first_name: str | None
    last_name: str | None
    username: str | None
    picture_url: str | None
    email_confirmed: bool
    can_create_orgs: bool
    timezone: str
    timezone_locked: bool
    has_calendar_access: bool
    welcome_form_completed: bool
    created_at: datetime | None

    @classmethod
    def of(cls, user: User) -> "Me":
        return cls(
            user_id=user.user_id,
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            username=user.username,
            picture_url=user.picture_url,
            email_confirmed=user.email_confirmed,
            can_create_orgs=user.can_create_orgs,
            timezone=user.timezone_or_default,
            timezone_locked=user.token.reads_calendar,
            has_calendar_access=user.token.reads_calendar,
            welcome_form_completed=user.welcome_form_completed,
            created_at=user.created_at,
        )


class MeChange(BaseModel):
    """What a person may change; a field left out stays as it is."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    first_name: Name = Field(default="", examples=["Ada"])
    last_name: Name = Field(default="", examples=["Lovelace"])
    timezone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        default="", examples=["Europe/Berlin"]
    )

    def fields(self) -> dict[str, str]:
        """The fields that were sent."""
        sent: dict[str, str] = self.model_dump(include=self.model_fields_set)
        return sent


class WelcomeForm(BaseModel):
    """`data` is what was submitted, null before."""

    completed: bool
    data: JsonValue

    @classmethod
    def of(cls, user: User) -> "WelcomeForm":
        return cls(completed=user.welcome_form_completed, data=user.welcome_form_data)
