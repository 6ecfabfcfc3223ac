"""Agents on the wire of older front ends: they come in any variant of facts/legacy.md 4.2, and go out in the last, E.

Keys come in, and only their masks go out.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from switchboard.agents.model import Holding
from switchboard.agents.schemas import AgentShown
from switchboard.configurations.model import e164
from switchboard.crypto import KeyRing
from switchboard.editing.schemas import AgentUpdate
from switchboard.legacy_agents.model import TEXTS, Fields, NameMissing, NumberMissing, Sent, read_sent
from switchboard.providers.model import GROUPS, LONGEST_TEXT, Kind

Found = tuple[str, Holding]  # what an agent is called, and the agent


def _described(schema: dict[str, Any]) -> None:
    """What is read is not what is sent."""
    groups = {group: {"type": "object"} for group in GROUPS.values()}
    texts = {name: {"type": "string"} for name in ("chatbot_api", "chatbot_key", "organization_id", *TEXTS)}
    description = "An agent in any of the variants A to E of facts/legacy.md 4.2."
    schema.clear()
    schema.update(title="AgentSent", type="object", description=description, properties={**texts, **groups})


class AgentSent(BaseModel):
    """An agent that was sent; `organization` is the id or name of its organization, if that was sent."""

    model_config = ConfigDict(hide_input_in_errors=True, json_schema_extra=_described)

    organization: Annotated[str | None, Field(max_length=LONGEST_TEXT)]
    update: AgentUpdate

    @model_validator(mode="before")
    @classmethod
    def _read(cls, sent: object) -> object:
        """Raises what `read_sent` does."""
        if not isinstance(sent, dict):
            return sent
        organization, fields = read_sent(sent)
        return {"organization": organization, "update": fields}

    @property
    def sent(self) -> Sent:
        return Sent(self.update.fields())


class NumberSent(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    phone_number: Annotated[str | None, Field(max_length=40)] = None

    @property
    def number(self) -> str:
        """In E.164; raises `NumberMissing`, `InvalidPhoneNumber`."""
        if not (self.phone_number or "").strip():
            raise NumberMissing
        return e164(str(self.phone_number))


Name = Annotated[str | None, Field(max_length=LONGEST_TEXT)]


class AgentNamed(BaseModel):
    """By whichever of these a front end says."""

    model_config = ConfigDict(hide_input_in_errors=True)

    agent_name: Name = None
    agentName: Name = None  # noqa: N815
    agent_id: Name = None
    agentId: Name = None  # noqa: N815

    @property
    def text(self) -> str:
        """Raises `NameMissing`."""
        found = self.agent_name or self.agentName or self.agent_id or self.agentId
        if not found:
            raise NameMissing
        return found


# What our fields are called in the object of a provider; the front ends misspell one of them.
_SPELLED: Final = {"cartesia": "cartesian"}
_NAMES: Final[dict[tuple[Kind, str], dict[str, str]]] = {
    ("speech", "cartesia"): {},
    ("speech", "elevenlabs"): {"tts_api_key": "api_key", "model": "model_id"},
    ("speech", "openai"): {"tts_api_key": "api_key", "voice_id": "voice"},
    ("recognition", "deepgram"): {},
    ("recognition", "openai"): {},
}


def shown(kind: Kind, config: Mapping[str, JsonValue]) -> Fields:
    """Our shape as variant E: an object named after the provider, and null for each of the others.

    OpenAI's voice and format stand where they belong; the page that exchanges them does so when it sends them, and
    they are put right then. A provider that the front ends have no object for is shown as we keep it.
    """
    provider = str(config["provider"])
    others: Fields = {_SPELLED.get(each, each): None for of, each in _NAMES if of == kind}
    names, options = _NAMES.get((kind, provider)), config["options"]
    plain = {name: value for name, value in config.items() if name not in ("provider", "options")}
    plain = {name: value or "" if name.endswith("_key") else value for name, value in plain.items()}
    if names is None or not isinstance(options, dict):
        return {"provider": provider, **others, **plain, "options": options}
    spelled = _SPELLED.get(provider, provider)
    inner = {names.get(name, name): value for name, value in plain.items()}
    return {"provider": spelled, **others, spelled: {**inner, **options}}


class AgentRecord(BaseModel):
    """An agent as older front ends read it: texts that are not set are empty, keys masks, times epoch seconds."""

    agent_prefix: str
    id: str
    name: str
    status: str
    organization_id: str
    phone_number: str | None
    chatbot_api: str
    chatbot_key: str
    initial_message: str
    nudge_text: str
    nudge_interval: int | None
    max_nudges: int | None
    typing_volume: float | None
    max_call_duration: int | None
    system_prompt: str
    model_provider: str
    model_name: str
    model_live_url: str
    tts_config: Fields
    stt_config: Fields
    created_at: float
    updated_at: float

    @classmethod
    def fields_of(cls, called: str, held: Holding, ring: KeyRing) -> dict[str, Any]:
        found = AgentShown.of(held, ring)
        content = {**found.model_dump(), **found.conversation.model_dump()}
        texts = {name: content[name] or "" for name in ("chatbot_api", "chatbot_key", *TEXTS)}
        same = {name: content[name] for name in cls.model_fields.keys() & content.keys()}
        return {
            **same,
            **texts,
            "agent_prefix": called,
            "id": found.agent_id,
            "organization_id": held.acting.org_id,
            "tts_config": shown("speech", content["tts_config"]),
            "stt_config": shown("recognition", content["stt_config"]),
            "created_at": found.created_at.timestamp(),
            "updated_at": found.updated_at.timestamp(),
        }

    @classmethod
    def of(cls, found: Found, ring: KeyRing) -> "AgentRecord":
        return cls(**cls.fields_of(*found, ring))


class RecordWithId(AgentRecord):
    agentId: str  # noqa: N815

    @classmethod
    def of(cls, found: Found, ring: KeyRing) -> "RecordWithId":
        return cls(agentId=found[0], **cls.fields_of(*found, ring))


class AgentMap(BaseModel):
    """Agents by what they are called."""

    status: Literal["success"] = "success"
    success: Literal[True] = True
    count: int
    agents: dict[str, AgentRecord]

    @classmethod
    def of(cls, found: Sequence[Found], ring: KeyRing) -> "AgentMap":
        return cls(count=len(found), agents=_mapped(found, ring))


class AgentRows(BaseModel):
    success: Literal[True] = True
    count: int
    agents: list[RecordWithId]

    @classmethod
    def of(cls, found: Sequence[Found], ring: KeyRing) -> "AgentRows":
        return cls(count=len(found), agents=[RecordWithId.of(each, ring) for each in found])


class AgentMapAndRows(BaseModel):
    """`agents` for those who read a map, `data` for those who read an array."""

    status: Literal["success"] = "success"
    success: Literal[True] = True
    message: str
    count: int
    agents: dict[str, AgentRecord]
    data: list[RecordWithId]

    @classmethod
    def of(cls, found: Sequence[Found], ring: KeyRing) -> "AgentMapAndRows":
        rows = [RecordWithId.of(each, ring) for each in found]
        return cls(message="Agents found", count=len(rows), agents=_mapped(found, ring), data=rows)


class AgentAnswer(BaseModel):
    """`agent` and `data` are the same: each is read by another front end."""

    success: Literal[True] = True
    message: str
    agent: RecordWithId
    data: RecordWithId

    @classmethod
    def of(cls, found: Found, ring: KeyRing, message: str) -> "AgentAnswer":
        row = RecordWithId.of(found, ring)
        return cls(message=message, agent=row, data=row)


class AgentItself(RecordWithId):
    """The agent, and once more under `agent`."""

    success: Literal[True] = True
    agent: RecordWithId

    @classmethod
    def of(cls, found: Found, ring: KeyRing) -> "AgentItself":
        row = RecordWithId.of(found, ring)
        return cls(**row.model_dump(), agent=row)


class DeletedAgent(BaseModel):
    agentId: str  # noqa: N815


class DeletionAnswer(BaseModel):
    status: Literal["success"] = "success"
    success: Literal[True] = True
    message: str
    data: DeletedAgent

    @classmethod
    def of(cls, called: str) -> "DeletionAnswer":
        return cls(message=f"Agent {called} deleted successfully", data=DeletedAgent(agentId=called))


class ActiveCalls(BaseModel):
    """Calls are carried by other services, so there are none to be seen here."""

    status: Literal["success"] = "success"
    success: Literal[True] = True
    active_calls: list[Fields] = []
    total_active_calls: int = 0
    timestamp: datetime


class Trunk(BaseModel):
    """An agent with a number: `name` is what it is called."""

    name: str
    numbers: list[str]


class TrunkList(BaseModel):
    trunks: list[Trunk]


class Trunks(TrunkList):
    """`data` for those who read the same one level deeper."""

    status: Literal["success"] = "success"
    success: Literal[True] = True
    data: TrunkList

    @classmethod
    def of(cls, found: Sequence[Found]) -> "Trunks":
        numbers = {called: held.agent.phone_number for called, held in found}
        trunks = [Trunk(name=called, numbers=[number]) for called, number in numbers.items() if number]
        return cls(trunks=trunks, data=TrunkList(trunks=trunks))


def _mapped(found: Sequence[Found], ring: KeyRing) -> dict[str, AgentRecord]:
    return {called: AgentRecord.of((called, held), ring) for called, held in found}
