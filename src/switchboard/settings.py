"""Settings, read from the environment and from a `.env` file; `.env.example` explains each of them.

A variable is its group and its field: `MONGODB_URI` is `settings.mongodb.uri`. Secrets have no defaults, and a
variable that starts like one of ours without being one refuses to start, so a typo is never silent.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from switchboard.errors import Misconfigured

# Others' variables that happen to start like ours.
FOREIGN = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CLOUD_", "GOOGLE_API_KEY", "GOOGLE_GENAI_", "SERVER_SOFTWARE")


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError("must be an http(s) address such as https://example.com")
    return value.rstrip("/")


def _not_empty(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("must not be empty")
    return value


def _pem(value: str) -> str:
    """A PEM in one line, with `\\n` written out, is how most environments carry it."""
    pem = value.replace("\\n", "\n").strip()
    if not pem.startswith("-----BEGIN PUBLIC KEY-----") or not pem.endswith("-----END PUBLIC KEY-----"):
        raise ValueError("must be the public key in PEM form (PropelAuth: Backend Integration, verifier key)")
    return pem


def _mongodb_uri(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("must start with mongodb:// or mongodb+srv://")
    return value


Address = Annotated[str, AfterValidator(_address)]
Secret = Annotated[SecretStr, AfterValidator(_not_empty)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class MongoSettings(Group):
    uri: Annotated[SecretStr, AfterValidator(_mongodb_uri)]
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,60}$")] = "switchboard"
    users_collection: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")] = "users"
    timeout: Seconds = 2.0


class PropelAuthSettings(Group):
    auth_url: Address
    api_key: Secret
    verifier_key: Annotated[str, AfterValidator(_pem)]
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
    poll_seconds: Annotated[int, Field(ge=10, le=86_400)] = 900
    stale_seconds: Annotated[int, Field(ge=10, le=604_800)] = 3600


class ServerSettings(Group):
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    front_end_address: Address
    cors_origins: tuple[Address, ...] = ()
    body_limit: Annotated[int, Field(ge=1024, le=16_000_000)] = 1_048_576
    documentation: bool = False


class LogSettings(Group):
    level: Literal["debug", "info", "warning", "error"] = "info"
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
    calendar: CalendarSettings = CalendarSettings()
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
    """A source without the variables of others that start like ours."""

    def __init__(self, source: PydanticBaseSettingsSource) -> None:
        super().__init__(source.settings_cls)
        self._source = source

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return self._source.get_field_value(field, field_name)

    def __call__(self) -> dict[str, Any]:
        return {name: self._without_foreign(name, value) for name, value in self._source().items()}

    @staticmethod
    def _without_foreign(group: str, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {key: item for key, item in value.items() if not f"{group}_{key}".upper().startswith(FOREIGN)}


def load_settings(env_file: str | None = ".env") -> Settings:
    """Read the settings, or raise `Misconfigured` with a line for each wrong variable; values are not shown."""
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        problems = [_sentence(details) for details in error.errors(include_input=False, include_url=False)]
        raise Misconfigured("\n".join(sorted({line for problem in problems for line in problem}))) from None


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


def _sentence(details: ErrorDetails) -> list[str]:
    location = [str(part) for part in details["loc"]]
    variable = "_".join(location[:2]).upper()
    if details["type"] == "missing":
        names = [variable] if len(location) > 1 else _required(location[0])
        return [f"{name} is missing.{_hint(name, os.environ)}" for name in names]
    if details["type"] == "extra_forbidden":
        return [f"{variable} is not a setting.{_hint(variable, variables())}"]
    reason = details["msg"].removeprefix("Value error, ").replace("Input should", "must").rstrip(".")
    return [f"{variable} {reason}."]


def _hint(name: str, candidates: Any) -> str:
    close = [found for found in difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.75) if found != name]
    return f" Did you mean {close[0]}?" if close else " .env.example explains it." if name in set(variables()) else ""
