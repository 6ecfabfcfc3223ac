"""Deleting and anonymising people whom PropelAuth no longer knows. What is interrupted is finished by doing it again.

Nothing is kept to undo it by: that is the point of it.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from switchboard.backfill import service as backfill
from switchboard.calendars import service as calendars
from switchboard.connections.model import NotConnected
from switchboard.erasure import documents
from switchboard.erasure.model import (
    Known,
    Mode,
    Part,
    Rule,
    StillKnown,
    Traces,
    check_nothing_blocks,
    fields_of,
    nobody,
    rules_of,
    tellings_of,
)
from switchboard.errors import NotFound
from switchboard.invites.documents import PendingInviteDocument
from switchboard.memberships.documents import MembershipChangeDocument
from switchboard.memberships.model import Look
from switchboard.organizations import service as organizations
from switchboard.runs.documents import BeforeImagesDocument
from switchboard.schema.registry import Registry
from switchboard.services import Services
from switchboard.users.documents import UserDocument
from switchboard.users.model import InvalidEmail, fold_email


@dataclass(frozen=True)
class Erasure:
    """The erasure of one person."""

    services: Services
    registry: Registry
    user_id: str
    now: datetime

    async def find(self) -> Traces:
        """What would go and what would stay; nothing is written.

        Raises `ErasureBlocked`, `Unavailable`, and `OtherProject` when PropelAuth knows nobody who is here.
        """
        at_propelauth = await self._is_known()
        parts = await self._parts(rules_of(self.registry), (self.user_id,))
        check_nothing_blocks(parts)
        user = await UserDocument.find(self.user_id)
        known = await self._known()
        own = await self._own()
        images = await BeforeImagesDocument.count_images_of(self.user_id, fields_of(self.registry), own)
        return Traces(
            users=own[0],
            at_propelauth=at_propelauth,
            parts=parts,
            names=await self._names(known),
            user_documents=len(own[1]),
            images=images,
            has_grant=user is not None and user.token.refresh_token is not None,
            others=known.others,
            pending=await PendingInviteDocument.count_pending(known.email_keys, self.now),
        )

    async def erase(self, found: Traces, mode: Mode, advance: Callable[[int], None]) -> tuple[Traces, bool]:
        """Remove what was found, by its rules, and look again; with whether the grant was revoked at Google.

        `advance` is told of documents. What is left then came up meanwhile, or is kept. Raises `StillKnown`, and
        `Unavailable` while Google or PropelAuth do not answer. The person's own document comes last: as long as it is
        there, not all is done.
        """
        if found.at_propelauth:
            raise StillKnown
        user, revoked = await UserDocument.find(self.user_id), False
        if user is not None:
            with suppress(NotConnected):
                shared = bool(found.others)
                revoked = await calendars.disconnect_user(self.services, user, self.now, shared=shared)
        await self._end_memberships()
        await self._remove_names(await self._known())
        for part in found.parts:
            await self._carry_out(part, advance)
        await BeforeImagesDocument.drop_images_of(self.user_id, fields_of(self.registry), await self._own())
        await (documents.remove_own(self.user_id) if mode == "delete" else documents.strip_own(self.user_id, self.now))
        return await self.find(), revoked

    async def _is_known(self) -> bool:
        person = None
        with suppress(NotFound):  # the first version of the older backend named people by Google's ids
            person = await self.services.propelauth.organizations.person(self.user_id)
        if person is None:
            await backfill.check_same_project(self.services, but_for=self.user_id)
        return person is not None

    async def _own(self) -> tuple[str, list[object]]:
        """The collection of people's documents, and the `_id`s of the person's own."""
        return UserDocument.Settings.name, await documents.own_ids(self.user_id)

    async def _parts(self, rules: Sequence[Rule], keys: tuple[str, ...]) -> list[Part]:
        parts: list[Part] = []
        for rule in rules:
            part = Part(rule, keys, self.user_id)
            if rule.within:
                parts += await self._parts(rule.within, tuple(await documents.keys_of(part)))
            parts.append(replace(part, documents=await documents.count(part)))
        return parts

    async def _carry_out(self, part: Part, advance: Callable[[int], None]) -> None:
        left = part.documents
        if part.rule.takes_documents:
            while removed := await documents.remove_some(part):
                left -= removed
                advance(removed)
        elif part.rule.changes_documents:
            await documents.clear_references(part)
        if part.rule.changes_documents:
            advance(max(left, 0))  # what went with the calendar and the memberships

    async def _end_memberships(self) -> None:
        """By the ways of organizations, so that seats and Owners stay counted."""
        await organizations.forget_person(self.services, self.user_id, Look("api", self.now))
        for change in await MembershipChangeDocument.of_user(self.user_id):
            await organizations.give_up(self.services, change)

    async def _known(self) -> Known:
        written = await documents.own_addresses(self.user_id)
        compared: list[str] = []
        for address in written:
            with suppress(InvalidEmail):
                compared.append(fold_email(address))
        others = await self._others(written, compared)
        addresses = [] if others else [*written, *compared]
        email_keys = [nobody(self.user_id), *([] if others else compared)]
        invite_ids = await PendingInviteDocument.got_by(self.user_id, email_keys, self.now)
        return Known(addresses, email_keys, invite_ids, others)

    async def _others(self, written: list[str], compared: list[str]) -> list[str]:
        """Other people by the same address: the same human with a new account, or one of before."""
        found = await documents.others_with(self.user_id, [*written, *compared])
        for address in written:
            person = await self.services.propelauth.organizations.person_by_email(address)
            if person is not None and person.user_id != self.user_id:
                found.append(person.user_id)
        return sorted(set(found))

    async def _names(self, known: Known) -> dict[str, int]:
        """How many documents tell the person's name or address, by the path at which they do."""
        return {
            f"{telling.collection}.{telling.path}": await documents.count_telling(telling)
            for telling in tellings_of(self.registry, self.user_id, known)
        }

    async def _remove_names(self, known: Known) -> None:
        """While the person's own document still tells their addresses."""
        for telling in tellings_of(self.registry, self.user_id, known):
            await documents.silence(telling)
