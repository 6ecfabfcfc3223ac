"""What is known of the providers of speech and recognition, as data, and the two configurations that name one.

Any other provider may be named too: services that run agents may know it. Limits stand here once, for whoever checks
or describes a field.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NamedTuple, get_args

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, StringConstraints, ValidationError

from switchboard.annotations import SEALED
from switchboard.errors import Invalid

Kind = Literal["speech", "recognition"]
FieldKind = Literal["text", "number", "boolean", "choice", "secret"]


class Range(NamedTuple):
    minimum: float
    maximum: float


# Lengths are in characters.
LONGEST_NAME: Final = 200
LONGEST_NUMBER: Final = 16
LONGEST_ADDRESS: Final = 2_048
LONGEST_KEY: Final = 4_096
LONGEST_KEPT_KEY: Final = 8 * LONGEST_KEY  # sealed it is longer: four bytes a character, then base64
LONGEST_GREETING: Final = 10_000
LONGEST_NUDGE: Final = 2_000
LONGEST_PROMPT: Final = 100_000
LONGEST_TEXT: Final = 200  # of whatever names something at a vendor: a voice, a model, a language
PHONE_NUMBER: Final = r"^\+[1-9][0-9]{6,14}$"  # E.164
PROVIDER_ID: Final = r"^[a-z0-9][a-z0-9_.-]{0,39}$"
SPEED: Final = Range(0.5, 2.0)
NORMAL_SPEED: Final = 1.0
NUDGE_INTERVAL: Final = Range(1, 3_600)
NUDGES: Final = Range(0, 100)
TYPING_VOLUME: Final = Range(0.0, 1.0)
CALL_DURATION: Final = Range(1, 86_400)
MOST_OPTION_BYTES: Final = 16 * 1_024
MOST_OPTION_DEPTH: Final = 5

Format = Literal["mp3", "opus", "aac", "flac"]
FORMATS: Final[tuple[str, ...]] = get_args(Format)
OPENAI_VOICES: Final = (
    *("alloy", "echo", "fable", "onyx", "nova", "shimmer"),
    *("ash", "ballad", "coral", "sage", "verse"),
)

DEFAULTS: Final[dict[Kind, str]] = {"speech": "cartesia", "recognition": "deepgram"}
GROUPS: Final[dict[Kind, str]] = {"speech": "tts_config", "recognition": "stt_config"}
KEYS: Final[dict[Kind, str]] = {"speech": "tts_api_key", "recognition": "api_key"}
_SECRET_ENDINGS: Final = ("key", "token", "passwd", "pwd", "auth", "authorization", "bearer", "jwt")  # not max_tokens
_SECRET_PARTS: Final = (
    "apikey",
    "accesskey",
    "accesstoken",
    "privatekey",
    "secret",
    "password",
    "passphrase",
    "credential",
)


class InvalidOptions(Invalid):
    code = "invalid_options"
    message = "The options do not fit the provider: see errors."


def _given(value: object) -> object:
    """A text of nothing is how forms leave a field empty."""
    return None if isinstance(value, str) and not value.strip() else value


ProviderId = Annotated[str, StringConstraints(pattern=PROVIDER_ID)]
Text = Annotated[Annotated[str, Field(max_length=LONGEST_TEXT)] | None, BeforeValidator(_given)]
Key = Annotated[Annotated[str, Field(max_length=LONGEST_KEPT_KEY)] | None, BeforeValidator(_given), Field(repr=False)]


class TtsConfig(BaseModel):
    """How an agent speaks. The key is any text, so that it may be a sealed one."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    provider: ProviderId = DEFAULTS["speech"]
    voice_id: Text = None
    tts_api_key: Annotated[Key, SEALED] = None
    model: Text = None
    speed: float = Field(default=NORMAL_SPEED, ge=SPEED.minimum, le=SPEED.maximum, strict=True)
    language: Text = None
    options: dict[str, JsonValue] = {}


class SttConfig(BaseModel):
    """How an agent hears. The key is any text, so that it may be a sealed one."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    provider: ProviderId = DEFAULTS["recognition"]
    api_key: Annotated[Key, SEALED] = None
    model: Text = None
    language: Text = None
    options: dict[str, JsonValue] = {}


class Options(BaseModel):
    """What a provider takes beside the fields that all of them have: none, unless a subclass says so."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, hide_input_in_errors=True)


