"""Which documents break the validator of their collection. Only those that do leave the server."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from switchboard.errors import Conflict
from switchboard.mongo import Database
from switchboard.schema.integrity.walk import pieces, size_of
from switchboard.schema.registry import Registry
from switchboard.schema.validators.collections import Plan
from switchboard.schema.validators.rules import validator_of, violations

MOST_RULES: Final = 200  # of one collection; what is beyond them is counted all the same


class StillViolated(Conflict):
    code = "still_violated"


@dataclass
class Broken:
    """A rule that documents break: how many do, and the ids of some."""

    path: str
    rule: str
    documents: int = 0
    samples: list[str] = field(default_factory=list)


@dataclass
class Report:
    """`documents` break a rule, each of them one or more."""

    collection: str
    documents: int = 0
    samples: list[str] = field(default_factory=list)
    rules: dict[tuple[str, str], Broken] = field(default_factory=dict)

    def count(self, document_id: Any, found: Iterable[tuple[str, str]], most_samples: int) -> None:
        self.documents += 1
        _keep(self.samples, document_id, most_samples)
        for path, rule in set(found) or {("", "does not match the schema")}:
            if (path, rule) not in self.rules and len(self.rules) >= MOST_RULES:
                continue
            broken = self.rules.setdefault((path, rule), Broken(path, rule))
            broken.documents += 1
            _keep(broken.samples, document_id, most_samples)

    @property
    def refusal(self) -> str:
        some = ", ".join(self.samples)
        return (
            f"{self.collection} stays as it is: {self.documents} of its documents break its rules, for example {some}. "
            f"'switchboard validators report --only {self.collection}' names the fields."
        )


async def total(database: Database, names: Iterable[str]) -> int:
    return sum([await size_of(database[name]) for name in names])


async def reported(
    database: Database, registry: Registry, names: Iterable[str], samples: int, advance: Callable[[int], None]
) -> AsyncIterator[Report]:
    """A report of each of these collections, an empty one where nothing is wrong."""
    collections = registry.collections()
    for name in names:
        yield await _report(database, name, validator_of(collections[name]), samples, advance)


async def check_empty(database: Database, plan: Plan, samples: int, advance: Callable[[int], None]) -> None:
    """Raise `StillViolated` when a document of a collection breaks what is to become its validator."""
    report = await _report(database, plan.collection, dict(plan.validator), samples, advance)
    if report.documents:
        raise StillViolated(report.refusal)


async def _report(
    database: Database, name: str, validator: dict[str, Any], samples: int, advance: Callable[[int], None]
) -> Report:
    schema = validator["$jsonSchema"]
    shown = dict.fromkeys((*schema["properties"], *schema.get("required", ())), 1)
    report = Report(name)
    async for piece in pieces(database[name]):
        async for batch in piece.find({"$nor": [validator]}, shown):
            for document in batch:
                report.count(document["_id"], violations(schema, document), samples)
        advance(piece.size)
    return report


def _keep(samples: list[str], document_id: Any, most: int) -> None:
    if len(samples) < most:
        samples.append(str(document_id))
