"""Choices on the wire."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from switchboard.calendar_sharing.model import Chosen, Shows


class SharingChange(BaseModel):
    """`details`: events whole, but private ones; `busy`: only when I am busy; `nothing`: not even that."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    shows: Shows


class SharingShown(BaseModel):
    """What an organization sees of my calendars. `updated_at` is null until I choose."""

    org_id: str
    name: str
    display_name: str | None
    shows: Shows
    updated_at: datetime | None

    @classmethod
    def of(cls, chosen: Chosen) -> "SharingShown":
        organization, sharing = chosen
        names = organization.model_dump(include={"org_id", "name", "display_name"})
        return cls(**names, shows=sharing.shows, updated_at=sharing.updated_at)


class SharingList(BaseModel):
    """In the order I joined."""

    organizations: list[SharingShown]

    @classmethod
    def of(cls, mine: list[Chosen]) -> "SharingList":
        return cls(organizations=[SharingShown.of(each) for each in mine])
