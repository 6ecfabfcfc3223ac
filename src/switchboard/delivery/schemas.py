"""An effective configuration on the wire, keys included: for services alone."""

from datetime import datetime

import orjson
from pydantic import BaseModel, Field, JsonValue

from switchboard.configurations.model import Conversation
from switchboard.delivery.model import Delivery


class TtsRun(BaseModel):
    provider: str
    voice_id: str | None
    tts_api_key: str | None = Field(repr=False)
    model: str | None
    speed: float
    language: str | None
    options: dict[str, JsonValue]


class SttRun(BaseModel):
    provider: str
    api_key: str | None = Field(repr=False)
    model: str | None
    language: str | None
    options: dict[str, JsonValue]


class AgentRun(BaseModel):
    """All that it takes to run an agent. Keep it in memory only, and ask again with its ETag at each call."""

    agent_id: str
    status: str
    updated_at: datetime
    name: str
    phone_number: str | None
    chatbot_api: str | None
    chatbot_key: str | None = Field(repr=False)
    initial_message: str | None
    conversation: Conversation
    tts_config: TtsRun
    stt_config: SttRun


def body_of(delivery: Delivery) -> bytes | None:
    """`AgentRun` as JSON."""
    return None if delivery.content is None else orjson.dumps(delivery.content, option=orjson.OPT_UTC_Z)
