"""An agent's configuration, and what may become of it by one change. Its secrets are sealed wherever it is kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import phonenumbers
from pydantic import BaseModel, Field, JsonValue, SecretStr

from switchboard.annotations import SEALED
from switchboard.crypto import CannotOpen, KeyRing, Place, is_sealed
from switchboard.errors import Invalid
from switchboard.providers.model import GROUPS as PROVIDER_GROUPS
from switchboard.providers.model import PHONE_NUMBER, Kind, SttConfig, TtsConfig, check_options, knows_provider

MASK: Final = "••••••••"
SHOWN: Final = 4  # last characters, of secrets that are long enough to hide the rest
LONG_ENOUGH: Final = 12
MASKED: Final = re.compile(r"[•●]|^\s*\*{3}")

# Each secret, and the collection that keeps it; the place a value is sealed for.
SECRETS: Final = {
    "chatbot_key": "agents",
    "tts_config.tts_api_key": "agent_configurations",
    "stt_config.api_key": "agent_configurations",
}
GROUPS: Final = ("conversation", "tts_config", "stt_config")
POSSIBLE: Final = phonenumbers.ValidationResult.IS_POSSIBLE


class InvalidPhoneNumber(Invalid):
    code = "invalid_phone_number"
    message = "This is not a phone number with its country code, such as +49 30 1234567."


class MaskAsSecret(Invalid):
    code = "mask_as_secret"
    message = "This looks like the mask of a key, and not like a key. Send the key itself, or leave the field out."


class KeyNeededAgain(Invalid):
    code = "key_needed_again"
    message = "A key goes only where it was entered for. Send the key for the new place with this change, or null."


class Conversation(BaseModel):
    """How an agent talks. `nudge_interval` and `max_call_duration` are in seconds."""

    nudge_text: str | None = None
    nudge_interval: int | None = None
    max_nudges: int | None = None
    typing_volume: float | None = None
    max_call_duration: int | None = None
    system_prompt: str | None = None
    model_provider: str | None = None
    model_name: str | None = None
    model_live_url: str | None = None


@dataclass(frozen=True)
class Safe:
    """Seals and opens the secrets of one agent."""

    ring: KeyRing
    agent_id: str

    def seal(self, path: str, secret: str) -> str:
        return self.ring.seal(secret, self._place(path))

    def open(self, path: str, kept: str) -> str:
        """The secret; raises `CannotOpen`. One that was stored plain, by an older program, is read as it is."""
        return self.ring.open(kept, self._place(path)) if is_sealed(kept) else kept

    def mask(self, path: str, kept: str | None) -> str | None:
        """What may be shown of it: that there is one, and its end. None when there is none."""
        if kept is None:
            return None
        secret = self.readable(path, kept) or ""
        return MASK + (secret[-SHOWN:] if len(secret) >= LONG_ENOUGH else "")

    def readable(self, path: str, kept: str | None) -> str | None:
        """The secret, None when there is none or it cannot be opened."""
        try:
            return None if kept is None else self.open(path, kept)
        except CannotOpen:
            return None

    def renewed(self, path: str, kept: str | None) -> str | None:
        """The same secret under the newest key. What cannot be opened stays as it is."""
        if kept is None or (is_sealed(kept) and not self.ring.is_old(kept)):
            return kept
        secret = self.readable(path, kept)
        return kept if secret is None else self.seal(path, secret)

    def same(self, path: str, one: str | None, other: str | None) -> bool:
        """Whether two kept values are the same secret; each seal looks different."""
        secret = self.readable(path, one)
        return one == other or (secret is not None and secret == self.readable(path, other))

    def _place(self, path: str) -> Place:
        return Place(SECRETS[path], self.agent_id, path)


class Configuration(BaseModel):
    """The secrets (`SECRETS`) are as they are kept: sealed."""

    name: str
    phone_number: str | None = None
    chatbot_api: str | None = None
    chatbot_key: Annotated[str | None, SEALED] = Field(default=None, repr=False)
    initial_message: str | None = None
    conversation: Conversation = Conversation()
    tts_config: TtsConfig = TtsConfig()
    stt_config: SttConfig = SttConfig()

    @property
    def content(self) -> dict[str, Any]:
        return self.model_dump(include=set(Configuration.model_fields))

    @property
    def secrets(self) -> dict[str, str | None]:
        """The kept secrets by their paths."""
        return {
            "chatbot_key": self.chatbot_key,
            "tts_config.tts_api_key": self.tts_config.tts_api_key,
            "stt_config.api_key": self.stt_config.api_key,
        }

    def changed(self, changes: Mapping[str, Any], safe: Safe) -> "Configuration":
        """The configuration with these fields set; groups are merged, secrets sealed.

        A secret that is the mask shown for it stays as it is. Raises `MaskAsSecret` for any other mask,
        `KeyNeededAgain` when a key would go to another host or provider than before, `InvalidOptions`.
        """
        after = self.content
        for name, value in changes.items():
            after[name] = {**self._group(name, value), **value} if name in GROUPS else value
        for path, kept in self.secrets.items():
            _put(after, path, self._secret(path, kept, _at(after, path), safe))
        for kind, group in PROVIDER_GROUPS.items():
            if changes.get(group, {}).keys() & {"provider", "options"}:
                after[group]["options"] = check_options(kind, after[group]["provider"], after[group]["options"])
        changed = Configuration.model_validate(after)
        self._check_places(changed)
        return changed

    def _group(self, name: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """What a group's fields are merged into; another provider starts anew, but for the key, which is looked at."""
        before: dict[str, Any] = self.content[name]
        if value.get("provider", before.get("provider")) == before.get("provider"):
            return before
        new = (TtsConfig if name == "tts_config" else SttConfig)().model_dump()
        return {**new, **{key: before[key] for key in ("tts_api_key", "api_key") if key in before}}

    def _secret(self, path: str, kept: str | None, given: SecretStr | str | None, safe: Safe) -> str | None:
        if not isinstance(given, SecretStr):  # what is kept, or None
            return given
        text = given.get_secret_value()
        if kept is not None and text == safe.mask(path, kept):
            return kept
        if MASKED.search(text):
            raise MaskAsSecret(fields={path: MaskAsSecret.message})
        return safe.seal(path, text)

    def _check_places(self, after: "Configuration") -> None:
        """Raise `KeyNeededAgain` if a key that stays is for another place now."""
        for path, kept in self.secrets.items():
            stays = kept is not None and after.secrets[path] == kept
            if stays and self._goes_to(path) != after._goes_to(path):
                raise KeyNeededAgain(fields={path: KeyNeededAgain.message})

    def _goes_to(self, path: str) -> object:
        """Options of a provider that we do not know may well say where it is."""
        if path == "chatbot_key":
            return host_of(self.chatbot_api)
        kind: Kind = "speech" if path.startswith("tts_config") else "recognition"
        config = self.tts_config if kind == "speech" else self.stt_config
        return config.provider, None if knows_provider(kind, config.provider) else config.options

    def renewed(self, safe: Safe) -> "Configuration":
        """The same under the newest key, so that no write brings an older one back."""
        content = self.content
        for path, kept in self.secrets.items():
            _put(content, path, safe.renewed(path, kept))
        return Configuration.model_validate(content)

    def resealed(self, before: Safe, after: Safe) -> "Configuration":
        """The same for another agent, without what cannot be opened."""
        content = self.content
        for path, kept in self.secrets.items():
            secret = before.readable(path, kept)
            _put(content, path, None if secret is None else after.seal(path, secret))
        return Configuration.model_validate(content)

    def without_secrets(self) -> "Configuration":
        content = self.content
        for path in SECRETS:
            _put(content, path, None)
        return Configuration.model_validate(content)

    def opened(self, safe: Safe) -> dict[str, Any]:
        """The content with its secrets readable, for services that run the agent. Raises `CannotOpen`."""
        content = self.content
        for path, kept in self.secrets.items():
            _put(content, path, None if kept is None else safe.open(path, kept))
        return content

    def masked(self, safe: Safe) -> dict[str, Any]:
        """The content with masks for secrets."""
        content = self.content
        for path, kept in self.secrets.items():
            _put(content, path, safe.mask(path, kept))
        return content

    def differences(self, after: "Configuration", safe: Safe) -> dict[str, tuple[JsonValue, JsonValue]]:
        """What differs, by the path of the field, as it was and as it is; secrets by their masks."""
        was, is_ = _flat(self.masked(safe)), _flat(after.masked(safe))
        same = {path for path in SECRETS if safe.same(path, self.secrets[path], after.secrets[path])}
        paths = [path for path in {**was, **is_} if path not in SECRETS and was.get(path) != is_.get(path)]
        paths += [path for path in SECRETS if path not in same]
        return {path: (was.get(path), is_.get(path)) for path in paths}


