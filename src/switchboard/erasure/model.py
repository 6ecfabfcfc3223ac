"""What goes with a person and what stays, by the delete rules of the registry; what is left of an anonymised one."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from switchboard.annotations import DeleteRule
from switchboard.errors import Conflict
from switchboard.schema.registry import Entity, Registry

PERSON: Final = "User"
Way = Literal["deleted", "anonymised"]


class StillKnown(Conflict):
    code = "person_still_known"
    message = (
        "PropelAuth still knows this person. Delete them there first: as long as they can sign in, and belong to "
        "organizations there, they come back here."
    )


class StandsAgainst(Conflict):
    code = "stands_against_erasure"

    @classmethod
    def by(cls, parts: Iterable["Part"]) -> "StandsAgainst":
        named = ", ".join(f"{part.documents} of {part.place}" for part in parts)
        return cls(f"These refer to the person and may not lose them: {named}. Hand them over or remove them first.")


@dataclass(frozen=True)
class Rule:
    """That documents of `holder` name in `field` what goes, and what becomes of them then.

    `within` are the rules for those that hang on documents which go as well.
    """

    holder: Entity
    field: str
    on_delete: DeleteRule
    many: bool = False
    within: tuple["Rule", ...] = ()

    @property
    def takes_documents(self) -> bool:
        """Whether the documents go, and not only what they say of the one that goes."""
        return self.on_delete == "cascade" and not self.many


@dataclass(frozen=True)
class Part:
    """How many documents a rule is about."""

    rule: Rule
    keys: tuple[str, ...]
    documents: int

    @property
    def place(self) -> str:
        return f"{self.rule.holder.collection}.{self.rule.field}"

    @property
    def becomes(self) -> str:
        """What becomes of the documents, in words that fit both before and after it."""
        if self.rule.on_delete == "cascade":
            return "out of the list" if self.rule.many else "removed"
        return {"nullify": "emptied", "keep": "kept", "restrict": "stand against it"}[self.rule.on_delete]


def rules_of(registry: Registry, name: str = PERSON, above: tuple[str, ...] = ()) -> tuple[Rule, ...]:
    """The rules for all that refers to this entity by its key, and to what goes with it.

    What stands flat in another's document goes with that. What is only kept where something else goes is not told.
    """
    return tuple(_rules(registry, name, above))


def _rules(registry: Registry, name: str, above: tuple[str, ...]) -> Iterator[Rule]:
    for relation in registry.relations:
        holder = registry[relation.holder]
        told = relation.on_delete != "keep" or not above
        if relation.target != name or not relation.stored or holder.owner or holder.name in above or not told:
            continue
        rule = Rule(holder, relation.field, relation.on_delete, relation.cardinality == "M:N")
        within = rules_of(registry, holder.name, (*above, name)) if rule.takes_documents else ()
        yield Rule(rule.holder, rule.field, rule.on_delete, rule.many, within)


def standing_against(parts: Iterable[Part]) -> list[Part]:
    return [part for part in parts if part.rule.on_delete == "restrict" and part.documents]


def nobody(user_id: str) -> str:
    """An address that stands for an anonymised person: always the same one, and nobody's (RFC 2606, .invalid)."""
    return f"{hashlib.sha256(user_id.encode()).hexdigest()[:16]}@anonymised.invalid"
