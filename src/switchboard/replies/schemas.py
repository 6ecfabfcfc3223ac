"""Invites on the wire, as their invitees see them."""

from datetime import datetime

from pydantic import BaseModel

from switchboard.invites.model import Addressed


class MyInvite(BaseModel):
    """An invite that waits for the caller."""

    invite_id: str
    org_id: str
    org_name: str
    org_display_name: str | None
    role_in_org: str
    additional_roles_in_org: list[str]
    inviter_email: str | None
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, addressed: Addressed) -> "MyInvite":
        fields = addressed.invite.model_dump(include=set(cls.model_fields))
        organization = addressed.organization
        return cls(**fields, org_name=organization.name, org_display_name=organization.display_name)


class MyInvites(BaseModel):
    """The newest first."""

    invites: list[MyInvite]

    @classmethod
    def of(cls, found: list[Addressed]) -> "MyInvites":
        return cls(invites=[MyInvite.of(addressed) for addressed in found])
