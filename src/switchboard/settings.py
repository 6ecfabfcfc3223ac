"""Settings, read from the environment and from a `.env` file; `.env.example` explains each of them.

A variable is its group and its field: `MONGODB_URI` is `settings.mongodb.uri`. Secrets have no defaults, and a
variable that starts like one of ours without being one refuses to start, so a typo is never silent.
"""

import difflib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from switchboard.crypto import KeyRing
from switchboard.errors import Misconfigured
from switchboard.setting_values import (
    Address,
    Listed,
    Lowered,
    MongodbUri,
    Port,
    PublicKey,
    PushAddress,
    SealingKeys,
    Seconds,
    Secret,
    WebhookSecret,
)

# Others' variables that happen to start like ours.
FOREIGN = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_", "GOOGLE_API_KEY", "GOOGLE_GENAI_", "SERVER_SOFTWARE")

# Where pydantic's words for an input make no sentence about a variable.
REASONS = {
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "float_parsing": "must be a number",
    "finite_number": "must be a number",
    "bool_parsing": "must be true or false",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "has characters that are not allowed there, or is too long",
}


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class MongoSettings(Group):
    uri: MongodbUri
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")] = "switchboard"
    users_collection: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")] = "users"
    timeout: Seconds = 2.0


class PropelAuthSettings(Group):
    auth_url: Address
    api_key: Secret
    verifier_key: PublicKey
    webhook_secret: WebhookSecret
    api_address: Address = "https://propelauth-api.com"
    timeout: Seconds = 3.0


class GoogleSettings(Group):
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: Secret
    redirect_uri: Address
    authorization_address: Address = "https://accounts.google.com/o/oauth2/v2/auth"
    token_address: Address = "https://oauth2.googleapis.com/token"  # noqa: S105
    revoke_address: Address = "https://oauth2.googleapis.com/revoke"
    certificates_address: Address = "https://www.googleapis.com/oauth2/v1/certs"
    api_address: Address = "https://www.googleapis.com"
    timeout: Seconds = 20.0


class CalendarSettings(Group):
    past_days: Annotated[int, Field(ge=1, le=3650)] = 30
    future_days: Annotated[int, Field(ge=1, le=3650)] = 365
    page_size: Annotated[int, Field(ge=1, le=2500)] = 2500
    poll_seconds: Annotated[float, Field(ge=1, le=86_400)] = 300
    longest_poll_seconds: Annotated[float, Field(ge=1, le=86_400)] = 3600
    watched_poll_seconds: Annotated[float, Field(ge=1, le=86_400)] = 21_600
    stale_seconds: Annotated[int, Field(ge=10, le=604_800)] = 3600
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 6000
    person_requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 300
    push_address: PushAddress = ""


class ServerSettings(Group):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    front_end_address: Address
    cors_origins: Annotated[tuple[Address, ...], Listed] = ()
    body_limit: Annotated[int, Field(ge=1024, le=16_000_000)] = 1_048_576
    keep_alive: Annotated[int, Field(ge=1, le=3600)] = 75
    documentation: bool = False


class OrganizationSettings(Group):
    reconcile_seconds: Annotated[int, Field(ge=10, le=86_400)] = 300


class WorkerSettings(Group):
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = 0


class SealingSettings(Group):
    keys: SealingKeys

    @property
    def ring(self) -> KeyRing:
        return KeyRing.read(self.keys.get_secret_value())


class AgentSettings(Group):
    endpoint_ports: Annotated[tuple[Port, ...], Listed, Field(min_length=1)] = (443, 8443)
    endpoint_timeout: Seconds = 3.0


class LogSettings(Group):
    level: Annotated[Literal["debug", "info", "warning", "error"], Lowered] = "info"
    format: Literal["json", "console"] = "json"


class Settings(BaseSettings):
    """All groups. Build it with `load_settings()`, or in tests with `model_construct(mongodb=..., ...)`."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_nested_delimiter="_",
        env_nested_max_split=1,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    mongodb: MongoSettings
    propelauth: PropelAuthSettings
    google: GoogleSettings
    server: ServerSettings
    sealing: SealingSettings
    calendar: CalendarSettings = CalendarSettings()
    organization: OrganizationSettings = OrganizationSettings()
    worker: WorkerSettings = WorkerSettings()
    agent: AgentSettings = AgentSettings()
    log: LogSettings = LogSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, _Ours(env_settings), _Ours(dotenv_settings))


class _Ours(PydanticBaseSettingsSource):
    """The variables of a source by group and field, as texts. Those of others that start like ours are left out."""

    def __init__(self, source: PydanticBaseSettingsSource) -> None:
        super().__init__(source.settings_cls)
        self._texts: Mapping[str, str | None] = getattr(source, "env_vars", {})

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002
        return None, field_name, False  # each group is read as a whole, below

    def __call__(self) -> dict[str, Any]:
        groups: dict[str, Any] = {}
        for name, text in self._texts.items():
            group, found, field = name.lower().partition("_")
            if text and found and group in self.settings_cls.model_fields and not name.upper().startswith(FOREIGN):
                groups.setdefault(group, {})[field] = text
        return groups


def load_settings(env_file: str | None = ".env") -> Settings:
    """Read the settings, or raise `Misconfigured` with a line for each wrong variable; values are not shown."""
    names = {name.upper() for name, text in {**dotenv_values(env_file), **os.environ}.items() if text}
    problems = _misspelt(names)
    try:
        settings = Settings(_env_file=env_file)
    except ValidationError as error:
        for details in error.errors(include_input=False, include_url=False):
            problems |= set(_sentence(details, names))
    if problems:
        raise Misconfigured("\n".join(sorted(problems)))
    return settings


def variables() -> Iterator[str]:
    """Every variable that is read, such as MONGODB_URI."""
    for group, field in Settings.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from (f"{group}_{name}".upper() for name in annotation.model_fields)


def _required(group: str) -> list[str]:
    annotation = Settings.model_fields[group].annotation
    fields: Mapping[str, Any] = getattr(annotation, "model_fields", {})
    return [f"{group}_{name}".upper() for name, field in fields.items() if field.is_required()]


def _misspelt(names: set[str]) -> set[str]:
    """Variables that miss one of ours by a letter or two, when that one is not there."""
    required = {name for group in Settings.model_fields for name in _required(group)}  # these are said to be missing
    absent = set(variables()) - names - required
    strangers = [name for name in names if name.partition("_")[0].lower() not in Settings.model_fields]
    return {f"{name} is not a setting.{hint}" for name in strangers if (hint := _hint(name, absent, cutoff=0.9))}


def _sentence(details: ErrorDetails, names: set[str]) -> list[str]:
    location = [str(part) for part in details["loc"]]
    variable = "_".join(location[:2]).upper()
    if details["type"] == "missing":
        missing = [variable] if len(location) > 1 else _required(location[0])
        strangers = names - set(variables())
        return [f"{name} is missing.{_hint(name, strangers) or ' .env.example explains it.'}" for name in missing]
    if details["type"] == "extra_forbidden":
        return [f"{variable} is not a setting.{_hint(variable, variables())}"]
    message = details["msg"].removeprefix("Value error, ").replace("Input should", "must").rstrip(".")
    return [f"{variable} {REASONS.get(details['type'], message)}."]


def _hint(name: str, candidates: Iterable[str], cutoff: float = 0.75) -> str:
    close = difflib.get_close_matches(name, sorted(candidates), n=1, cutoff=cutoff)
    return f" Did you mean {close[0]}?" if close else ""
