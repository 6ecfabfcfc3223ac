"""A back-fill: looks at all that PropelAuth has, says where it differs from what is here, and mirrors it.

What is mirrored is mirrored by `comparison`, as the worker does it all the time. Nothing here is lost by a crash or
done twice by a second start: what is the same on both sides is left alone.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from switchboard.backfill.documents import complete, count_people, people_after
from switchboard.backfill.model import (
    Difference,
    Position,
    Things,
    View,
    check_project,
    compared,
    compared_person,
    has_account,
    lacking,
)
from switchboard.clients.propelauth_facts import MembershipFacts, Profile
from switchboard.comparison import service as comparison
from switchboard.errors import NotFound
from switchboard.invites.documents import PendingInviteDocument
from switchboard.memberships.documents import UserOrganizationDocument
from switchboard.organizations.documents import OrganizationDocument
from switchboard.organizations.model import mirrored
from switchboard.runs.model import Clock
from switchboard.services import Services
from switchboard.users import service as users
from switchboard.users.documents import UserDocument
from switchboard.users.model import InvalidEmail, User, fold_email

ASKED: Final = 50  # people at once
READ: Final = 5_000  # of ours at once: where users have no index, each time walks through all
MOST_LOOKS: Final = 3

Bar = Callable[[int, str], AbstractContextManager[Callable[[int], None]]]


@dataclass
class Backfill:
    """A back-fill under way. `keep` stores how far it is; without it nothing is kept or mirrored: a dry run."""

    services: Services
    position: Position
    clock: Clock
    bar: Bar
    keep: Callable[[dict[str, Any]], Awaitable[None]] | None

    @property
    def dry_run(self) -> bool:
        return self.keep is None

    async def checkpoint(self) -> None:
        if self.keep is not None:
            await self.keep(self.position.model_dump())


async def go_on(work: Backfill) -> None:
    """From where it stands to the end. Raises `OtherProject`, `Unavailable`, `Misconfigured`."""
    await check_same_project(work.services)  # in every phase: the settings may be others by now
    if work.position.phase == "people":
        await _people(work)
        work.position.enter("organizations")
        await work.checkpoint()
    if work.position.phase == "organizations":
        await _organizations(work)
        work.position.enter("known")
        await work.checkpoint()
    await _known(work)


async def check_same_project(services: Services, *, but_for: str | None = None) -> None:
    """Raise `OtherProject` unless PropelAuth knows some of those who are here.

    Those who are known to be gone do not count, nor does `but_for`.
    """
    here = set(await OrganizationDocument.ids())
    people, _ = await people_after("", READ)
    known = [user.user_id for user in people if has_account(user) and user.enabled]
    asked = [user_id for user_id in known if user_id != but_for][:ASKED]
    vendor = services.propelauth.organizations
    knows = bool(asked and await vendor.profiles(asked))
    knows = knows or bool(here and here.intersection([org_id async for org_id, _ in vendor.all()]))
    check_project(knows, anything_here=bool(here or asked))


async def _organizations(work: Backfill) -> None:
    """All that either side has, in the order of their ids; then those that the list did not show the first time."""
    there = {org_id: born async for org_id, born in work.services.propelauth.organizations.all()}
    everything = there.keys() | set(await OrganizationDocument.ids())
    rest = sorted(org_id for org_id in everything if org_id > work.position.after)
    with work.bar(len(rest), "Organizations") as advance:
        for org_id in rest:
            await _organization(work, org_id, there.get(org_id))
            work.position.after = org_id
            await work.checkpoint()
            advance(1)
    seen = set(rest)
    for _ in range(MOST_LOOKS):
        late = await _unseen(work, seen)
        for org_id, born in late.items():
            await _organization(work, org_id, born)
        seen |= late.keys()
        if not late:
            return


async def _unseen(work: Backfill, seen: set[str]) -> dict[str, datetime]:
    """A list that is read page by page shows none of those that moved up a page meanwhile."""
    known = seen | set(await OrganizationDocument.ids())
    everything = work.services.propelauth.organizations.all()
    return {org_id: born async for org_id, born in everything if org_id not in known}


async def _organization(work: Backfill, org_id: str, born: datetime | None) -> None:
    there = await _there(work.services, org_id)
    found = await _drift(org_id, there, work.clock())
    work.position.found.add(found)
    work.position.count(organizations=1, members=len(there.members), invites=len(there.invites))
    if found and not work.dry_run:
        await _mirror(work, org_id, born)
        left = await _drift(org_id, there, work.clock())
        if left:  # it may have changed in between
            left = await _drift(org_id, await _there(work.services, org_id), work.clock())
        work.position.remaining.add(left)


async def _mirror(work: Backfill, org_id: str, born: datetime | None) -> None:
    try:
        await comparison.compare(work.services, org_id, work.clock(), born)
    except NotFound:  # it was deleted while its members were read: now it is seen to be gone
        await comparison.compare(work.services, org_id, work.clock(), born)


async def _drift(org_id: str, there: View, now: datetime) -> list[Difference]:
    """What was just mailed from here is looked at the next time."""
    pending = await PendingInviteDocument.pending(org_id)
    just_sent = {invite.email_key for invite in pending if invite.just_sent(now)}
    waiting = {invite.email_key: invite for invite in pending if invite.status_at(now) == "pending"}
    organization = await OrganizationDocument.find(org_id)
    fields = {"role_in_org", "additional_roles_in_org", "expires_at"}
    here = View(
        {} if organization is None else {org_id: organization.model_dump()},
        _members((await UserOrganizationDocument.of_organization(org_id)).items()),
        {email: invite.model_dump(include=fields) for email, invite in waiting.items()},
    )
    invite_ids = {email: invite.invite_id for email, invite in waiting.items()}
    return compared(org_id, there.without(just_sent), here.without(just_sent), invite_ids)


async def _there(services: Services, org_id: str) -> View:
    """An organization as PropelAuth has it now. One that is not there has nobody."""
    vendor = services.propelauth.organizations
    facts = await vendor.find(org_id)
    if facts is None:
        return View({}, {}, {})
    try:
        people = {person.user_id: person.memberships.get(org_id) async for person in vendor.members(org_id)}
        invites = await vendor.pending_invites(org_id)
    except NotFound:  # deleted in between
        return View({}, {}, {})
    members = _members((user_id, membership) for user_id, membership in people.items() if membership is not None)
    waiting = {
        email: {
            "role_in_org": invite.role_in_org,
            "additional_roles_in_org": list(invite.additional_roles_in_org),
            "expires_at": invite.expires_at,
        }
        for invite in invites
        if (email := _folded(invite.invitee_email)) is not None
    }
    return View({org_id: mirrored(facts)}, members, waiting)


async def _people(work: Backfill) -> None:
    """Everybody of PropelAuth who has no document gets one. Walks until a walk finds nobody: see `_unseen`."""
    while work.position.walk < MOST_LOOKS:
        before = work.position.counted.get("people_missing", 0)
        await _walk(work)
        if work.dry_run or work.position.counted.get("people_missing", 0) == before:
            return
        work.position.walk, work.position.page = work.position.walk + 1, 0


async def _walk(work: Backfill) -> None:
    vendor, position = work.services.propelauth.organizations, work.position
    page = await vendor.people(position.page)
    with work.bar(page.total, "People of PropelAuth") as advance:
        while True:
            await _add_missing(work, page.people)
            position.count(people=0 if position.walk else len(page.people))
            position.page += 1
            await work.checkpoint()
            advance(len(page.people))
            if not page.more:
                return
            page = await vendor.people(position.page)


async def _add_missing(work: Backfill, people: Mapping[str, Profile]) -> None:
    missing = await _without_document(people)
    work.position.found.add(Difference("user", user_id, "missing_here") for user_id in missing)
    work.position.count(people_missing=len(missing))
    if not work.dry_run:
        for user_id in missing:
            await users.keep_profile(user_id, people[user_id], work.clock())
        left = await _without_document(missing)
        work.position.remaining.add(Difference("user", user_id, "missing_here") for user_id in left)


async def _without_document(user_ids: Iterable[str]) -> list[str]:
    asked = list(user_ids)
    known = {user.user_id for user in await UserDocument.find_all(asked)} if asked else set()
    return [user_id for user_id in asked if user_id not in known]


async def _known(work: Backfill) -> None:
    """Everybody who has a document here, as far as PropelAuth may know them."""
    with work.bar(await count_people(), "People here") as advance:
        while True:
            people, last = await people_after(work.position.after, READ)
            if last is None:
                return
            for some in _portions(people):
                await _compare_people(work, some)
                work.position.after = some[-1].user_id
                await work.checkpoint()
                advance(len(some))
            work.position.after = last


async def _compare_people(work: Backfill, people: Sequence[User]) -> None:
    asked = [user for user in people if has_account(user)]
    work.position.count(people_here=len(asked), people_of_google=len(people) - len(asked))
    if not asked:
        return
    profiles = await work.services.propelauth.organizations.profiles([user.user_id for user in asked])
    found = {user.user_id: compared_person(user, profiles.get(user.user_id)) for user in asked}
    work.position.found.add(each for differences in found.values() for each in differences)
    drifted = [user_id for user_id, differences in found.items() if any(each.kind != "kept" for each in differences)]
    if drifted and not work.dry_run:
        for user_id in drifted:
            await _bring_up_to_date(user_id, profiles.get(user_id), found[user_id], work.clock())
        for user in await UserDocument.find_all(drifted):
            left = compared_person(user, profiles.get(user.user_id))
            work.position.remaining.add(each for each in left if each.kind != "kept")


async def _bring_up_to_date(
    user_id: str, profile: Profile | None, differences: list[Difference], now: datetime
) -> None:
    if profile is None:
        await users.close(user_id, now)
        return
    if any(each.kind == "differs" for each in differences):
        await users.keep_profile(user_id, profile, now)
    await complete(user_id, lacking(differences, profile), now)


def _portions(people: Sequence[User]) -> Iterator[Sequence[User]]:
    for start in range(0, len(people), ASKED):
        yield people[start : start + ASKED]


def _members(memberships: Iterable[tuple[str, MembershipFacts]]) -> Things:
    return {
        user_id: {
            "role_in_org": each.role_in_org,
            "additional_roles_in_org": list(each.additional_roles_in_org),
        }
        for user_id, each in memberships
    }


def _folded(email: str) -> str | None:
    """None for what is no address: such an invite is not mirrored."""
    try:
        return fold_email(email)
    except InvalidEmail:
        return None
