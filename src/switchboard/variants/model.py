"""Agents as other programs store and send them (facts/legacy.md 4.2, variants A to E), read into our shape.

Nothing here raises. What fits no field of a configuration is kept among its options, but for secrets, which have no
place there. What was changed on the way is told by notes: codes, never values.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Final, TypeGuard, TypeVar

from pydantic import JsonValue

from switchboard.providers.model import (
    CONVERSATION_FIELDS,
    DEFAULTS,
    FORMATS,
    LONGEST_ADDRESS,
    LONGEST_GREETING,
    LONGEST_KEPT_KEY,
    LONGEST_TEXT,
    NORMAL_SPEED,
    OPENAI_VOICES,
    PHONE_NUMBER,
    SPEED,
    FormField,
    Kind,
    Range,
    knows_provider,
    looks_secret,
)

Config = dict[str, JsonValue]
Read = TypeVar("Read")

_OTHER_NAMES: Final[dict[Kind, dict[str, str]]] = {
    "speech": {"cartesian": "cartesia", "11labs": "elevenlabs"},
    "recognition": {"whisper": "openai"},
}
_UNREADABLE: Final = "unknown"  # not the default: a key must not go to somebody it was not meant for
_PROVIDER: Final = ("provider", "selectedVoiceProvider")
_NOT_A_PROVIDER: Final = {*_PROVIDER, "options"}
_UNIQUE: Final = re.compile(r"_[0-9a-f]{8}(_[0-9a-f]{4}){3}_[0-9a-f]{12}$")
_DEEPEST: Final = 64
_INTEGERS: Final = range(-(2**63), 2**63)


@dataclass(frozen=True)
class VariantAgent:
    """An agent that was read: `fields` in our shape, its secrets as they were given.

    `organization` is what the record says of whom it belongs to: an id, a name, `developer`, or nothing.
    """

    agent_id: str | None
    organization: str | None
    created_at: datetime | None
    updated_at: datetime | None
    fields: Config = field(repr=False)
    notes: list[str]


def speech(value: object) -> Config:
    """Any variant of a `tts_config`, ours too, as a valid `TtsConfig`."""
    return _speech(value, [])


def recognition(value: object) -> Config:
    """Any variant of an `stt_config`, ours too, as a valid `SttConfig`."""
    return _recognition(value, [])


def read_agent(document: object, key: str | None = None) -> VariantAgent:
    """A whole record. `key` is its name in the map it came from."""
    notes: list[str] = [] if isinstance(document, Mapping) else ["record_unreadable"]
    record = {name: value for name, value in document.items() if name != "_id"} if isinstance(document, Mapping) else {}
    left = _Left(notes, record, record.pop("conversation", None))
    own_id, prefix, other_id = left.text("agentId", "agent_id"), left.text("agent_prefix"), left.text("id")
    agent_id = own_id or (key if _is_text(key, LONGEST_TEXT) else None) or prefix or other_id
    fields: Config = {
        "name": left.text("name", "agent_name", "agentName") or _UNIQUE.sub("", agent_id or "").strip() or None,
        "phone_number": left.read("phone_number", _phone_number),
        "chatbot_api": left.text("chatbot_api", longest=LONGEST_ADDRESS),
        "chatbot_key": left.secret("chatbot_key"),
        "initial_message": left.text("initial_message", longest=LONGEST_GREETING),
        "conversation": {each.name: left.by(each) for each in CONVERSATION_FIELDS},
        "tts_config": _speech(left.take("tts_config"), notes),
        "stt_config": _recognition(left.take("stt_config"), notes),
    }
    organization = left.text("organization_id", "org_id")
    created_at, updated_at = left.read("created_at", _moment), left.read("updated_at", _moment)
    if any(left.places):
        notes.append("fields_left_out")
    return VariantAgent(agent_id, organization, created_at, updated_at, fields, list(dict.fromkeys(notes)))


class _Left:
    """What is left of a record while its fields are taken out, each by all the names it goes by."""

    def __init__(self, notes: list[str], *places: object) -> None:
        """The first place counts. An empty text is how forms leave a field empty: it is as absent as null."""
        self.notes = notes
        maps = [place for place in places if isinstance(place, Mapping)]
        self.places = [{str(name): value for name, value in each.items() if _is_given(value)} for each in maps]

    def all(self, *names: str) -> list[object]:
        return [place.pop(name) for place in self.places for name in names if name in place]

    def take(self, *names: str) -> object:
        found = self.all(*names)
        if len(found) > 1:
            self.notes.append(f"{names[0]}_given_twice")
        return found[0] if found else None

    def text(self, *names: str, longest: int = LONGEST_TEXT) -> str | None:
        """What is no such text stays, under the first name."""
        value = self.take(*names)
        if value is None or _is_text(value, longest):
            return value
        self.places[-1][names[0]] = value
        self.notes.append(f"{names[0]}_unreadable")
        return None

    def secret(self, *names: str) -> str | None:
        """The first that can be one. Others do not stay: a secret is kept in its own place or not at all."""
        found = self.all(*names)
        fit = [value for value in found if _is_text(value, LONGEST_KEPT_KEY)]
        if len(found) > len(fit[:1]):
            self.notes.append("secret_left_out")
        return fit[0] if fit else None

    def by(self, described: FormField) -> str | float | None:
        """A field by its description."""
        name, limits = described.name, described.limits
        if limits is None:
            return self.text(name, longest=described.longest or LONGEST_TEXT)
        number = _within(limits, self.take(name), name, self.notes)
        return int(number) if described.whole and number is not None else number

    def read(self, name: str, reader: Callable[[object], Read | None]) -> Read | None:
        value = self.take(name)
        found = None if value is None else reader(value)
        if found is None and value is not None:
            self.notes.append(f"{name}_unreadable")
        return found

    def options(self) -> Config:
        """All that is left, beside what was among the options before."""
        before = [each if isinstance(each, Mapping) else {"options": each} for each in self.all("options")]
        given = {name: value for each in reversed([*self.places, *before]) for name, value in each.items()}
        return {name: value for name, value in self._plain_map(given, 1).items() if value is not None}

    def _plain_map(self, value: Mapping[str, object], depth: int) -> Config:
        """As JSON that a document can hold, without what looks like a secret by its name."""
        named = {_encodable(str(name)): each for name, each in value.items()}
        kept = {name: self._plain(each, depth) for name, each in named.items() if not looks_secret(name)}
        if len(kept) < len(named):
            self.notes.append("secret_left_out")
        return kept

    def _plain(self, value: object, depth: int) -> JsonValue:
        """What JSON does not have becomes a text, and null what a document can't hold."""
        if isinstance(value, (Mapping, list)) and depth > _DEEPEST:
            self.notes.append("options_cut")
            return None
        if isinstance(value, Mapping):
            return self._plain_map(value, depth + 1)
        if isinstance(value, list):
            return [self._plain(each, depth + 1) for each in value]
        if isinstance(value, int):
            return value if value in _INTEGERS else None
        if isinstance(value, float):
            return value if isfinite(value) else None
        return None if value is None else _encodable(str(value))


