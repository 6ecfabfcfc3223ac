"""The catalogue on the wire: every field of an agent as a form needs it, and what each provider adds.

The fields of options are read off their models, so that what is described is what is checked.
"""

from typing import Any

from pydantic import BaseModel

from switchboard.providers.model import (
    AGENT_FIELDS,
    CONVERSATION_FIELDS,
    DEFAULTS,
    GROUPS,
    KEYS,
    LONGEST_KEY,
    LONGEST_TEXT,
    MOST_OPTION_BYTES,
    MOST_OPTION_DEPTH,
    NORMAL_SPEED,
    PROVIDER_ID,
    PROVIDERS,
    SPEED,
    FieldKind,
    FormField,
    Kind,
    Options,
    Provider,
    Range,
)

_KINDS: dict[str, FieldKind] = {"number": "number", "boolean": "boolean", "string": "text"}


class FieldShown(BaseModel):
    """`path` is where the field stands in an agent, and how problems and the readiness report name it.

    Without what is `required` an agent is not activated. `choices` are suggestions unless `closed`. `minimum` and
    `maximum` are of a number, which is whole if `whole`; `longest` is how many characters a text or key may have.
    """

    path: str
    name: str
    title: str
    kind: FieldKind
    required: bool
    default: float | None
    choices: list[str]
    closed: bool
    minimum: float | None
    maximum: float | None
    whole: bool
    longest: int | None
    help: str

    @classmethod
    def of(cls, field: FormField, group: str = "") -> "FieldShown":
        low, high = field.limits or (None, None)
        return cls(
            path=f"{group}.{field.name}" if group else field.name,
            name=field.name,
            title=field.title,
            kind=field.kind,
            required=field.required,
            default=field.default,
            choices=list(field.choices),
            closed=field.closed,
            minimum=low,
            maximum=high,
            whole=field.whole,
            longest=field.longest,
            help=field.help,
        )


class ProviderShown(BaseModel):
    """`options` takes no others than these."""

    id: str
    title: str
    fields: list[FieldShown]
    options: list[FieldShown]

    @classmethod
    def of(cls, provider: Provider) -> "ProviderShown":
        group = GROUPS[provider.kind]
        return cls(
            id=provider.id,
            title=provider.title,
            fields=[FieldShown.of(field, group) for field in own_fields(provider.kind, provider)],
            options=[FieldShown.of(field, f"{group}.options") for field in option_fields(provider.options)],
        )


class OtherProvider(BaseModel):
    """A provider that is not listed: its id matches `id_pattern`, its `options` are any JSON object within bounds."""

    id_pattern: str
    fields: list[FieldShown]
    most_option_bytes: int
    most_option_depth: int


class ProvidersShown(BaseModel):
    """`default` is who it is when none is named."""

    default: str
    providers: list[ProviderShown]
    other: OtherProvider

    @classmethod
    def of(cls, kind: Kind) -> "ProvidersShown":
        other = OtherProvider(
            id_pattern=PROVIDER_ID,
            fields=[FieldShown.of(field, GROUPS[kind]) for field in own_fields(kind)],
            most_option_bytes=MOST_OPTION_BYTES,
            most_option_depth=MOST_OPTION_DEPTH,
        )
        return cls(
            default=DEFAULTS[kind],
            providers=[ProviderShown.of(provider) for provider in PROVIDERS if provider.kind == kind],
            other=other,
        )


class Catalogue(BaseModel):
    """What a form for an agent is drawn from."""

    agent: list[FieldShown]
    conversation: list[FieldShown]
    speech: ProvidersShown
    recognition: ProvidersShown

    @classmethod
    def whole(cls) -> "Catalogue":
        return cls(
            agent=[FieldShown.of(field) for field in AGENT_FIELDS],
            conversation=[FieldShown.of(field, "conversation") for field in CONVERSATION_FIELDS],
            speech=ProvidersShown.of("speech"),
            recognition=ProvidersShown.of("recognition"),
        )


def own_fields(kind: Kind, provider: Provider | None = None) -> list[FormField]:
    """The fields that every provider has, with what is known of this one as suggestions."""
    voice = _suggesting("voice_id", "Voice", provider.voices if provider else ())
    key = FormField(KEYS[kind], "Key", "secret", required=True, longest=LONGEST_KEY, help="Stored sealed, never shown")
    model = _suggesting("model", "Model", provider.models if provider else ())
    speed = FormField("speed", "Speed", "number", default=NORMAL_SPEED, limits=SPEED)
    language = FormField("language", "Language", longest=LONGEST_TEXT, help="A code such as en or de")
    return [voice, key, model, speed, language] if kind == "speech" else [key, model, language]


def option_fields(options: type[Options]) -> list[FormField]:
    """The fields of the options, from the JSON Schema of their model."""
    described = options.model_json_schema()["properties"]
    return [_option_field(name, {**schema, **schema["anyOf"][0]}) for name, schema in described.items()]


def _option_field(name: str, schema: dict[str, Any]) -> FormField:
    closed = "enum" in schema
    choices = tuple(schema.get("enum", schema.get("examples", ())))
    return FormField(
        name,
        name.replace("_", " ").capitalize(),
        "choice" if choices else _KINDS[schema["type"]],
        choices=choices,
        closed=closed,
        limits=Range(schema["minimum"], schema["maximum"]) if "minimum" in schema else None,
        longest=schema.get("maxLength"),
        help=schema.get("description", ""),
    )


def _suggesting(name: str, title: str, choices: tuple[str, ...]) -> FormField:
    kind: FieldKind = "choice" if choices else "text"
    return FormField(name, title, kind, required=True, choices=choices, longest=LONGEST_TEXT)
