"""An agent, the organizations that have it, and its revisions: states, rights and rules, with no I/O."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal
from uuid import uuid4

from pydantic import BaseModel, Field, ValidationError, WrapValidator

from switchboard.annotations import SEALED, Reference
from switchboard.audit.model import Action, Actor, AuditEntry, Target, new_entry
from switchboard.changes.model import AgentChange, Kind, new_change
from switchboard.configurations.model import Configuration, Conversation
from switchboard.errors import Conflict, Forbidden, Gone, NotFound
from switchboard.organizations.model import Acting
from switchboard.providers.model import SttConfig, TtsConfig
from switchboard.variants.model import recognition, speech

Status = Literal["active", "inactive", "deleted"]
Access = Literal["owner", "edit", "use"]
CONFIGURED: Final = frozenset({"conversation", "tts_config", "stt_config"})  # kept beside the agent, not in it


class AgentNotFound(NotFound):
    code = "agent_not_found"
    message = "There is no such agent, or your organization does not have it."


class AgentDeleted(Gone):
    code = "agent_deleted"
    message = "This agent was deleted. Its organization can restore it."


class PhoneNumberTaken(Conflict):
    code = "phone_number_taken"
    message = "This phone number is in use by an agent. Choose another, or take it away from that agent first."


class NotTheOwner(Forbidden):
    code = "not_the_owner"
    message = "Only the organization that owns the agent may do this."


class UseOnly(Forbidden):
    code = "use_only"
    message = "Your organization may use this agent, but not change it."


class AgentNotReady(Conflict):
    code = "agent_not_ready"
    message = "The agent is not ready to take calls: see errors, or GET its readiness."


class EndpointMissing(Conflict):
    code = "endpoint_missing"
    message = "The agent has no chatbot to call. Enter the https address of its endpoint first."


class Agent(BaseModel):
    """An agent as it is kept; times are UTC.

    `org_id` owns it, `org_ids` have it. `etag` is new after every change of it, its keys, its status or its sharing;
    `revision` counts the changes of its configuration. `ready` is what was found out at the last change. `legacy_id` is
    what older front ends call it; with `waits_to_be_ready` a change of theirs that makes it ready activates it.
    """

    agent_id: str
    org_id: Annotated[str, Reference("Organization", "cascade")]
    org_ids: Annotated[list[str], Reference("Organization", "cascade")]
    legacy_id: str | None = None
    name: str
    phone_number: str | None = None
    chatbot_api: str | None = None
    chatbot_key: Annotated[str | None, SEALED] = Field(default=None, repr=False)
    initial_message: str | None = None
    status: Status = "inactive"
    ready: bool = False
    waits_to_be_ready: bool = False
    etag: str
    revision: int = 1
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    def check_there(self) -> None:
        """Raise `AgentDeleted` once it is."""
        if self.status == "deleted":
            raise AgentDeleted

    def etag_for(self, access: "Access") -> str:
        """Names what an organization with this access is shown: others are shown more of it, or less."""
        return f'"{self.etag}-{access}"'

    def configured(self, configuration: Configuration, ready: bool) -> "Agent":
        return self.model_copy(update={**agent_fields(configuration), "ready": ready})

    def beside(self, configuration: Configuration) -> "AgentConfiguration":
        """What of the configuration is kept beside the agent."""
        beside = {name: getattr(configuration, name) for name in CONFIGURED}
        times = {"created_at": self.created_at, "updated_at": self.updated_at}
        return AgentConfiguration(agent_id=self.agent_id, org_id=self.org_id, revision=self.revision, **beside, **times)


def _as_stored(read: Callable[[object], object]) -> WrapValidator:
    """What we wrote ourselves is read as it is, and anything else by `read`."""

    def validate(kept: object, handler: Callable[[object], BaseModel]) -> BaseModel:
        if isinstance(kept, BaseModel):
            return handler(kept)
        with suppress(ValidationError):
            found = handler(kept)
            if found.model_fields_set == type(found).model_fields.keys():
                return found
        return handler(read(kept))

    return WrapValidator(validate)


class AgentConfiguration(BaseModel):
    """How an agent speaks, listens and talks. Any shape that was stored is read; `revision` names the agent's state."""

    agent_id: Annotated[str, Reference("Agent", "cascade")]
    org_id: Annotated[str, Reference("Organization", "cascade")]
    tts_config: Annotated[TtsConfig, _as_stored(speech)]
    stt_config: Annotated[SttConfig, _as_stored(recognition)]
    conversation: Conversation = Conversation()
    revision: int = 1
    created_at: datetime
    updated_at: datetime


class OrganizationAgent(BaseModel):
    """That an organization has an agent, and what it may do with it."""

    org_id: Annotated[str, Reference("Organization", "cascade")]
    agent_id: Annotated[str, Reference("Agent", "cascade")]
    access: Access
    created_at: datetime
    updated_at: datetime


class AgentRevision(BaseModel):
    """A state of an agent's configuration: who made it when, acting in which organization, and why.

    `configuration` holds the secrets as they were sealed.
    """

    agent_id: Annotated[str, Reference("Agent", "cascade")]
    org_id: Annotated[str, Reference("Organization", "cascade")]
    number: int
    at: datetime
    author: Actor
    author_org_id: Annotated[str, Reference("Organization", "keep")]
    reason: str | None = None
    configuration: Configuration = Field(repr=False)