def _speech(value: object, notes: list[str]) -> Config:
    provider, left = _opened("speech", value, notes)
    config: Config = {
        "provider": provider,
        "voice_id": left.text("voice_id", "voice", "voiceId"),
        "tts_api_key": left.secret("tts_api_key", "api_key"),
        "model": left.text("model", "model_id"),
        "speed": _speed(left.take("speed", "speedValue"), notes),
        "language": left.text("language"),
    }
    options = left.options()
    if provider == "openai":
        config["voice_id"], options = _put_right(config["voice_id"], options, notes)
    return {**config, "options": options}


def _recognition(value: object, notes: list[str]) -> Config:
    provider, left = _opened("recognition", value, notes)
    return {
        "provider": provider,
        "api_key": left.secret("api_key"),
        "model": left.text("model", "model_id"),
        "language": left.text("language"),
        "options": left.options(),
    }


def _opened(kind: Kind, value: object, notes: list[str]) -> tuple[str, _Left]:
    """The provider, and its fields: those in the object of its name before those around it."""
    outer = {str(name): each for name, each in value.items()} if isinstance(value, Mapping) else {}
    if value is not None and not isinstance(value, Mapping):
        notes.append("configuration_unreadable")
    maps = [name for name, each in outer.items() if isinstance(each, Mapping) and name not in _NOT_A_PROVIDER]
    objects = {name: _provider_of(kind, name) for name in maps}
    known = {name: each for name, each in objects.items() if knows_provider(kind, each)}
    provider = _named(kind, outer, notes) or next((known[name] for name in known if outer[name]), DEFAULTS[kind])
    inner = [outer.pop(name) for name, each in objects.items() if each == provider]
    unused = [outer.pop(name) for name, each in known.items() if each != provider]
    if any(unused):
        notes.append("other_provider_left_out")
    return provider, _Left(notes, *inner, outer)


