"""What goes with a person and what stays, by the delete rules of the registry; whose names are told where."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from switchboard.annotations import DeleteRule
from switchboard.audit.model import Actor
from switchboard.errors import Conflict
from switchboard.schema.registry import Entity, Registry

PERSON: Final = "User"
Mode = Literal["delete", "anonymise"]


class StillKnown(Conflict):
    code = "person_still_known"
    message = (
        "PropelAuth still knows this person. Delete them there first: as long as they can sign in, and belong to "
        "organizations there, they come back here."
    )


class ErasureBlocked(Conflict):
    code = "erasure_blocked"


@dataclass(frozen=True)
class Rule:
    """That documents of `holder` name in `field` what goes, and what becomes of them then.

    `within` are the rules for those that hang on documents which go as well. Of these, documents that name the person
    in their field `person` are not meant: they go by a rule of their own.
    """

    holder: Entity
    field: str
    on_delete: DeleteRule
    many: bool = False
    within: tuple["Rule", ...] = ()
    person: str | None = None

    @property
    def takes_documents(self) -> bool:
        """Whether the documents go, and not only what they say of the one that goes."""
        return self.on_delete == "cascade" and not self.many

    @property
    def changes_documents(self) -> bool:
        return self.on_delete in ("cascade", "nullify")


@dataclass(frozen=True)
class Part:
    """The documents that a rule is about for one person: those that name one of `named`, and how many they are."""

    rule: Rule
    named: tuple[str, ...]
    user_id: str
    documents: int = 0

    @property
    def path(self) -> str:
        return f"{self.rule.holder.collection}.{self.rule.field}"

    @property
    def which(self) -> dict[str, Any]:
        """The filter for them."""
        others = {} if self.rule.person is None else {self.rule.person: {"$ne": self.user_id}}
        return {self.rule.field: {"$in": list(self.named)}, **others}

    @property
    def becomes(self) -> str:
        """What becomes of the documents, in words that fit both before and after it."""
        if self.rule.on_delete == "cascade":
            return "out of the list" if self.rule.many else "removed"
        return {"nullify": "emptied", "keep": "kept", "restrict": "in the way"}[self.rule.on_delete]


@dataclass(frozen=True)
class Known:
    """By what a person is known in what others wrote: addresses, the same as they are compared, ids of invites got.

    `others` are ids of other people with the same address: then an address alone does not say whose something is.
    """

    addresses: list[str]
    email_keys: list[str]
    invite_ids: list[str]
    others: list[str]


@dataclass(frozen=True)
class Traces:
    """What there is of a person.

    `parts` refer to them, innermost first; `names` are how many documents tell their name or address, by path;
    `user_documents` are their own, in the collection `users`; `images` those that runs keep. `pending` are mails to
    them that somebody may still follow, `others` ids of people with the same address.
    """

    users: str
    at_propelauth: bool
    parts: list[Part]
    names: dict[str, int]
    user_documents: int
    images: int
    has_grant: bool
    others: list[str]
    pending: int

    @property
    def changing(self) -> int:
        """How many documents that refer to the person are to be removed or emptied."""
        return sum(part.documents for part in self.parts if part.rule.changes_documents)

    @property
    def is_empty(self) -> bool:
        return not any((self.user_documents, self.images, *self.names.values(), *(p.documents for p in self.parts)))

    def left_to_do(self, mode: Mode) -> int:
        """How much is not gone yet; an anonymised person's own document stays."""
        own = self.user_documents if mode == "delete" else 0
        return own + self.images + sum(self.names.values()) + self.changing


def check_nothing_blocks(parts: Sequence[Part]) -> None:
    """Raise `ErasureBlocked` when documents may not lose the person."""
    blocking = [part for part in parts if part.rule.on_delete == "restrict" and part.documents]
    if blocking:
        named = ", ".join(f"{part.documents} of {part.path}" for part in blocking)
        raise ErasureBlocked(f"These may not lose the person: {named}. Hand them over or remove them first.")


def rules_of(registry: Registry) -> tuple[Rule, ...]:
    """The rules for all that refers to a person by the key, and to what goes with them; the innermost are `within`.

    What stands flat in another's document goes with that. What is only kept where something else goes is not told.
    """
    rules = tuple(_rules(registry, PERSON, ()))
    own = {rule.holder.name: rule.field for rule in rules if rule.takes_documents}
    return tuple(replace(rule, within=tuple(_apart(each, own) for each in rule.within)) for rule in rules)


def _rules(registry: Registry, name: str, above: tuple[str, ...]) -> Iterator[Rule]:
    for relation in registry.relations:
        holder = registry[relation.holder]
        told = relation.on_delete != "keep" or not above
        if relation.target != name or not relation.stored or holder.owner or holder.name in above or not told:
            continue
        rule = Rule(holder, relation.field, relation.on_delete, relation.cardinality == "M:N")
        within = tuple(_rules(registry, holder.name, (*above, name))) if rule.takes_documents else ()
        yield replace(rule, within=within)


def _apart(rule: Rule, own: dict[str, str]) -> Rule:
    within = tuple(_apart(each, own) for each in rule.within)
    return replace(rule, within=within, person=own.get(rule.holder.name))


@dataclass(frozen=True)
class Telling:
    """Documents that tell a person's name or address at a path, and what is set in them for it to be gone."""

    collection: str
    path: str
    which: dict[str, Any]
    instead: dict[str, str | None]


def tellings_of(registry: Registry, user_id: str, known: Known) -> list[Telling]:
    """Where a name or address is told: by whoever did something, in invites, in what the log tells of invites."""
    log, invites = registry["AuditEntry"].collection, registry["PendingInvite"].collection
    acted = [
        Telling(name, path, {f"{path}.id": user_id, f"{path}.name": {"$ne": None}}, {f"{path}.name": None})
        for name, path in actors_in(registry)
    ]
    invited, addressed, address = {"$in": known.invite_ids}, {"$in": known.addresses}, nobody(user_id)
    logged = [
        Telling(log, field, {field: {"$ne": None}, "$or": [{field: addressed}, {"target.id": invited}]}, {field: None})
        for field in ("before.invitee_email", "after.invitee_email")
    ]
    got = {"invite_id": invited, "invitee_email": {"$ne": address}}
    unsigned = {"inviter_user_id": None, "inviter_email": addressed}
    sent = {"inviter_email": {"$ne": None}, "$or": [{"inviter_user_id": user_id}, unsigned]}
    return [
        *acted,
        *logged,
        Telling(invites, "invitee_email", got, {"invitee_email": address, "email_key": address}),
        Telling(invites, "inviter_email", sent, {"inviter_email": None}),
    ]


def fields_of(registry: Registry) -> list[str]:
    """The fields by which documents of any kind name a person."""
    return sorted({rule.field for rule in rules_of(registry)})


def actors_in(registry: Registry) -> list[tuple[str, str]]:
    """Where it is told who did something: the collections, and the paths of the fields that hold an actor."""
    parts = set(Actor.model_fields)
    return [
        (entity.collection, path)
        for entity in registry
        for path, field in entity.walk()
        if {each.name for each in field.fields} == parts
    ]


def nobody(user_id: str) -> str:
    """An address that stands for a person who is gone: always the same one, and nobody's (RFC 2606, .invalid)."""
    return f"{hashlib.sha256(user_id.encode()).hexdigest()[:16]}@anonymised.invalid"