class CartesiaOptions(Options):
    gender: Text = Field(default=None, description="Of the voice, where it has several", examples=["female", "male"])


class ElevenLabsOptions(Options):
    stability: float | None = Field(default=None, ge=0, le=1, description="Higher is steadier, lower livelier")
    similarity_boost: float | None = Field(default=None, ge=0, le=1, description="How close to the original voice")


class OpenAISpeechOptions(Options):
    response_format: Format | None = Field(default=None, description="Of the audio")
    quality: Literal["standard", "hd"] | None = None


class DeepgramOptions(Options):
    punctuate: bool | None = Field(default=None, description="Add punctuation and capital letters")
    smart_format: bool | None = Field(default=None, description="Write dates, numbers and the like as people do")
    interim_results: bool | None = Field(default=None, description="Send what is understood so far, too")


@dataclass(frozen=True)
class FormField:
    """A field as a form shows it. Without what is `required` an agent is not activated.

    `choices` are suggestions unless `closed`; a number is whole if `whole`; `longest` is in characters.
    """

    name: str
    title: str
    kind: FieldKind = "text"
    required: bool = False
    default: float | None = None
    choices: tuple[str, ...] = ()
    closed: bool = False
    limits: Range | None = None
    whole: bool = False
    longest: int | None = None
    help: str = ""


AGENT_FIELDS: Final = (
    FormField("name", "Name", required=True, longest=LONGEST_NAME),
    FormField("phone_number", "Phone number", required=True, longest=LONGEST_NUMBER, help="E.164, as +493012345"),
    FormField("chatbot_api", "Chatbot address", required=True, longest=LONGEST_ADDRESS, help="https, on the internet"),
    FormField("chatbot_key", "Chatbot key", "secret", required=True, longest=LONGEST_KEY),
    FormField("initial_message", "Greeting", longest=LONGEST_GREETING, help="What the agent says first"),
)
CONVERSATION_FIELDS: Final = (
    FormField("nudge_text", "Nudge", longest=LONGEST_NUDGE, help="Said to a caller who is silent"),
    FormField("nudge_interval", "Seconds of silence before a nudge", "number", whole=True, limits=NUDGE_INTERVAL),
    FormField("max_nudges", "Most nudges in a call", "number", whole=True, limits=NUDGES),
    FormField("typing_volume", "Volume of typing sounds", "number", limits=TYPING_VOLUME),
    FormField("max_call_duration", "Longest call in seconds", "number", whole=True, limits=CALL_DURATION),
    FormField("system_prompt", "System prompt", longest=LONGEST_PROMPT),
    FormField("model_provider", "Provider of the language model", longest=LONGEST_TEXT),
    FormField("model_name", "Language model", longest=LONGEST_TEXT),
    FormField("model_live_url", "Address of the live model", longest=LONGEST_ADDRESS),
)


@dataclass(frozen=True)
class Provider:
    """`models` and `voices` are those we know of. Where no voices are listed, each customer has their own."""

    kind: Kind
    id: str
    title: str
    options: type[Options]
    models: tuple[str, ...]
    voices: tuple[str, ...] = ()


CARTESIA_MODELS: Final = ("sonic-2", "sonic-2.5", "sonic-english", "sonic-hindi", "sonic-spanish")
ELEVENLABS_MODELS: Final = ("eleven_multilingual_v2", "eleven_turbo_v2_5", "eleven_flash_v2_5")
OPENAI_SPEECH_MODELS: Final = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
DEEPGRAM_MODELS: Final = ("nova-3", "nova-2", "enhanced")
OPENAI_RECOGNITION_MODELS: Final = ("whisper-1", "gpt-4o-mini-transcribe", "gpt-4o-transcribe")
PROVIDERS: Final = (
    Provider("speech", "cartesia", "Cartesia", CartesiaOptions, CARTESIA_MODELS),
    Provider("speech", "elevenlabs", "ElevenLabs", ElevenLabsOptions, ELEVENLABS_MODELS),
    Provider("speech", "openai", "OpenAI", OpenAISpeechOptions, OPENAI_SPEECH_MODELS, OPENAI_VOICES),
    Provider("recognition", "deepgram", "Deepgram", DeepgramOptions, DEEPGRAM_MODELS),
    Provider("recognition", "openai", "OpenAI", Options, OPENAI_RECOGNITION_MODELS),
)


