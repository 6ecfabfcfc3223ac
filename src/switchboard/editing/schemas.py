"""Agents as they are sent. Keys come in here, and never go out."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, JsonValue, SecretStr, StringConstraints

from switchboard.agents.schemas import STRICT, Name, Number, Options
from switchboard.providers.model import (
    CALL_DURATION,
    LONGEST_ADDRESS,
    LONGEST_GREETING,
    LONGEST_KEY,
    LONGEST_NUDGE,
    LONGEST_PROMPT,
    NUDGE_INTERVAL,
    NUDGES,
    SPEED,
    TYPING_VOLUME,
    Kind,
    ProviderId,
    Text,
    knows_provider,
)
from switchboard.variants.model import recognition, speech

Read = Callable[[object], Mapping[str, JsonValue]]


def _given(value: object) -> object:
    """Forms send what is empty as an empty text."""
    return None if isinstance(value, str) and not value.strip() else value


def _printable(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().isprintable():
        raise ValueError("must not hold line breaks or control characters")
    return value


Key = Annotated[
    Annotated[SecretStr, Field(max_length=LONGEST_KEY), AfterValidator(_printable)] | None, BeforeValidator(_given)
]
PhoneNumber = Annotated[Number | None, BeforeValidator(_given)]
Address = Annotated[Annotated[str, Field(max_length=LONGEST_ADDRESS)] | None, BeforeValidator(_given)]
Reason = Annotated[str | None, StringConstraints(strip_whitespace=True, max_length=500)]
Speed = Annotated[float, Field(ge=SPEED.minimum, le=SPEED.maximum)]


class ConversationSent(BaseModel):
    """`nudge_interval` and `max_call_duration` are in seconds."""

    model_config = STRICT

    nudge_text: Annotated[str | None, Field(max_length=LONGEST_NUDGE)] = None
    nudge_interval: Annotated[int | None, Field(ge=NUDGE_INTERVAL.minimum, le=NUDGE_INTERVAL.maximum)] = None
    max_nudges: Annotated[int | None, Field(ge=NUDGES.minimum, le=NUDGES.maximum)] = None
    typing_volume: Annotated[float | None, Field(ge=TYPING_VOLUME.minimum, le=TYPING_VOLUME.maximum)] = None
    max_call_duration: Annotated[int | None, Field(ge=CALL_DURATION.minimum, le=CALL_DURATION.maximum)] = None
    system_prompt: Annotated[str | None, Field(max_length=LONGEST_PROMPT)] = None
    model_provider: Text = None
    model_name: Text = None
    model_live_url: Annotated[str | None, Field(max_length=LONGEST_ADDRESS)] = None


def _known(kind: Kind, read: Read) -> BeforeValidator:
    """The id of a provider that we know, by whatever name; of another just what was sent."""

    def named(sent: object) -> object:
        found = read({"provider": sent})["provider"]
        return found if knows_provider(kind, str(found)) else sent

    return BeforeValidator(lambda sent: named(sent) if isinstance(sent, str) else sent)


class TtsSent(BaseModel):
    """`options` are the provider's own; GET /v1/catalogue describes them. Another provider takes its key anew."""

    model_config = STRICT

    provider: Annotated[ProviderId, _known("speech", speech)] = "cartesia"
    voice_id: Text = None
    tts_api_key: Key = None
    model: Text = None
    speed: Speed = 1.0
    language: Text = None
    options: Options = {}


class SttSent(BaseModel):
    """`options` are the provider's own; GET /v1/catalogue describes them. Another provider takes its key anew."""

    model_config = STRICT

    provider: Annotated[ProviderId, _known("recognition", recognition)] = "deepgram"
    api_key: Key = None
    model: Text = None
    language: Text = None
    options: Options = {}


def _in(shape: type[BaseModel], read: Read) -> BeforeValidator:
    """A variant of facts/legacy.md 4.2 is known by fields that are not ours, and by the provider it names or has an
    object for. It is sent whole, so defaults fill it; but what is null in it stays, keys first of all."""

    def as_ours(sent: object) -> object:
        if not isinstance(sent, dict):
            return sent
        others = [value for name, value in sent.items() if name not in shape.model_fields]
        told = "provider" in sent or any(isinstance(each, dict) for each in others)
        return {name: each for name, each in read(sent).items() if each is not None} if others and told else sent

    return BeforeValidator(as_ours)


Speech = Annotated[TtsSent, _in(TtsSent, speech)]
Recognition = Annotated[SttSent, _in(SttSent, recognition)]


class AgentUpdate(BaseModel):
    """The fields to set. Groups are merged; a key left out or sent as its mask stays, null takes it away."""

    model_config = STRICT

    name: Name = ""
    phone_number: PhoneNumber = Field(default=None, examples=["+493012345678"])
    chatbot_api: Address = Field(default=None, examples=["https://bot.northwind.example/chat"])
    chatbot_key: Key = None
    initial_message: Annotated[str | None, Field(max_length=LONGEST_GREETING)] = None
    conversation: ConversationSent = ConversationSent()
    tts_config: Speech = TtsSent()
    stt_config: Recognition = SttSent()
    reason: Reason = Field(default=None, description="Why, for the history")

    def fields(self) -> dict[str, Any]:
        """What was sent, and nothing else."""
        return self.model_dump(exclude_unset=True, exclude={"reason"})


class AgentCreate(AgentUpdate):
    """An agent begins inactive; GET its readiness to see what it lacks."""

    name: Name


class AgentCopy(BaseModel):
    model_config = STRICT

    name: Name | None = None
