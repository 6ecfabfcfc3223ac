"""Any sequence of changes: every stored secret opens to the value given last, and none of them can be read."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from switchboard.configurations.model import Configuration, KeyNeededAgain, MaskAsSecret
from switchboard.crypto import is_sealed
from tests.configurations.plain import CHATBOT, NEWER, PATHS, RECOGNITION, SAFE, SPEECH, opened

ADDRESSES = ("https://a.example/1", "https://A.example/2", "https://b.example/1", None)
PROVIDERS = {SPEECH: ("cartesia", "elevenlabs", "acme"), RECOGNITION: ("deepgram", "openai", "acme")}
STAYS, GOES, MASKED, OTHER_MASK, NEW = "stays", "goes", "masked", "other mask", "new"

Asked = dict[str, tuple[str, str]]  # by path: what becomes of the key, and its text if it is new
Places = dict[str, str | None]

secrets = st.text(alphabet="abcdefghijklmnop0123456789", min_size=8, max_size=24).map(lambda text: f"SECRET{text}")
key_changes = st.tuples(st.sampled_from((STAYS, STAYS, STAYS, GOES, MASKED, NEW, NEW, OTHER_MASK)), secrets)
place_changes = st.fixed_dictionaries(
    {},
    optional={
        CHATBOT: st.sampled_from(ADDRESSES),
        **{path: st.sampled_from(names) for path, names in PROVIDERS.items()},
    },
)
steps = st.tuples(st.fixed_dictionaries(dict.fromkeys(PATHS, key_changes)), place_changes, st.booleans())


@dataclass
class Expected:
    """What should be stored, by path."""

    secrets: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(PATHS))
    places: dict[str, object] = field(
        default_factory=lambda: {CHATBOT: None, SPEECH: "cartesia", RECOGNITION: "deepgram"}
    )

    def refusal(self, asked: Asked, places: Places) -> type[Exception] | None:
        if any(does == OTHER_MASK or (does == MASKED and not self.secrets[path]) for path, (does, _) in asked.items()):
            return MaskAsSecret
        for path, (does, _) in asked.items():
            stays = does in (STAYS, MASKED) and self.secrets[path] is not None
            if stays and path in places and _host(places[path]) != self.places[path]:
                return KeyNeededAgain
        return None

    def apply(self, asked: Asked, places: Places) -> None:
        for path, (does, secret) in asked.items():
            self.secrets[path] = secret if does == NEW else None if does == GOES else self.secrets[path]
        self.places |= {path: _host(place) for path, place in places.items()}


def _host(place: str | None) -> str | None:
    return place.lower().rsplit("/", 1)[0] if place and "/" in place else place


def body(found: Configuration, asked: Asked, places: Places) -> dict[str, Any]:
    """The changes as they are sent."""
    sent: dict[str, Any] = {"tts_config": {}, "stt_config": {}}
    for path, (does, secret) in asked.items():
        group, _, name = path.rpartition(".")
        shown = SAFE.mask(path, found.secrets[path]) or "••••••••"
        texts = {NEW: secret, MASKED: shown, OTHER_MASK: f"••••{secret}"}
        if does != STAYS:
            (sent[group] if group else sent)[name] = SecretStr(texts[does]) if does in texts else None
    sent |= {"chatbot_api": places[CHATBOT]} if CHATBOT in places else {}
    for path in places.keys() & PROVIDERS.keys():
        sent[path.partition(".")[0]]["provider"] = places[path]
    return sent


@settings(max_examples=150)
@given(st.lists(steps, max_size=8))
def test_every_secret_opens_to_the_value_given_last_and_none_is_readable(changes: list[Any]) -> None:
    found, expected = Configuration(name="Reception"), Expected()
    for asked, places, renews in changes:
        sent, refusal = body(found, asked, places), expected.refusal(asked, places)
        if refusal is not None:
            with pytest.raises(refusal):
                found.changed(sent, SAFE)
        else:
            found = found.changed(sent, SAFE)
            expected.apply(asked, places)
        assert opened(found.renewed(NEWER) if renews else found, NEWER) == expected.secrets
        assert "SECRET" not in str(found.content)
        assert all(kept is None or is_sealed(kept) for kept in found.secrets.values())
