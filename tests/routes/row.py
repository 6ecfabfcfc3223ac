"""What a row says of its route."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Route = tuple[str, str]

Child = Literal["member", "invite", "mine", "agent", "active agent", "deleted agent"]
AGENT_KINDS: tuple[Child, ...] = ("agent", "active agent", "deleted agent")


@dataclass(frozen=True)
class Ask:
    """One thing that a route can be asked for, and the permission it takes; None: whoever belongs there may.

    `{names}` in `json` and `params` stand for what the organization in hand has (`Company.names`). `access` is the
    least that an organization which was given the agent needs; None: it is for the owning organization alone.
    `alters` is exactly what a success changes; empty: something.
    """

    needs: str | None = None
    json: Mapping[str, Any] | None = None
    params: Mapping[str, Any] | None = None
    access: Literal["use", "edit"] | None = None
    alters: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Row:
    """A route that is bound to an organization.

    `status` is what it answers to who may. The asks after the first are made on the caller's own organization only.
    `child` is what of the organization it names, in the path or in the body. `people`: it takes no key of a service.
    `others` are answers that no permission decides, by caller, and `idle` callers who succeed and change nothing.
    `exists` is False where no organization is named, `belongs` where members are not whom it is for. `stays`: who may
    write leaves an organization behind that others can use as well. `version`: If-Match is to be sent. `names`: it
    tells the ids of organizations that agents were given to.
    """

    status: int
    asks: tuple[Ask, ...]
    child: Child | None = None
    writes: bool = False
    people: bool = False
    others: Mapping[str, int] = field(default_factory=dict)
    idle: frozenset[str] = frozenset()
    exists: bool = True
    belongs: bool = True
    stays: bool = False
    version: bool = False
    names: bool = False


@dataclass(frozen=True)
class ServiceRow:
    """A route for services. `scope` None: any key will do.

    `child` is what it names, in the path or, as `{names}`, in `json`: a key that is bound to an organization reaches
    what is there, and nothing else. `others` are answers by target. `alters` is exactly what a success changes.
    `secrets`: keys of agents are in the answer.
    """

    scope: str | None = None
    child: Literal["user", "agent", "number", "organization"] | None = None
    params: Mapping[str, Any] | None = None
    json: Mapping[str, Any] | None = None
    others: Mapping[str, int] = field(default_factory=dict)
    alters: frozenset[str] = frozenset()
    secrets: bool = False
    status: int = 200


def filled(pattern: Any, names: Mapping[str, str]) -> Any:
    """A pattern with what its `{names}` stand for."""
    if isinstance(pattern, dict):
        return {name: filled(value, names) for name, value in pattern.items()}
    if isinstance(pattern, list):
        return [filled(value, names) for value in pattern]
    return pattern.format(**names) if isinstance(pattern, str) else pattern
