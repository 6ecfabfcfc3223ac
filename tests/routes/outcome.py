"""What came back, and what should not have: words that tell of others, and refusals that are not alike."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from switchboard.configurations.model import MASK
from tests.routes.agents import PLANTED
from tests.routes.client import Answer
from tests.routes.companies import GRANTEES, UNKNOWN, Company
from tests.routes.row import Route
from tests.routes.stage import GIVEN_TO, Stage

OWN_TARGET: Final = "own"
# Where an organization is named, and where something of it is. The first of each is not there at all: the answer to
# the others must be just like it, so that nobody learns what exists.
ORGANIZATION_TARGETS: Final = (
    *("missing organization", "others' organization", "deleted organization", "own id in capitals"),
)
MINE_TOO: Final = "child of my other organization"
CHILD_TARGETS: Final = ("missing child", "others' child", "child of a deleted organization", MINE_TOO)
GRANTEE_TARGETS: Final = (
    *("missing grantee", "organization without access", "deleted organization as grantee", "owner as grantee"),
)
MISSING_REVISION: Final = "missing revision"
GIVEN: Final = "given to my organization"
GROUPS: Final = (ORGANIZATION_TARGETS, CHILD_TARGETS, GRANTEE_TARGETS)


@dataclass(frozen=True)
class Outcome:
    """What one caller got from one route for one target; `got` says too what should not have happened besides."""

    route: Route
    caller: str
    target: str
    expected: str
    got: str

    @property
    def wrong(self) -> bool:
        return self.expected != self.got

    def __str__(self) -> str:
        return f"{' '.join(self.route)} | {self.caller} | {self.target} | expected {self.expected} | got {self.got}"


@dataclass
class Alike:
    """Compares what one caller is told of what is there with what they are told of what is not."""

    missing: dict[str, Any] = field(default_factory=dict)

    def unlike(self, caller: str, target: str, answer: Answer) -> list[str]:
        if target == OWN_TARGET and answer.status == 404:
            return [] if _words(answer) in self.missing.values() else ["unlike what is missing"]
        for first, *others in GROUPS:
            if target == first:
                self.missing[first] = _words(answer)
            elif target in others or (caller in UNKNOWN and first in self.missing):
                return [] if self.missing[first] == _words(answer) else ["unlike what is missing"]
        return []


def got(answer: Answer, besides: Iterable[str]) -> str:
    return ", ".join([str(answer.status), *besides])


def told(stage: Stage, caller: str, answer: Answer, *, names: bool = False) -> list[str]:
    """Whether an answer tells of an organization that is none of the caller's; a refusal tells of none at all.

    `names`: the ids of those that agents of `home` were given to may be in it.
    """
    refused = answer.status >= 400
    access = None if refused else GRANTEES.get(caller)
    seen = () if refused else stage.seen_by(caller)
    known = {text for agent in stage.home.agents.values() for text in agent.told} if access else set()
    if names and stage.home in seen:
        known |= {stage.named(name).org_id for name in GIVEN_TO.values()}
    found = told_of_others(stage, seen, known, answer)
    if access == "use" and MASK in answer.text:
        found.append("told that there are keys")
    return [*found, *told_keys(answer)]


def told_of_others(stage: Stage, seen: Sequence[Company], known: set[str], answer: Answer) -> list[str]:
    """`known` may be told of organizations that are not seen otherwise."""
    others = [company for company in stage.companies if not any(company is each for each in seen)]
    hidden = {text for company in others for text in company.told} - known
    return ["told of others"] if any(text in answer.text for text in hidden) else []


def told_keys(answer: Answer) -> list[str]:
    return ["told a key"] if PLANTED in answer.text else []


def _words(answer: Answer) -> Any:
    refused = answer.status >= 400
    return {name: text for name, text in answer.json().items() if name != "request_id"} if refused else answer.body