def e164(text: str) -> str:
    """A phone number in E.164 (ITU-T), from any way to write it with its country code.

    Raises `InvalidPhoneNumber`. New ranges come faster than tables of them, so a possible number is enough, if it can
    be called from everywhere.
    """
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        number = None
    if number is not None and not number.extension and phonenumbers.is_possible_number_with_reason(number) == POSSIBLE:
        found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if re.fullmatch(PHONE_NUMBER, found):  # its tables of some countries allow more digits than the standard
            return found
    raise InvalidPhoneNumber(fields={"phone_number": InvalidPhoneNumber.message})


def host_of(address: str | None) -> object:
    """Where an address leads: the same for two addresses of the same scheme, host and port."""
    try:
        parts = urlsplit(address or "")
        return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or 443
    except ValueError:  # another program stored it
        return address


def _at(content: Mapping[str, Any], path: str) -> Any:
    group, _, name = path.rpartition(".")
    return (content[group] if group else content)[name]


def _put(content: dict[str, Any], path: str, value: str | None) -> None:
    group, _, name = path.rpartition(".")
    if group:
        content[group] = {**content[group], name: value}
    else:
        content[name] = value


def _flat(content: Mapping[str, Any], prefix: str = "", depth: int = 2) -> dict[str, Any]:
    """Fields by their dotted paths: those of groups, and options one by one, each as a whole."""
    found: dict[str, Any] = {}
    for name, value in content.items():
        inside = isinstance(value, Mapping) and depth > 0
        found.update(_flat(value, f"{prefix}{name}.", depth - 1) if inside else {prefix + name: value})
    return found
