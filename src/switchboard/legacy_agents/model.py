"""What older front ends mean: which organization, which agent, and which fields of it. No I/O."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import JsonValue

from switchboard.agents.model import Agent, AgentNotFound, Holding, new_agent
from switchboard.configurations.model import MASKED
from switchboard.errors import Conflict, Forbidden, Gone, Invalid, Malformed
from switchboard.organizations.model import Acting, OrganizationNotFound
from switchboard.providers.model import GROUPS, Kind, find_provider
from switchboard.roles.model import MissingPermission
from switchboard.variants.model import read_agent

Fields = dict[str, JsonValue]

REQUIRED: Final = ("chatbot_api", "chatbot_key", "tts_config", "stt_config")
TEXTS: Final = ("initial_message", "nudge_text", "system_prompt", "model_provider", "model_name", "model_live_url")
PLAIN: Final = ("name", "chatbot_api", "chatbot_key", "initial_message", "conversation")
IDS: Final = ("agentId", "agent_id", "agent_prefix", "id")  # the path says which agent it is
NOT_READ: Final = frozenset({*IDS, *GROUPS.values(), "phone_number", "created_at", "updated_at"})
SPEEDS: Final = frozenset({"speed", "speedValue"})
DEVELOPER: Final = "developer"  # what one of the front ends says for no organization


class NoSuchAgent(AgentNotFound):
    message = "Agent not found: your organization has none of this id, name or number."


class SeveralAgents(Conflict):
    code = "several_agents"
    message = "Several of your agents have this name. Say which one by its id, or rename one of them."


class SeveralOrganizations(Conflict):
    code = "several_organizations"
    message = "Several of your organizations have this name. Say which one by its id."


class NoOrganization(Forbidden):
    code = "no_organization"
    message = "You do not belong to an organization yet. Create one or accept an invite first."


class UnboundKey(Forbidden):
    code = "unbound_key"
    message = "This service key is bound to no organization, so it reaches none. Use one that is bound, with a role."


class TransfersNotKept(Gone):
    code = "transfers_not_kept"
    message = "Numbers to transfer calls to are not kept by this service."


class MissingFields(Malformed):
    code = "missing_fields"
    message = f"Missing required fields: {', '.join(REQUIRED)}"


class InvalidSpeech(Malformed):
    code = "invalid_tts_config"
    message = "Invalid TTS configuration"


class InvalidRecognition(Malformed):
    code = "invalid_stt_config"
    message = "Invalid STT configuration"


class NumberMissing(Malformed):
    code = "phone_number_missing"
    message = "Phone number is required"


class NameMissing(Malformed):
    code = "agent_name_missing"
    message = "Agent name is required"


REFUSALS: Final = {"speech": InvalidSpeech, "recognition": InvalidRecognition}


def meant(mine: Sequence[Acting], named: str | None, caller_id: str) -> Sequence[Acting]:
    """The organization that a text names among one's own: by id, or by name in any case. All of them if it names none.

    Raises `OrganizationNotFound`, `SeveralOrganizations`.
    """
    text = (named or "").strip()
    found = [acting for acting in mine if acting.org_id == text] or [acting for acting in mine if _is(acting, text)]
    if len(found) > 1:
        raise SeveralOrganizations
    if found:
        return found
    if text in ("", DEVELOPER, caller_id):  # the last two stand for a workspace of one's own
        return mine
    raise OrganizationNotFound


def _is(acting: Acting, name: str) -> bool:
    names = (acting.organization.name, acting.organization.display_name)
    return name.casefold() in {each.strip().casefold() for each in names if each and each.strip()}


def called(agents: Iterable[Agent], text: str, mine: Sequence[Acting]) -> Agent | None:
    """The agent that goes by this text; raises `SeveralAgents`.

    Ids count before names, which may change hands, and one's own agents before those that others share.
    """
    own = {acting.org_id for acting in mine}
    ranked = defaultdict(list)
    for agent in agents:
        by = next((place for place, each in enumerate(_texts(agent)) if each == text), None)
        if by is not None:
            ranked[by, agent.org_id not in own].append(agent)
    if not ranked:
        return None
    first, *others = ranked[min(ranked)]
    if others:
        raise SeveralAgents
    return first


def key(agent: Agent, by_text: Mapping[str, Iterable[Agent]], mine: Sequence[Acting]) -> str:
    """What an agent is called: as older front ends called it, else by its name, if that finds it; else by its id.

    `by_text` has the agents that go by each of these texts.
    """
    for text in filter(None, (agent.legacy_id, agent.name)):
        with suppress(SeveralAgents):
            found = called(by_text.get(text, ()), text, mine)
            if found is not None and found.agent_id == agent.agent_id:
                return text
    return agent.agent_id


def keys(agents: Sequence[Agent], mine: Sequence[Acting]) -> dict[str, str]:
    """What each of all these agents is called, by its id."""
    by_text = defaultdict(list)
    for agent in agents:
        for text in set(_texts(agent)):
            by_text[text].append(agent)
    return {agent.agent_id: key(agent, by_text, mine) for agent in agents}


def _texts(agent: Agent) -> tuple[str, ...]:
    return agent.agent_id, agent.legacy_id or "", agent.name


def acting_on(agent: Agent, mine: Sequence[Acting]) -> Acting:
    """In which of one's organizations one acts on an agent: the one that owns it, or else the first that has it."""
    having = [acting for acting in mine if acting.org_id in agent.org_ids]
    return next((acting for acting in having if acting.org_id == agent.org_id), having[0])