def _named(kind: Kind, outer: dict[str, object], notes: list[str]) -> str | None:
    """The provider that is named, taken out; what names none stays."""
    named = next((outer.pop(name) for name in _PROVIDER if _is_given(outer.get(name))), None)
    provider = _provider_of(kind, named) if isinstance(named, str) else ""
    if named is None or provider == named:
        return provider or None
    if not provider:
        outer["provider"] = named
    notes.append("provider_renamed" if provider else "provider_unreadable")
    return provider or _UNREADABLE


def _provider_of(kind: Kind, name: str) -> str:
    """The id for a name; empty for a name that makes none."""
    text = re.sub(r"[^a-z0-9_.-]+", "-", name.lower()).strip("-._")[:40].rstrip("-._")
    joined = re.sub("[-._]", "", text)
    ours = _OTHER_NAMES[kind].get(joined, joined)
    return ours if knows_provider(kind, ours) else text


def _put_right(voice: JsonValue, options: Config, notes: list[str]) -> tuple[JsonValue, Config]:
    """OpenAI's voice and format, which one front end sends in each other's place; their values tell."""
    audio = options.get("response_format")
    swapped = (voice in FORMATS and audio not in FORMATS) or (audio in OPENAI_VOICES and voice not in OPENAI_VOICES)
    if not swapped or not (audio is None or _is_text(audio, LONGEST_TEXT)):
        return voice, options
    notes.append("voice_and_format_swapped")
    others = {name: value for name, value in options.items() if name != "response_format"}
    return audio, others if voice is None else {**others, "response_format": voice}


def _speed(value: object, notes: list[str]) -> float:
    """0 is how an older form says normal."""
    speed = None if value == 0 else _within(SPEED, value, "speed", notes)
    return NORMAL_SPEED if speed is None else speed


def _within(limits: Range, value: object, name: str, notes: list[str]) -> float | None:
    """The number nearest to it within limits; None for what is no number."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        notes.append(f"{name}_unreadable")
        return None
    within = float(min(max(value, limits.minimum), limits.maximum))
    if within != value:
        notes.append(f"{name}_clamped")
    return within


def _phone_number(value: object) -> str | None:
    """E.164 from how people write it, `+44 (0)20 ...` too."""
    digits = re.sub(r"^00", "+", re.sub(r"\(0\)|[\s()-]", "", value)) if isinstance(value, str) else ""
    return digits if re.fullmatch(PHONE_NUMBER, digits) else None


def _moment(value: object) -> datetime | None:
    """A time in UTC, from epoch seconds, a date or ISO text."""
    with suppress(ValueError, OverflowError, OSError):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        if isinstance(found, datetime):
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return None


def _is_given(value: object) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())


def _is_text(value: object, longest: int) -> TypeGuard[str]:
    return isinstance(value, str) and value.strip() != "" and len(value) <= longest and _encodable(value) == value


def _encodable(text: str) -> str:
    """Without the halves of surrogate pairs, which no document can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
