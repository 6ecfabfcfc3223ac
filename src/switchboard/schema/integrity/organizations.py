"""Seats, Owners and invites of organizations.

Everything that changes how many there are writes the organization in the same transaction. So a count that is read
together with the organization, and written only if that is still as it was read, is right.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from switchboard.memberships.model import MembershipChange, Standing, UserOrganization
from switchboard.mongo import Session, patiently, query, readable
from switchboard.roles.model import OWNER
from switchboard.runs.model import Image
from switchboard.schema.integrity.findings import Change, Examination, Fault, Kind
from switchboard.schema.integrity.walk import pieces, size_of

BATCH: Final = 500

COUNTS: Final = Kind(
    "organizations.counts",
    "organizations",
    "seats_used or owner_count is not what members, joining people and pending invites make.",
    "counts them again",
)
NO_OWNER: Final = Kind(
    "organizations.no_owner",
    "organizations",
    "It has no Owner.",
    advice="Make somebody Owner at PropelAuth; the mirror follows.",
)
OVERDUE: Final = Kind(
    "invites.overdue",
    "pending_invites",
    "It is pending, though its time is over or it was never mailed, and keeps its seat.",
    advice="'switchboard worker' ends such invites: see that one is running.",
)


@dataclass
class Tally:
    """What there is of an organization. `owners` and `seats` are what its document should say."""

    owners: int = 0
    seats: int = 0
    owning: int = 0


def corrected(organization: Mapping[str, Any], tally: Tally) -> Image | None:
    """The change of an organization that does not say what there is."""
    wanted = {"owner_count": tally.owners, "seats_used": tally.seats}
    wrong = {name: number for name, number in wanted.items() if organization.get(name) != number}
    before = {name: organization[name] for name in wrong if name in organization}
    return Image(organization["_id"], before, wrong) if wrong else None


async def size(examination: Examination) -> int:
    return await size_of(examination.database["organizations"])


async def run(examination: Examination) -> AsyncIterator[Fault]:
    async for piece in pieces(examination.database["organizations"], BATCH):
        async for batch in piece.find({}):
            suspects = await _suspects(examination, batch)
            for org_id in suspects:
                async for fault in _confirmed(examination, org_id):
                    yield fault
        examination.advance(piece.size)


async def invites_size(_: Examination) -> int:
    return 1


async def overdue_invites(examination: Examination) -> AsyncIterator[Fault]:
    late = {"$lte": examination.settled}
    which = {"status": "pending", "$or": [{"expires_at": late}, {"sent_at": None, "created_at": late}]}
    count, samples = await _counted(examination, which)
    if count:
        yield Fault(OVERDUE, samples, count)
    examination.advance(1)


@query
async def _counted(examination: Examination, which: dict[str, Any]) -> tuple[int, list[Any]]:
    invites = examination.database["pending_invites"]
    with patiently():
        found = invites.find(which, {"invite_id": 1}, limit=examination.samples)
        return await invites.count_documents(which), [each.get("invite_id") async for each in found]


async def _suspects(examination: Examination, organizations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Those that look wrong; they were read before what they count, so some may be right."""
    ids = [str(each.get("org_id")) for each in organizations]
    with patiently():
        tallies = await _tallies(examination, ids)
    known = zip(ids, organizations, strict=True)
    return [org_id for org_id, each in known if corrected(each, tallies[org_id]) or not tallies[org_id].owning]


async def _confirmed(examination: Examination, org_id: str) -> AsyncIterator[Fault]:
    """The faults that an organization has when everything is read at one moment."""
    found: list[tuple[Mapping[str, Any], Tally]] = []

    async def look(session: Session) -> None:
        found[:] = await _at_one_moment(examination, org_id, session)

    async def mend(session: Session) -> list[Change]:
        looked = await _at_one_moment(examination, org_id, session)
        images = [corrected(organization, tally) for organization, tally in looked]
        return [("organizations", image) for image in images if image is not None]

    await examination.transactions.run(look)
    for organization, tally in found:
        if corrected(organization, tally):
            yield Fault(COUNTS, (org_id,), mend=mend)
        if not tally.owning and _before(organization.get("created_at"), examination.settled):
            yield Fault(NO_OWNER, (org_id,))


async def _at_one_moment(
    examination: Examination, org_id: str, session: Session
) -> list[tuple[Mapping[str, Any], Tally]]:
    """The organization with what there is of it; nothing when it is gone."""
    organization = await examination.database["organizations"].find_one({"org_id": org_id}, session=session)
    if organization is None:
        return []
    return [(organization, (await _tallies(examination, [org_id], session))[org_id])]


@query
async def _tallies(
    examination: Examination, org_ids: Sequence[str], session: Session | None = None
) -> dict[str, Tally]:
    tallies = {org_id: Tally() for org_id in org_ids}
    database, these = examination.database, {"org_id": {"$in": list(org_ids)}}
    owns = {"$sum": {"$cond": [{"$eq": ["$role_in_org", OWNER]}, 1, 0]}}
    members = {"$group": {"_id": "$org_id", "seats": {"$sum": 1}, "owners": owns}}
    async for each in database["user_organizations"].aggregate([{"$match": these}, members], session=session):
        tallies[each["_id"]] = Tally(each["owners"], each["seats"], each["owners"])
    waiting = {"$group": {"_id": "$org_id", "seats": {"$sum": 1}}}
    pending = [{"$match": {**these, "status": "pending"}}, waiting]
    async for each in database["pending_invites"].aggregate(pending, session=session):
        tallies[each["_id"]].seats += each["seats"]
    async for each in database["membership_changes"].find(these, session=session):
        await _with_change(examination, tallies, each, session)
    return tallies


async def _with_change(
    examination: Examination, tallies: dict[str, Tally], stored: Mapping[str, Any], session: Session | None
) -> None:
    """Count a person as the change of them says, not as their membership alone does."""
    read = readable(MembershipChange, [dict(stored)])
    change = read[0] if read else None
    if change is None or change.user_id is None:
        return
    which = {"user_id": change.user_id, "org_id": change.org_id}
    found = await examination.database["user_organizations"].find_one(which, session=session)
    membership = next(iter(readable(UserOrganization, [found])), None) if found else None
    tally, alone, both = tallies[change.org_id], Standing(membership), Standing(membership, change)
    tally.owners += both.owners - alone.owners
    tally.seats += both.seats - alone.seats


def _before(moment: object, settled: datetime) -> bool:
    return not isinstance(moment, datetime) or moment.astimezone(UTC) < settled