def readable(mine: Sequence[Acting]) -> Sequence[Acting]:
    """Those of one's organizations whose agents one may see; raises `MissingPermission` if there are others only."""
    found = [acting for acting in mine if "agents.read" in acting.rights.permissions]
    if mine and not found:
        raise MissingPermission
    return found


def new_one(text: str, mine: Sequence[Acting], now: datetime) -> Agent:
    """An agent that will be called so, of the first of one's organizations; raises `NoOrganization`.

    The service that these front ends were made for knew no inactive agents.
    """
    if not mine:
        raise NoOrganization
    return new_agent(mine[0].org_id, now).model_copy(update={"legacy_id": text, "waits_to_be_ready": True})


def is_due(held: Holding) -> bool:
    """Whether it only waited for this to take calls, and may be let by who did it."""
    agent, rights = held.agent, held.acting.rights
    waited = agent.waits_to_be_ready and agent.ready and agent.status == "inactive"
    return waited and held.access == "owner" and "agents.activate" in rights.permissions


@dataclass(frozen=True)
class Sent:
    """The fields that were sent of an agent, by their names."""

    fields: Mapping[str, Any]

    def changes(self, text: str) -> dict[str, Any]:
        """What to set of the agent that is called so: a name that only repeats it is none."""
        return {name: value for name, value in self.fields.items() if name != "name" or value != text}

    def whole(self, text: str) -> dict[str, Any]:
        """All that a new agent needs that will be called so; raises `MissingFields`."""
        missing = [name for name in REQUIRED if self.fields.get(name) is None]
        if missing:
            raise MissingFields(fields=dict.fromkeys(missing, "This is needed for a new agent."))
        return {"name": read_agent({}, text).fields["name"] or text, **self.fields}


def read_sent(sent: Mapping[str, JsonValue]) -> tuple[str | None, Fields]:
    """The organization that a record names, and its fields in our shape: those that say something.

    What is empty, null or a mask stays as it is, except that an empty text takes the one before away. Raises
    `InvalidSpeech`, `InvalidRecognition`, and `Invalid` for what must not be dropped in silence.
    """
    record = read_agent({name: value for name, value in sent.items() if name not in NOT_READ})
    unreadable = _unreadable(record.notes)
    if unreadable:
        raise Invalid(fields=dict.fromkeys(unreadable, "This cannot be read, or is too long."))
    fields = {name: record.fields[name] for name in PLAIN} | {"phone_number": sent.get("phone_number")}
    groups = {GROUPS[kind]: _group(kind, sent.get(GROUPS[kind])) for kind in GROUPS}
    emptied = [name for name in TEXTS if isinstance(sent.get(name), str) and _is_empty(sent[name])]
    return record.organization, _emptied(_given({**fields, **groups}), emptied)


def _unreadable(notes: Iterable[str]) -> list[str]:
    """The fields that were given and could not be taken."""
    fields = [note.removesuffix("_unreadable") for note in notes if note.endswith("_unreadable")]
    return [*fields, *(["chatbot_key"] if "secret_left_out" in notes else [])]


def _given(fields: Mapping[str, JsonValue]) -> Fields:
    """What says something: no null, no empty text or group, no mask of a key."""
    inside = {name: _given(value) if isinstance(value, dict) else value for name, value in fields.items()}
    return {name: value for name, value in inside.items() if not (_is_empty(value) or _is_mask(name, value))}


def _is_empty(value: JsonValue) -> bool:
    return value is None or value == {} or (isinstance(value, str) and not value.strip())


def _is_mask(name: str, value: JsonValue) -> bool:
    return name.endswith("_key") and isinstance(value, str) and MASKED.search(value) is not None


def _emptied(fields: Fields, emptied: Sequence[str]) -> Fields:
    """The same, with null for these texts."""
    greeting: Fields = {name: None for name in emptied if name in PLAIN}
    talk: Fields = {name: None for name in emptied if name not in PLAIN}
    said = fields.get("conversation")
    group: Fields = {"conversation": {**(said if isinstance(said, dict) else {}), **talk}} if talk else {}
    return {**fields, **greeting, **group}


def _group(kind: Kind, sent: JsonValue) -> Fields:
    """A configuration in our shape, without what its provider does not take; empty if nothing was sent.

    It is sent whole, but a speed that is left out stays.
    """
    if _is_empty(sent):
        return {}
    if not isinstance(sent, dict):
        raise REFUSALS[kind]
    if not _given(sent):
        return {}
    record = read_agent({GROUPS[kind]: sent})
    if _unreadable(record.notes):
        raise REFUSALS[kind]
    config = record.fields[GROUPS[kind]]
    assert isinstance(config, dict)  # noqa: S101  (the reader makes one of anything)
    provider, options = find_provider(kind, config["provider"]), config["options"]
    if provider is not None and isinstance(options, dict):
        config["options"] = {name: value for name, value in options.items() if name in provider.options.model_fields}
    if not any(SPEEDS & each.keys() for each in (sent, *sent.values()) if isinstance(each, dict)):
        config.pop("speed", None)
    return config
