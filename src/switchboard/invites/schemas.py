"""Invites on the wire, as their organization sees them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from switchboard.errors import Refusal
from switchboard.http.paging import Cursor, Limit, decode_place, encode_place
from switchboard.invites.model import MOST_ROWS, PendingInvite, Status, Wanted
from switchboard.members.schemas import AdditionalRoles
from switchboard.mongo import Place
from switchboard.roles.model import Rights, Role

Email = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=254)]


class InviteShown(BaseModel):
    """`status` `expired` is also what was revoked or declined: `revoked_at` and `declined_at` say so."""

    invite_id: str
    org_id: str
    invitee_email: str
    role_in_org: str
    additional_roles_in_org: list[str]
    inviter_user_id: str | None
    inviter_email: str | None
    status: Status
    created_at: datetime
    expires_at: datetime
    last_sent_at: datetime
    sends: int
    accepted_at: datetime | None
    accepted_by: str | None
    revoked_at: datetime | None
    revoked_by: str | None
    declined_at: datetime | None

    @classmethod
    def of(cls, invite: PendingInvite, now: datetime) -> "InviteShown":
        fields = invite.model_dump(include=set(cls.model_fields))
        return cls(**{**fields, "status": invite.status_at(now)})


class InviteList(BaseModel):
    """The newest first. `next_cursor` is null on the last page."""

    invites: list[InviteShown]
    next_cursor: str | None

    @classmethod
    def of(cls, invites: list[PendingInvite], more: Place | None, now: datetime) -> "InviteList":
        return cls(
            invites=[InviteShown.of(invite, now) for invite in invites],
            next_cursor=encode_place(*more) if more else None,
        )


class InvitesQuery(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    status: Status | None = None
    cursor: Cursor = None
    limit: Limit = 100

    def asked(self) -> tuple[Status | None, Place | None, int]:
        """Raises `InvalidCursor`."""
        return self.status, decode_place(self.cursor), self.limit


class InviteCreate(BaseModel):
    """Whom to invite, and as what: at most one's own role."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    email: Email = Field(examples=["nina.berg@northwind.example"])
    role_in_org: Role = "Member"
    additional_roles_in_org: AdditionalRoles = []

    def wanted(self) -> Wanted:
        return Wanted(self.email, Rights(self.role_in_org, tuple(self.additional_roles_in_org)))


class BulkCreate(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    invites: list[InviteCreate] = Field(min_length=1, max_length=MOST_ROWS)

    def wanted(self) -> list[Wanted]:
        return [row.wanted() for row in self.invites]


class BulkRow(BaseModel):
    """What became of one row: the invite, or the `code` and `detail` of why there is none."""

    row: int
    result: Literal["created", "refused"]
    invite: InviteShown | None
    code: str | None
    detail: str | None


class BulkResult(BaseModel):
    """A row for each that was sent, in the same order."""

    created: int
    refused: int
    rows: list[BulkRow]

    @classmethod
    def of(cls, results: Sequence[PendingInvite | Refusal], now: datetime) -> "BulkResult":
        rows = [_row(number, result, now) for number, result in enumerate(results)]
        created = sum(row.result == "created" for row in rows)
        return cls(created=created, refused=len(rows) - created, rows=rows)


def _row(number: int, result: PendingInvite | Refusal, now: datetime) -> BulkRow:
    if isinstance(result, Refusal):
        return BulkRow(row=number, result="refused", invite=None, code=result.code, detail=result.message)
    return BulkRow(row=number, result="created", invite=InviteShown.of(result, now), code=None, detail=None)
