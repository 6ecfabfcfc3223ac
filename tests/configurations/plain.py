"""Configurations and a safe, with no server."""

import os
from typing import Any

from pydantic import SecretStr

from switchboard.configurations.model import SECRETS, Configuration, Safe
from switchboard.crypto import KeyRing

KEY = os.urandom(32)
RING = KeyRing([("k1", KEY)])
SAFE = Safe(RING, "agent-1")
NEWER = Safe(KeyRing([("k2", os.urandom(32)), ("k1", KEY)]), "agent-1")
OTHER_AGENT = Safe(RING, "agent-2")
LOST = Safe(KeyRing([("k1", os.urandom(32))]), "agent-1")

PATHS = tuple(SECRETS)
CHATBOT, SPEECH, RECOGNITION = PATHS
ADDRESS = "https://bot.northwind.example/chat"
GIVEN = {CHATBOT: "chat-secret-0001", SPEECH: "speech-secret-0002", RECOGNITION: "hear-secret-0003"}


def at(path: str, value: Any) -> dict[str, Any]:
    """The changes that set one field."""
    group, _, name = path.rpartition(".")
    return {group: {name: value}} if group else {name: value}


def sent(path: str, secret: str) -> dict[str, Any]:
    return at(path, SecretStr(secret))


def configuration(**changes: Any) -> Configuration:
    """One with an address and all its keys."""
    made = Configuration(name="Reception").changed({"chatbot_api": ADDRESS}, SAFE)
    for path, secret in GIVEN.items():
        made = made.changed(sent(path, secret), SAFE)
    return made.changed(changes, SAFE)


def opened(found: Configuration, safe: Safe = SAFE) -> dict[str, str | None]:
    return {path: None if kept is None else safe.open(path, kept) for path, kept in found.secrets.items()}


def stored_plain(path: str, secret: str) -> Configuration:
    """As an older program may have kept it: not sealed."""
    content = configuration().content
    group, _, name = path.rpartition(".")
    (content[group] if group else content)[name] = secret
    return Configuration.model_validate(content)
