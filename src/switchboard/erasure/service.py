"""Deleting and anonymising people whom PropelAuth knows no more. Whatever is interrupted is finished by doing it again.

Nothing is kept to take it back by: that is the point of it.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from switchboard.audit.documents import AuditEntryDocument
from switchboard.backfill import service as backfill
from switchboard.calendars import service as calendars
from switchboard.erasure import documents
from switchboard.erasure.model import Part, Rule, StandsAgainst, StillKnown, Way, nobody, rules_of, standing_against
from switchboard.errors import NotFound
from switchboard.invites.documents import PendingInviteDocument
from switchboard.memberships.model import Look
from switchboard.organizations import service as organizations
from switchboard.runs.documents import BeforeImagesDocument
from switchboard.schema.registry import Registry
from switchboard.services import Services
from switchboard.users.documents import UserDocument
from switchboard.users.model import InvalidEmail, User, fold_email


@dataclass(frozen=True)
class Traces:
    """What there is of a person: `parts` refer to them, innermost first; `documents` are their own, `images` those
    that runs keep.
    """

    user_id: str
    parts: list[Part]
    documents: int
    images: int

    @property
    def changing(self) -> int:
        """How many documents that refer to the person are to be removed or emptied."""
        return sum(part.documents for part in self.parts if part.rule.on_delete in ("cascade", "nullify"))

    @property
    def none(self) -> bool:
        return not (self.documents or self.images or any(part.documents for part in self.parts))


async def find(services: Services, registry: Registry, user_id: str) -> Traces:
    """What would go and what would stay; nothing is written. Raises `StillKnown`, `OtherProject`, `StandsAgainst`,
    `Unavailable`.
    """
    await _check_gone(services, user_id)
    parts = await _parts(rules_of(registry), (user_id,))
    if against := standing_against(parts):
        raise StandsAgainst.by(against)
    ids = await documents.ids_of_person(user_id)
    images = await BeforeImagesDocument.count_of_person(user_id, UserDocument.Settings.name, ids)
    return Traces(user_id, parts, len(ids), images)


async def erase(services: Services, traces: Traces, way: Way, now: datetime, told: Callable[[int], None]) -> None:
    """Remove what was found, by its rules. Raises `Unavailable`.

    The person's document comes last: as long as it is there, not all is done.
    """
    user_id = traces.user_id
    user = await UserDocument.find(user_id)
    if user is not None:
        await calendars.end(services, user, now)
    await organizations.forget_person(services, user_id, Look("api", now))
    if way == "anonymised":
        await _anonymise(user_id, user)
    for part in traces.parts:
        await _carry_out(part, told)
    ids = await documents.ids_of_person(user_id)
    await BeforeImagesDocument.forget_person(user_id, UserDocument.Settings.name, ids)
    await (documents.remove_person(user_id) if way == "deleted" else documents.strip_person(user_id, now))


async def _check_gone(services: Services, user_id: str) -> None:
    try:
        person = await services.propelauth.organizations.person(user_id)
    except NotFound:  # the first version of the older backend named people by Google's ids
        return
    if person is not None:
        raise StillKnown
    await backfill.check_same_project(services)  # there, everybody who is here is unknown


async def _parts(rules: Sequence[Rule], keys: tuple[str, ...]) -> list[Part]:
    parts: list[Part] = []
    for rule in rules:
        within = [each for each in rule.within if each.on_delete != "keep"]
        if within:
            parts += await _parts(within, tuple(await documents.keys_of(rule, keys)))
        parts.append(Part(rule, keys, await documents.count(rule, keys)))
    return parts


async def _carry_out(part: Part, told: Callable[[int], None]) -> None:
    if part.rule.takes_documents:
        while removed := await documents.remove_some(part.rule, part.keys):
            told(removed)
    elif part.rule.on_delete in ("cascade", "nullify"):
        told(await documents.empty(part.rule, part.keys))


async def _anonymise(user_id: str, user: User | None) -> None:
    """Take the person's name and address out of what is kept, while it still says whose they are."""
    address = user.email if user is not None else None
    email_key = None
    with suppress(InvalidEmail):
        email_key = fold_email(address or "")
    invite_ids = await PendingInviteDocument.anonymise(user_id, email_key, nobody(user_id))
    await AuditEntryDocument.anonymise(user_id, [each for each in (address, email_key) if each], invite_ids)