@dataclass(frozen=True)
class Holding:
    """An agent as somebody in an organization that has it stands to it."""

    acting: Acting
    agent: Agent
    configuration: Configuration
    access: Access

    @property
    def etag(self) -> str:
        return self.agent.etag_for(self.access)

    def check(self, permission: str) -> None:
        """Raise unless this may be done by this person, in this organization, to an agent that is there.

        What is not reading or writing is for the owning organization alone.
        """
        self.acting.rights.check(permission)
        self.agent.check_there()
        if permission == "agents.read":
            return
        if permission == "agents.write":
            self.check_edits()
        elif self.access != "owner":
            raise NotTheOwner

    def check_edits(self) -> None:
        """Raise `UseOnly` for an organization that may only use the agent."""
        if self.access == "use":
            raise UseOnly

    def check_update(self, changes: Mapping[str, Any]) -> None:
        """Raise unless these fields may be set: numbers take more than writing."""
        self.check("agents.write")
        if "phone_number" in changes and changes["phone_number"] != self.configuration.phone_number:
            self.check("agents.bind_number")

    def check_restore(self) -> None:
        """Raise unless this agent, deleted as it is, may be restored."""
        self.acting.rights.check("agents.restore")
        if self.access != "owner":
            raise NotTheOwner

    @property
    def summary(self) -> dict[str, Any]:
        """What the audit log says of an agent that comes or goes."""
        return {"name": self.agent.name, "phone_number": self.agent.phone_number}

    def shared_content(self) -> Configuration:
        """The configuration as this organization may have it: keys stay with the owner, in addresses too."""
        if self.access == "owner":
            return self.configuration
        bare = self.configuration.without_secrets()
        address = bare.chatbot_api
        return bare.model_copy(update={"chatbot_api": address and address.partition("?")[0]})


@dataclass(frozen=True)
class Step:
    """A change of an agent, decided: what to write, and what to tell of it.

    `revised` is the new configuration if that is what changes. `fields` are of the agent's document. `others` are
    organizations whose log tells of it besides the owner's.
    """

    holding: Holding
    action: Action
    kinds: tuple[Kind, ...]
    fields: Mapping[str, Any]
    at: datetime
    revised: Configuration | None = None
    reason: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    others: tuple[str, ...] = ()

    @property
    def when(self) -> datetime:
        """Never before the change that came before it, whatever the clocks of two machines say."""
        return max(self.at, self.holding.agent.updated_at)

    def applied(self) -> Agent:
        """The agent as it will be, under a new etag."""
        before = self.holding.agent
        revised = {**agent_fields(self.revised), "revision": before.revision + 1} if self.revised else {}
        return before.model_copy(update={**revised, **self.fields, **renewed(self.when)})

    def revision(self, number: int) -> AgentRevision | None:
        """The state that this leaves in the history, if any."""
        agent, acting = self.holding.agent, self.holding.acting
        if self.revised is None:
            return None
        return AgentRevision(
            agent_id=agent.agent_id,
            org_id=agent.org_id,
            number=number,
            at=self.when,
            author=acting.actor,
            author_org_id=acting.org_id,
            reason=self.reason,
            configuration=self.revised,
        )

    def change(self, after: Agent) -> AgentChange:
        """What services are told: those of organizations that have it, or had it until now."""
        agent = self.holding.agent
        org_ids = sorted({*agent.org_ids, *after.org_ids})
        return new_change(agent.agent_id, org_ids, list(self.kinds), after.etag, self.when)

    def entries(self, after: Agent) -> list[AuditEntry]:
        """For the log of the owning organization, and of the one that did it; others' members are told by id alone."""
        acting = self.holding.acting
        stranger = acting.actor.model_copy(update={"name": None})
        actors = {**dict.fromkeys((after.org_id, *self.others), stranger), acting.org_id: acting.actor}
        target = Target(kind="agent", id=after.agent_id)
        told = {"before": self.before, "after": self.after, "request_id": acting.request_id}
        return [new_entry(self.action, org_id, target, actor, self.when, **told) for org_id, actor in actors.items()]


def renewed(now: datetime) -> dict[str, Any]:
    """What every change writes besides."""
    return {"etag": secrets.token_hex(8), "updated_at": now}


def agent_fields(configuration: Configuration) -> dict[str, Any]:
    """The part of a configuration that is kept in the agent's own document."""
    return configuration.model_dump(include=set(Configuration.model_fields) - CONFIGURED)


def configuration_of(agent: Agent, beside: AgentConfiguration) -> Configuration:
    kept = agent.model_dump(include=set(Configuration.model_fields) - CONFIGURED)
    return Configuration(**kept, **{name: getattr(beside, name) for name in CONFIGURED})


def new_agent(org_id: str, now: datetime, agent_id: str | None = None) -> Agent:
    """An agent without a configuration yet."""
    return Agent(
        agent_id=agent_id or uuid4().hex, org_id=org_id, org_ids=[org_id], name="", created_at=now, **renewed(now)
    )
