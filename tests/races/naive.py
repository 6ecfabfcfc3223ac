"""`switchboard serve` without what makes it safe: every rule is looked up first and written after, as one would.

No transactions, no conditional writes, no unique indexes behind them. It shows that the races find what they are for.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from beanie import Document

from switchboard.agents.documents import AgentDocument, AgentRevisionDocument
from switchboard.agents.model import Agent, PhoneNumberTaken
from switchboard.cli import cli
from switchboard.errors import PreconditionFailed
from switchboard.idempotency.documents import AttemptDocument
from switchboard.idempotency.model import Attempt
from switchboard.invites.documents import PendingInviteDocument
from switchboard.invites.model import End, InvitePending, PendingInvite
from switchboard.memberships.documents import MembershipChangeDocument, UserOrganizationDocument
from switchboard.memberships.model import PATIENCE, ChangeUnderWay, LastOwner, MembershipChange, UserOrganization
from switchboard.mongo import Session, Transactions, collection
from switchboard.organizations.documents import OrganizationDocument
from switchboard.organizations.model import OrganizationFull
from switchboard.webhooks.documents import WebhookDeliveryDocument
from switchboard.webhooks.model import WebhookDelivery


async def run(self: Transactions, body: Callable[[Session], Awaitable[Any]]) -> Any:
    async with await self._client.start_session() as session:
        return await body(session)


async def give_up_owner(cls: type[OrganizationDocument], org_id: str, session: Session) -> None:
    found = await cls.find(org_id)
    if found is None or found.owner_count <= 1:
        raise LastOwner
    await collection(cls).update_one({"org_id": org_id}, {"$inc": {"owner_count": -1}})


async def take_seat(cls: type[OrganizationDocument], org_id: str, session: Session) -> None:
    found = await cls.find(org_id)
    if found is None or (found.seat_limit is not None and found.seats_used >= found.seat_limit):
        raise OrganizationFull
    await collection(cls).update_one({"org_id": org_id}, {"$inc": {"seats_used": 1}})


async def put_member(cls: type[UserOrganizationDocument], membership: UserOrganization, session: Session) -> None:
    which = {"user_id": membership.user_id, "org_id": membership.org_id}
    if await collection(cls).find_one(which) is None:
        await collection(cls).insert_one(membership.model_dump())
    else:
        await collection(cls).update_one(which, {"$set": membership.model_dump()})


async def add_change(cls: type[MembershipChangeDocument], change: MembershipChange, session: Session) -> None:
    if await cls.find(change.org_id, change.user_id) is not None:
        raise ChangeUnderWay
    await collection(cls).insert_one(change.model_dump())


async def take_change(cls: type[MembershipChangeDocument], change: MembershipChange, now: datetime) -> bool:
    found = await cls.find(change.org_id, change.user_id)
    if found is None or (found.carried_until is not None and found.carried_until > now):
        return False
    which = {"change_id": change.change_id}
    await collection(cls).update_one(which, {"$set": {"carried_until": now + PATIENCE}})
    return True


async def add_invite(cls: type[PendingInviteDocument], invite: PendingInvite, session: Session) -> None:
    if await cls.pending_for(invite.org_id, invite.email_key) is not None:
        raise InvitePending
    await collection(cls).insert_one(invite.model_dump())


async def end_invite(
    cls: type[PendingInviteDocument], invite: PendingInvite, end: End, now: datetime, session: Session
) -> PendingInvite | None:
    found = await cls.find(invite.invite_id)
    past = found is not None and now >= found.expires_at
    if found is None or found.status != "pending" or past != (end.action == "invite.expired"):
        return None
    fields = {"status": end.status, "ended_at": now, **end.fields}
    await collection(cls).update_one({"invite_id": invite.invite_id}, {"$set": fields})
    return found.model_copy(update=fields)


async def begin_attempt(cls: type[AttemptDocument], attempt: Attempt) -> Attempt | None:
    stored = await collection(cls).find_one({"key_hash": attempt.key_hash})
    if stored is not None:
        return Attempt.model_validate(stored)
    await collection(cls).insert_one(attempt.model_dump())
    return None


async def add_delivery(cls: type[WebhookDeliveryDocument], delivery: WebhookDelivery) -> bool:
    if await collection(cls).find_one({"delivery_id": delivery.delivery_id}) is not None:
        return False
    await collection(cls).insert_one(delivery.model_dump())
    return True


async def add_agent(cls: type[AgentDocument], agent: Agent, session: Session) -> None:
    if agent.phone_number is not None and await cls.of_number(None, agent.phone_number) is not None:
        raise PhoneNumberTaken
    await collection(cls).insert_one(agent.model_dump())


async def change_agent(cls: type[AgentDocument], before: Agent, after: Agent, session: Session) -> None:
    found = await cls.find(None, before.agent_id)
    if found is None or found.etag != before.etag:
        raise PreconditionFailed
    if after.status != "deleted" and after.phone_number is not None:
        holder = await cls.of_number(None, after.phone_number)
        if holder is not None and holder.agent_id != after.agent_id:
            raise PhoneNumberTaken
    await collection(cls).update_one({"agent_id": before.agent_id}, {"$set": after.model_dump()})


NAIVE: tuple[tuple[type[Document], str, Callable[..., Any], str], ...] = (
    (OrganizationDocument, "give_up_owner", give_up_owner, ""),
    (OrganizationDocument, "take_seat", take_seat, ""),
    (UserOrganizationDocument, "put", put_member, "user_id_org_id_unique"),
    (MembershipChangeDocument, "add", add_change, "org_id_user_id_unique"),
    (MembershipChangeDocument, "take", take_change, ""),
    (PendingInviteDocument, "add", add_invite, "one_pending_per_email"),
    (PendingInviteDocument, "end", end_invite, ""),
    (AttemptDocument, "begin", begin_attempt, "key_hash_unique"),
    (WebhookDeliveryDocument, "add", add_delivery, "delivery_id_unique"),
    (AgentDocument, "add", add_agent, "one_live_agent_per_number"),
    (AgentDocument, "change", change_agent, ""),
    (AgentRevisionDocument, "add", AgentRevisionDocument.add.__func__, "agent_id_number_unique"),
)


def weaken() -> None:
    Transactions.run = run  # type: ignore[assignment]
    for document, method, naive, index in NAIVE:
        assert hasattr(document, method), method
        setattr(document, method, classmethod(naive))
        settings: Any = document.Settings
        settings.indexes = [each for each in settings.indexes if each.document["name"] != index]


if __name__ == "__main__":
    weaken()
    cli(["serve"])