def find_provider(kind: Kind, provider: object) -> Provider | None:
    return next((each for each in PROVIDERS if each.kind == kind and each.id == provider), None)


def knows_provider(kind: Kind, provider: str) -> bool:
    return find_provider(kind, provider) is not None


def knows_model(kind: Kind, provider: str, model: str) -> bool:
    """Whether this is a model we know of, of a provider we know of. Others may exist."""
    found = find_provider(kind, provider)
    return found is not None and model in found.models


def knows_voice(provider: str, voice_id: str) -> bool:
    """False only for a provider whose voices are listed, without this one."""
    found = find_provider("speech", provider)
    return found is None or not found.voices or voice_id in found.voices


def check_options(kind: Kind, provider: str, options: Mapping[str, JsonValue] | None) -> dict[str, JsonValue]:
    """The options as they may be kept, without those that are null. Raises `InvalidOptions`, its fields by their paths.

    A provider we know takes its own options. Any other takes any, but small and flat ones, and none that is a key.
    """
    if options is not None and not isinstance(options, Mapping):
        raise InvalidOptions(fields={f"{GROUPS[kind]}.options": "Options are a JSON object."})
    known = find_provider(kind, provider)
    return _known_options(known, options or {}) if known else _any_options(kind, options or {})


def looks_secret(name: str) -> bool:
    """Whether what has this name is a secret, however the name is spelled: `api_key`, `Api-Key`, `xiAPIKey2`."""
    folded = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name)).casefold()
    return folded.rstrip("0123456789").endswith(_SECRET_ENDINGS) or any(part in folded for part in _SECRET_PARTS)


def _known_options(provider: Provider, options: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        return provider.options.model_validate(dict(options)).model_dump(exclude_none=True)
    except ValidationError as error:
        place = f"{GROUPS[provider.kind]}.options"
        fields = {}
        for each in error.errors(include_url=False, include_input=False, include_context=False):
            if each["type"] == "extra_forbidden":
                fields[place] = f"{provider.title} takes {_listed(provider)} here. A key has its own field."
            else:
                fields[f"{place}.{each['loc'][0]}"] = re.sub(r"^\w+ should", "Must", each["msg"]) + "."
        raise InvalidOptions(fields=fields) from None


def _listed(provider: Provider) -> str:
    names = ", ".join(provider.options.model_fields)
    return f"no options but {names}" if names else "no options"


def _any_options(kind: Kind, options: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    reason = _unfit(options)
    if any(looks_secret(name) for name, _ in _walk(options)):
        reason = f"Options are shown to readers. A key belongs in {GROUPS[kind]}.{KEYS[kind]}, where it is sealed."
    if reason:
        raise InvalidOptions(fields={f"{GROUPS[kind]}.options": reason})
    return {name: value for name, value in options.items() if value is not None}


def _unfit(options: Mapping[str, JsonValue]) -> str:
    """Why options can't be kept; empty when they can."""
    if any(depth > MOST_OPTION_DEPTH for _, depth in _walk(options)):
        return f"Options are nested {MOST_OPTION_DEPTH} levels at most."
    if any(name.startswith("$") for name, _ in _walk(options)):
        return "The name of an option does not begin with $."
    try:
        size = len(orjson.dumps(options))
    except TypeError:
        return "Options are plain JSON."
    return f"Options are {MOST_OPTION_BYTES:,} bytes of JSON at most." if size > MOST_OPTION_BYTES else ""


def _walk(options: JsonValue | Mapping[str, JsonValue]) -> Iterator[tuple[str, int]]:
    """Every name inside and how deep it stands, from 1; an item of a list has an empty name."""
    waiting: list[tuple[object, int]] = [(options, 1)]
    while waiting:
        value, depth = waiting.pop()
        inside = value.items() if isinstance(value, Mapping) else [("", each) for each in _items(value)]
        for name, each in inside:
            yield name, depth
            waiting.append((each, depth + 1))


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) else []
