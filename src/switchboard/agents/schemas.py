"""Agents on the wire. Keys come in, and only their masks go out."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from switchboard.agents.documents import AgentsAsked
from switchboard.agents.model import Access, Agent, Holding, Status
from switchboard.clients.endpoint_connections import Probe, State
from switchboard.configurations.model import Configuration, Conversation, Safe, e164
from switchboard.crypto import KeyRing
from switchboard.http.paging import Cursor, Limit, decode_place, encode_place
from switchboard.mongo import Place
from switchboard.providers.model import LONGEST_NAME
from switchboard.readiness.model import Report, Severity

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME)]
Number = Annotated[str, Field(max_length=40), AfterValidator(e164)]
AskedNumber = Annotated[str, Field(max_length=40), AfterValidator(lambda asked: e164(f"+{asked.strip().lstrip('+')}"))]
Options = dict[str, JsonValue]
STRICT: Final = ConfigDict(extra="forbid", hide_input_in_errors=True)


class TtsShown(BaseModel):
    provider: str
    voice_id: str | None
    tts_api_key: str | None
    model: str | None
    speed: float
    language: str | None
    options: Options


class SttShown(BaseModel):
    provider: str
    api_key: str | None
    model: str | None
    language: str | None
    options: Options


class ConfigurationShown(BaseModel):
    """Keys are masks with their last four characters; null where there is none, or none of this organization's."""

    name: str
    phone_number: str | None
    chatbot_api: str | None
    chatbot_key: str | None
    initial_message: str | None
    conversation: Conversation
    tts_config: TtsShown
    stt_config: SttShown


class AgentShown(ConfigurationShown):
    """`access` is what the organization may do: it owns the agent, or was given it to edit or to use.

    `ready` is what was found out at the last change.
    """

    agent_id: str
    status: Status
    access: Access
    ready: bool
    revision: int
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, held: Holding, ring: KeyRing) -> "AgentShown":
        content: Configuration = held.shared_content() if held.access == "use" else held.configuration
        shown = content.masked(Safe(ring, held.agent.agent_id))
        agent = held.agent.model_dump(include=_OF_AGENT)
        return cls.model_validate({**shown, **agent, "access": held.access})


_OF_AGENT: Final = {"agent_id", "status", "ready", "revision", "created_at", "updated_at"}


class AgentRow(BaseModel):
    """`etag` goes into If-Match."""

    agent_id: str
    name: str
    phone_number: str | None
    status: Status
    access: Access
    ready: bool
    etag: str
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, agent: Agent, access: Access) -> "AgentRow":
        shown = agent.model_dump(include=set(cls.model_fields) - {"etag"})
        return cls(**shown, access=access, etag=agent.etag_for(access))


class AgentList(BaseModel):
    """A row an agent, the newest first. `next_cursor` is null on the last page."""

    agents: list[AgentRow]
    next_cursor: str | None

    @classmethod
    def of(cls, agents: Sequence[tuple[Agent, Access]], more: Place | None) -> "AgentList":
        rows = [AgentRow.of(agent, access) for agent, access in agents]
        return cls(agents=rows, next_cursor=encode_place(*more) if more else None)


class AgentsQuery(BaseModel):
    """Without `status`: all but the deleted ones. `name` is a part of it, in any case."""

    model_config = STRICT

    status: Status | None = None
    name: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00]+$")
    number: AskedNumber | None = Field(default=None, description="E.164; the + may be encoded, or left out")
    ready: bool | None = None
    cursor: Cursor = None
    limit: Limit = 100

    def asked(self) -> AgentsAsked:
        """Raises `InvalidCursor`."""
        place = decode_place(self.cursor)
        return AgentsAsked(self.status, self.name, self.number, self.ready, place, self.limit)


class FindingShown(BaseModel):
    code: str
    severity: Severity
    field: str
    message: str
    fix: str


class ReadinessShown(BaseModel):
    """Without errors among its findings an agent can be activated."""

    ready: bool
    findings: list[FindingShown]

    @classmethod
    def of(cls, report: Report) -> "ReadinessShown":
        return cls(ready=report.ready, findings=[FindingShown(**vars(each)) for each in report.findings])


PROBED: Final[dict[State, str]] = {
    "answers": "It answers.",
    "redirects": "It leads elsewhere. Enter the address that it leads to: redirects are not followed.",
    "refused": "The address is not allowed: it must be https and lead to the public internet.",
    "unresolved": "The name of its host has no address right now. Check its spelling and its DNS entry.",
    "certificate": "It has no certificate that is valid for the name of its host.",
    "unreachable": "It does not answer in time, or not in HTTP.",
}


class ProbeShown(BaseModel):
    """What became of a call without a key. `status` is that of its answer, whatever it is; null when there was none."""

    state: State
    status: int | None
    message: str

    @classmethod
    def of(cls, probe: Probe) -> "ProbeShown":
        return cls(state=probe.state, status=probe.status, message=PROBED[probe.state])
