"""Services on the wire, and what they are given."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from switchboard.runtime.model import CalendarToken
from switchboard.services import Service


class ServiceSelf(BaseModel):
    """What the calling service is known as and may do; without an organization it is bound to none."""

    key_id: str
    name: str
    scopes: list[str]
    org_id: str | None
    role: str | None

    @classmethod
    def of(cls, service: Service) -> "ServiceSelf":
        return cls(
            key_id=service.key_id,
            name=service.name,
            scopes=sorted(service.scopes),
            org_id=service.org_id,
            role=service.role,
        )


class CalendarTokenShown(BaseModel):
    """Good for Google's Calendar API until `expires_at`, two minutes at least; null: not known, so ask again soon."""

    access_token: str = Field(repr=False)
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_at: datetime | None
    user_id: str
    scopes: list[str]
    timezone: str

    @classmethod
    def of(cls, token: CalendarToken) -> "CalendarTokenShown":
        return cls.model_validate(token.model_dump())
