"""An invite and its states: pending, then accepted or expired, and never anything else again.

An invite that was revoked or declined is `expired`, and says so by `revoked_at` or `declined_at`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import uuid4

from pydantic import BaseModel

from switchboard.annotations import Reference
from switchboard.audit.model import Action, Actor, AuditEntry, Target, new_entry
from switchboard.clients.propelauth_facts import InviteFacts
from switchboard.errors import Conflict, Forbidden, Gone, NotFound, RateLimited
from switchboard.organizations.model import Acting, Organization
from switchboard.roles.model import Rights
from switchboard.users.model import InvalidEmail, fold_email

Status = Literal["pending", "accepted", "expired"]

LIFETIME: Final = timedelta(days=5)  # PropelAuth's own (facts/propelauth.md section 2)
SENDING: Final = timedelta(seconds=15)  # longer than the call that mails an invite
SAME_TIME: Final = timedelta(minutes=1)
SEND_PAUSE: Final = timedelta(seconds=60)
MOST_SENDS: Final = 10
MOST_AN_HOUR: Final = 200  # mails of one organization
MOST_A_DAY: Final = 10  # mails to one address, whoever sends them
MOST_ROWS: Final = 100


class InviteNotFound(NotFound):
    code = "invite_not_found"
    message = "There is no such invite, or it is not yours to see."


class InviteExpired(Gone):
    code = "invite_expired"
    message = "This invite has expired. Ask for a new one."


class InviteRevoked(Gone):
    code = "invite_revoked"
    message = "This invite was taken back."


class InviteDeclined(Gone):
    code = "invite_declined"
    message = "This invite was declined."


class InviteAccepted(Conflict):
    code = "invite_accepted"
    message = "This invite was accepted already."


class RemovedSince(Gone):
    code = "removed_since"
    message = "You were removed from this organization after the invite was made. Ask for a new one."


class InvitePending(Conflict):
    code = "invite_pending"
    message = "There is a pending invite for this e-mail already. Send it again instead."


class AlreadyMember(Conflict):
    code = "already_member"
    message = "A person with this e-mail is a member already."


class DomainKeptOut(Conflict):
    code = "domain_kept_out"
    message = "Only e-mail addresses at the organization's own domains may become members."


class EmailNotConfirmed(Forbidden):
    code = "email_not_confirmed"
    message = "Confirm your e-mail address first: the invite is for whoever can read its mail."


class TooManyMails(RateLimited):
    code = "too_many_invites"
    message = "Too many invites were mailed. Try again later."


class PendingInvite(BaseModel):
    """An invitation of one e-mail to an organization, and what became of it. Times are UTC.

    `email_key` is the e-mail as it is compared; `sent_at` is None until PropelAuth has mailed it.
    """

    invite_id: str
    org_id: Annotated[str, Reference("Organization", "cascade")]
    invitee_email: Annotated[str, Reference("User", "keep", field="email")]
    email_key: str
    role_in_org: str
    additional_roles_in_org: list[str] = []
    inviter_user_id: Annotated[str | None, Reference("User", "nullify")] = None
    inviter_email: str | None = None
    created_at: datetime
    expires_at: datetime
    status: Status = "pending"
    sent_at: datetime | None = None
    last_sent_at: datetime
    sends: int = 1
    ended_at: datetime | None = None
    accepted_at: datetime | None = None
    accepted_by: Annotated[str | None, Reference("User", "keep")] = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    declined_at: datetime | None = None

    @property
    def rights(self) -> Rights:
        return Rights(self.role_in_org, tuple(self.additional_roles_in_org))

    def status_at(self, now: datetime) -> Status:
        """An invite is expired from its time on, whether or not the worker has written it."""
        return "expired" if self.status == "pending" and now >= self.expires_at else self.status

    def just_sent(self, now: datetime) -> bool:
        """Whether the mail may be so new that a list of PropelAuth's was read before it."""
        return now < self.last_sent_at + SENDING

    def changed_by(self, facts: InviteFacts) -> dict[str, Any]:
        """The fields that PropelAuth has otherwise; its time of expiry is never quite ours."""
        told = {
            "role_in_org": facts.role_in_org,
            "additional_roles_in_org": list(facts.additional_roles_in_org),
            "expires_at": facts.expires_at,
        }
        if abs(facts.expires_at - self.expires_at) < SAME_TIME:
            del told["expires_at"]
        return {name: value for name, value in told.items() if getattr(self, name) != value}

    def is_for(self, email: str | None) -> bool:
        try:
            return email is not None and fold_email(email) == self.email_key
        except InvalidEmail:
            return False

    def check_open(self, now: datetime) -> None:
        """Raise unless it is pending."""
        if self.status == "accepted":
            raise InviteAccepted
        if self.revoked_at is not None:
            raise InviteRevoked
        if self.declined_at is not None:
            raise InviteDeclined
        if self.status_at(now) == "expired":
            raise InviteExpired

    def check_resend(self, now: datetime) -> None:
        """Raise `TooManyMails`, or what `check_open` raises."""
        self.check_open(now)
        if self.sends >= MOST_SENDS:
            raise TooManyMails(retry_after=(self.expires_at - now).total_seconds())
        if now < self.last_sent_at + SEND_PAUSE:
            raise TooManyMails(retry_after=(self.last_sent_at + SEND_PAUSE - now).total_seconds())

    @property
    def told(self) -> dict[str, Any]:
        """What the audit log says of it."""
        return self.model_dump(include={"invitee_email", "role_in_org", "additional_roles_in_org", "expires_at"})

    def entry(self, action: Action, actor: Actor, at: datetime, request_id: str | None) -> AuditEntry:
        target = Target(kind="invite", id=self.invite_id)
        after = self.told if action == "invite.created" else None
        before = None if action == "invite.created" else self.told
        return new_entry(action, self.org_id, target, actor, at, before=before, after=after, request_id=request_id)


