"""What is told of a changed configuration."""

from collections.abc import Mapping
from typing import Any

from switchboard.changes.model import Kind
from switchboard.configurations.model import MASK, SECRETS


def told(differences: Mapping[str, tuple[Any, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was and what is, as the audit log keeps it: of a key that it is there, and nothing more."""
    was = {path: _told(path, before) for path, (before, _) in differences.items()}
    return was, {path: _told(path, after) for path, (_, after) in differences.items()}


def _told(path: str, value: Any) -> Any:
    return MASK if path in SECRETS and value is not None else value


def kinds_of(differences: Mapping[str, Any]) -> tuple[Kind, ...]:
    """What kind of change it is that these paths differ."""
    keys: tuple[Kind, ...] = ("keys",) if differences.keys() & SECRETS.keys() else ()
    return (*keys, "configuration") if differences.keys() - SECRETS.keys() else keys
