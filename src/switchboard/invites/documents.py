"""Invites. A state changes by one conditional write, and only away from pending."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from beanie import Document
from pymongo import ASCENDING, DESCENDING, IndexModel, ReturnDocument
from pymongo.errors import DuplicateKeyError

from switchboard.invites.model import (
    LIFETIME,
    MOST_SENDS,
    SEND_PAUSE,
    SENDING,
    End,
    InvitePending,
    PendingInvite,
    Status,
)
from switchboard.mongo import Place, Session, collection, first_page, patiently, query, readable

_SENT: Final = {"sent_at": {"$ne": None}}


class PendingInviteDocument(PendingInvite, Document):
    class Settings:
        name: ClassVar[str] = "pending_invites"
        indexes: ClassVar[list[IndexModel]] = [
            IndexModel([("invite_id", ASCENDING)], unique=True, name="invite_id_unique"),
            IndexModel(
                [("org_id", ASCENDING), ("email_key", ASCENDING)],
                unique=True,
                partialFilterExpression={"status": "pending"},
                name="one_pending_per_email",
            ),
            IndexModel([("email_key", ASCENDING), ("created_at", DESCENDING)], name="email_key"),
            IndexModel([("org_id", ASCENDING), ("created_at", DESCENDING), ("invite_id", DESCENDING)], name="org_id"),
            IndexModel([("status", ASCENDING), ("expires_at", ASCENDING)], name="status_expires_at"),
        ]

    @classmethod
    @query
    async def add(cls, invite: PendingInvite, session: Session) -> None:
        """Raises `InvitePending` when there is one for this e-mail."""
        try:
            await collection(cls).insert_one(invite.model_dump(), session=session)
        except DuplicateKeyError:
            raise InvitePending from None

    @classmethod
    @query
    async def find(cls, invite_id: str) -> PendingInvite | None:  # type: ignore[override]
        """For its invitee, who may not know the organization yet."""
        stored = await collection(cls).find_one({"invite_id": invite_id})
        return None if stored is None else PendingInvite.model_validate(stored)

    @classmethod
    @query
    async def find_in(cls, org_id: str, invite_id: str) -> PendingInvite | None:
        stored = await collection(cls).find_one({"org_id": org_id, "invite_id": invite_id})
        return None if stored is None else PendingInvite.model_validate(stored)

    @classmethod
    @query
    async def pending_for(cls, org_id: str, email_key: str) -> PendingInvite | None:
        asked = {"org_id": org_id, "email_key": email_key, "status": "pending"}
        stored = await collection(cls).find_one(asked)
        return None if stored is None else PendingInvite.model_validate(stored)

    @classmethod
    @query
    async def last_ended(cls, org_id: str, email_key: str) -> PendingInvite | None:
        """The invite for this e-mail that ended last."""
        asked = {"org_id": org_id, "email_key": email_key, "ended_at": {"$ne": None}}
        stored = await collection(cls).find_one(asked, sort=[("ended_at", -1)])
        return None if stored is None else PendingInvite.model_validate(stored)

    @classmethod
    @query
    async def pending(cls, org_id: str) -> list[PendingInvite]:
        found = collection(cls).find({"org_id": org_id, "status": "pending", **_SENT})
        return readable(PendingInvite, [stored async for stored in found])

    @classmethod
    @query
    async def addressed_to(cls, email_key: str, now: datetime) -> list[PendingInvite]:
        """Invites that wait for this e-mail, the newest first."""
        asked = {"email_key": email_key, "status": "pending", "expires_at": {"$gt": now}, **_SENT}
        found = collection(cls).find(asked, sort=[("created_at", -1)], limit=100)
        return readable(PendingInvite, [stored async for stored in found])

    @classmethod
    @query
    async def page(
        cls, org_id: str, status: Status | None, now: datetime, page: tuple[Place | None, int]
    ) -> tuple[list[PendingInvite], Place | None]:
        """Invites of an organization by their state now, the newest first, from a place on; and where more begin."""
        (after, limit) = page
        parts: list[dict[str, Any]] = [{"org_id": org_id, **_SENT}, _in_state(status, now)]
        if after is not None:
            created_at, invite_id = after
            earlier = [{"created_at": {"$lt": created_at}}, {"created_at": created_at, "invite_id": {"$lt": invite_id}}]
            parts.append({"$or": earlier})
        found = collection(cls).find({"$and": parts}, sort=[("created_at", -1), ("invite_id", -1)], limit=limit + 1)
        stored, more = first_page([each async for each in found], limit, "created_at", "invite_id")
        return readable(PendingInvite, stored), more

    @classmethod
    @query
    async def mails(cls, now: datetime, *, org_id: str | None = None, email_key: str | None = None) -> int:
        """Mails sent lately: of an organization in an hour, or to an address in a day."""
        if org_id is not None:
            return await cls._sum({"org_id": org_id, "last_sent_at": {"$gt": now - timedelta(hours=1)}})
        return await cls._sum({"email_key": email_key, "last_sent_at": {"$gt": now - timedelta(days=1)}})

    @classmethod
    async def _sum(cls, asked: dict[str, Any]) -> int:
        stages = [{"$match": asked}, {"$group": {"_id": None, "sends": {"$sum": "$sends"}}}]
        found = [stored async for stored in collection(cls).aggregate(stages)]
        return int(found[0]["sends"]) if found else 0

    @classmethod
    @query
    async def sent(cls, invite: PendingInvite, now: datetime, session: Session) -> bool:
        """PropelAuth has mailed it; False when it is not there any more."""
        which = {**_this(invite), "status": "pending"}
        return (await collection(cls).update_one(which, {"$set": {"sent_at": now}}, session=session)).matched_count == 1

    @classmethod
    @query
    async def withdraw(cls, invite: PendingInvite, session: Session) -> bool:
        """Forget an invite that was never mailed; False when it was, or is gone."""
        unsent = {**_this(invite), "status": "pending", "sent_at": None}
        return (await collection(cls).delete_one(unsent, session=session)).deleted_count == 1

    @classmethod
    @query
    async def end(cls, invite: PendingInvite, end: End, now: datetime, session: Session) -> PendingInvite | None:
        """End a pending invite, one that is past its time only by expiry; None when it was not open any more."""
        times = {"expires_at": {"$lte": now}} if end.action == "invite.expired" else {"expires_at": {"$gt": now}}
        stored = await collection(cls).find_one_and_update(
            {**_this(invite), "status": "pending", **times},
            {"$set": {"status": end.status, "ended_at": now, **end.fields}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return None if stored is None else PendingInvite.model_validate(stored)

    @classmethod
    @query
    async def claim_resend(cls, invite: PendingInvite, now: datetime) -> PendingInvite | None:
        """Take the right to mail it now; None when it was mailed a moment ago, too often, or is not open."""
        which = {**_this(invite), "status": "pending", "expires_at": {"$gt": now}}
        rare = {"last_sent_at": {"$lte": now - SEND_PAUSE}, "sends": {"$lt": MOST_SENDS}}
        stored = await collection(cls).find_one_and_update(
            {**which, **rare}, {"$set": {"last_sent_at": now}, "$inc": {"sends": 1}}
        )
        return None if stored is None else PendingInvite.model_validate(stored)

    @classmethod
    @query
    async def unclaim_resend(cls, before: PendingInvite, claimed_at: datetime) -> None:
        """The mail did not go out: as it was before the claim."""
        which = {**_this(before), "status": "pending", "last_sent_at": claimed_at}
        back = {"$set": {"last_sent_at": before.last_sent_at}, "$inc": {"sends": -1}}
        await collection(cls).update_one(which, back)

    @classmethod
    @query
    async def extend(cls, invite: PendingInvite, now: datetime, session: Session) -> PendingInvite | None:
        stored = await collection(cls).find_one_and_update(
            {**_this(invite), "status": "pending"},
            {"$set": {"expires_at": now + LIFETIME}},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return None if stored is None else PendingInvite.model_validate(stored)

    @classmethod
    @query
    async def follow(cls, invite: PendingInvite, fields: dict[str, Any], session: Session) -> PendingInvite | None:
        """Take over what PropelAuth says of a pending invite; None when it is not open any more."""
        stored = await collection(cls).find_one_and_update(
            {**_this(invite), "status": "pending"},
            {"$set": fields},
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return None if stored is None else PendingInvite.model_validate(stored)

    @classmethod
    @query
    async def overdue(cls, now: datetime, org_id: str | None = None, limit: int = 100) -> list[PendingInvite]:
        """Pending invites that are past their time, or that nobody finished mailing."""
        where = {} if org_id is None else {"org_id": org_id}
        past = {"status": "pending", "expires_at": {"$lte": now}, **where}
        unsent = {"status": "pending", "sent_at": None, "created_at": {"$lte": now - SENDING}, **where}
        found = collection(cls).find({"$or": [past, unsent]}, limit=limit)
        return readable(PendingInvite, [stored async for stored in found])

    @classmethod
    @query
    async def count(cls, org_id: str) -> int:  # type: ignore[override]
        return await collection(cls).count_documents({"org_id": org_id, "status": "pending"})

    @classmethod
    @query
    async def remove_all(cls, org_id: str, session: Session) -> None:
        await collection(cls).delete_many({"org_id": org_id}, session=session)

    @classmethod
    @query
    async def got_by(cls, user_id: str, email_keys: Sequence[str], now: datetime) -> list[str]:
        """Ids of the invites that a person got and that are over; what somebody else accepted is theirs."""
        by_mail = {"email_key": {"$in": list(email_keys)}, "accepted_by": {"$in": [None, user_id]}}
        over = {"$or": [{"status": {"$ne": "pending"}}, {"expires_at": {"$lte": now}}]}
        with patiently():
            got = {"$and": [over, {"$or": [{"accepted_by": user_id}, by_mail]}]}
            return [stored["invite_id"] async for stored in collection(cls).find(got, {"_id": 0, "invite_id": 1})]

    @classmethod
    @query
    async def count_pending(cls, email_keys: Sequence[str], now: datetime) -> int:
        """How many mails to these addresses can still be followed."""
        asked = {"email_key": {"$in": list(email_keys)}, "status": "pending", "expires_at": {"$gt": now}}
        return await collection(cls).count_documents(asked)


def _this(invite: PendingInvite) -> dict[str, Any]:
    return {"org_id": invite.org_id, "invite_id": invite.invite_id}


def _in_state(status: Status | None, now: datetime) -> dict[str, Any]:
    if status == "pending":
        return {"status": "pending", "expires_at": {"$gt": now}}
    if status == "expired":
        return {"$or": [{"status": "expired"}, {"status": "pending", "expires_at": {"$lte": now}}]}
    return {} if status is None else {"status": status}
