"""Grants on the wire."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from switchboard.agents.model import OrganizationAgent
from switchboard.sharing.model import Given

Organization = Annotated[str, Field(min_length=1, max_length=64)]


class GrantCreate(BaseModel):
    """`use`: run the agent, without seeing its keys; `edit`: change its configuration as well."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    org_id: Organization
    access: Given = "use"


class GrantChange(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    access: Given


class GrantShown(BaseModel):
    org_id: str
    access: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, link: OrganizationAgent) -> "GrantShown":
        return cls.model_validate(link.model_dump(include=set(cls.model_fields)))


class GrantList(BaseModel):
    """The oldest first."""

    grants: list[GrantShown]

    @classmethod
    def of(cls, links: list[OrganizationAgent]) -> "GrantList":
        return cls(grants=[GrantShown.of(link) for link in links])