@dataclass(frozen=True)
class Wanted:
    """An invite that somebody wants to send."""

    email: str
    rights: Rights


@dataclass(frozen=True)
class Addressed:
    """An invite as its invitee sees it."""

    invite: PendingInvite
    organization: Organization


@dataclass(frozen=True)
class End:
    """How a pending invite ends: the fields that say so, and what the audit log calls it."""

    action: Action
    status: Status
    fields: dict[str, Any]


def revoked(by: Actor, now: datetime) -> End:
    return End("invite.revoked", "expired", {"revoked_at": now, "revoked_by": by.id})


def declined(now: datetime) -> End:
    return End("invite.declined", "expired", {"declined_at": now})


def accepted(user_id: str, now: datetime) -> End:
    return End("invite.accepted", "accepted", {"accepted_at": now, "accepted_by": user_id})


EXPIRED: Final = End("invite.expired", "expired", {})


def new_invite(acting: Acting, wanted: Wanted, now: datetime) -> PendingInvite:
    """The invite; raises `MissingPermission`, `AboveOwnRole`, `InvalidEmail`, `DomainKeptOut`."""
    acting.rights.check("invites.create")
    acting.rights.check_grants(wanted.rights)
    email_key = fold_email(wanted.email)
    if not acting.organization.admits(wanted.email):
        raise DomainKeptOut
    by_person = acting.actor.kind == "user"
    return PendingInvite(
        invite_id=uuid4().hex,
        org_id=acting.org_id,
        invitee_email=wanted.email,
        email_key=email_key,
        role_in_org=wanted.rights.role,
        additional_roles_in_org=list(wanted.rights.additional_roles),
        inviter_user_id=acting.actor.id if by_person else None,
        inviter_email=acting.actor.name if by_person else None,
        created_at=now,
        expires_at=now + LIFETIME,
        last_sent_at=now,
    )


def outside_invite(facts: InviteFacts, now: datetime) -> PendingInvite:
    """An invite that was made at PropelAuth; raises `InvalidEmail`."""
    return PendingInvite(
        invite_id=uuid4().hex,
        org_id=facts.org_id,
        invitee_email=facts.invitee_email,
        email_key=fold_email(facts.invitee_email),
        role_in_org=facts.role_in_org,
        additional_roles_in_org=list(facts.additional_roles_in_org),
        inviter_user_id=facts.inviter_user_id,
        inviter_email=facts.inviter_email,
        created_at=facts.created_at,
        expires_at=facts.expires_at,
        sent_at=facts.created_at,
        last_sent_at=now,
    )
