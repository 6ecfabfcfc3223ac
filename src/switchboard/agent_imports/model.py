"""Records of another agents service: whose they are, what they say in our shape, and what becomes of each."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal
from uuid import UUID, uuid5

from pydantic import JsonValue, SecretStr

from switchboard.agents.model import Agent, AgentRevision
from switchboard.audit.model import Actor
from switchboard.configurations.model import MASKED, Configuration, InvalidPhoneNumber, Safe, e164
from switchboard.providers.model import GROUPS, KEYS, LONGEST_KEY, InvalidOptions, Kind, check_options
from switchboard.readiness.model import Report
from switchboard.variants.model import VariantAgent, read_agent, recognition, speech

Outcome = Literal["imported", "unchanged", "updated", "different", "refused"]
Fields = dict[str, object]

IMPORT: Final = Actor(kind="system", id="import-agents", name="Import of agents")
NAMESPACE: Final = UUID("5c3f5f0e-8b1a-4a43-9d9c-6f2f8f1b7f10")
SILENT: Final = {"tts_config": speech(None), "stt_config": recognition(None)}


@dataclass(frozen=True)
class Given:
    """A record as it came: its key in a map, and numbers that are bound to it elsewhere."""

    record: object = field(repr=False)
    key: str | None = None
    numbers: Sequence[str] = ()


@dataclass(frozen=True)
class Row:
    """What became of a record. `id` is what it goes by there, or its place; never anything else of its content.

    `reason` says why it was refused; `notes` what was changed on the way; `missing` what keeps the agent from
    calls; `differing` the fields that the agent here has otherwise.
    """

    id: str
    outcome: Outcome
    organization: str | None = None
    org_id: str | None = None
    agent_id: str | None = None
    status: str | None = None
    reason: str | None = None
    notes: Sequence[str] = ()
    missing: Sequence[str] = ()
    differing: Sequence[str] = ()


@dataclass(frozen=True)
class TakenBack:
    """What became of an agent of a run. `changed_since`: it stays as it is, for somebody changed it after the run."""

    agent_id: str
    org_id: str
    outcome: Literal["deleted", "put_back", "changed_since", "gone"]


@dataclass(frozen=True)
class Record:
    """A record that was read. `place` counts from 1."""

    place: int
    read: VariantAgent
    number: str | None = field(repr=False)
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """What it goes by there, or its place."""
        return self.read.agent_id or f"record {self.place}"

    def refusal(self, org_id: str | None, seen: Collection[tuple[str, str]]) -> str | None:
        """Why no agent can be made of it, if so; `seen` are those of the source that came before it."""
        if "record_unreadable" in self.notes:
            return "record_unreadable"
        if self.read.agent_id is None:
            return "id_missing"
        if org_id is None:
            return "organization_unmapped"
        return "listed_twice" if (org_id, self.name) in seen else None


def read(given: Given, place: int) -> Record:
    """Never raises: what cannot be taken is told by notes."""
    found = read_agent(given.record, given.key)
    raw = given.record.get("phone_number") if isinstance(given.record, Mapping) else None
    spare = given.numbers[0] if given.numbers and not raw else None
    number = _number(found.fields["phone_number"]) or _number(raw) or _number(spare)
    notes = [note for note in found.notes if note != "phone_number_unreadable"]
    if (raw or spare) and number is None:
        notes.append("phone_number_invalid")
    if len(given.numbers) > 1:
        notes.append("other_numbers_left_out")
    return Record(place, found, number, tuple(notes))


def _number(text: object) -> str | None:
    with suppress(InvalidPhoneNumber):
        return e164(text) if isinstance(text, str) else None
    return None


def numbers_given_twice(records: Iterable[Record]) -> frozenset[str]:
    """Numbers that several agents claim: nobody can say here whose calls they are for."""
    claims: dict[str, set[tuple[str | None, str | None]]] = {}
    for record in records:
        if record.number is not None:
            claims.setdefault(record.number, set()).add((record.read.organization, record.read.agent_id))
    return frozenset(number for number, agents in claims.items() if len(agents) > 1)


def fields_of(record: Record) -> tuple[Fields, list[str]]:
    """What a record says of its agent, in our shape and as it may be stored, and notes of what may not.

    What it does not say is left out, so that it takes nothing away from an agent that is here already.
    """
    notes: list[str] = []
    given = record.read.fields
    fields: Fields = {name: given[name] for name in ("initial_message", "chatbot_api") if given[name] is not None}
    fields["name"] = given["name"] or record.read.agent_id
    fields["chatbot_key"] = _secret(given["chatbot_key"], "chatbot_key", notes)
    fields["phone_number"] = record.number
    fields["conversation"] = _said(given["conversation"])
    for kind, group in GROUPS.items():
        fields[group] = {} if given[group] == SILENT[group] else _configuration(kind, _said(given[group]), notes)
    return {name: value for name, value in fields.items() if value not in (None, {})}, notes


def _configuration(kind: Kind, said: Fields, notes: list[str]) -> Fields:
    key, group = KEYS[kind], GROUPS[kind]
    options = said.pop("options", {})
    secret = _secret(said.pop(key, None), f"{group}.{key}", notes)
    fit = _fitting(kind, str(said["provider"]), options if isinstance(options, dict) else {})
    if fit != options:
        notes.append(f"{group}.options_left_out")
    return {**said, **({key: secret} if secret else {}), **({"options": fit} if fit else {})}


def _fitting(kind: Kind, provider: str, options: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """The options that the provider takes; what no field here is for was kept among them by the reader."""
    fit = {name: value for name, value in options.items() if _fits(kind, provider, {name: value})}
    return fit if _fits(kind, provider, fit) else {}


def _fits(kind: Kind, provider: str, options: Mapping[str, JsonValue]) -> bool:
    try:
        return check_options(kind, provider, options) == options
    except InvalidOptions:
        return False


def _secret(value: object, name: str, notes: list[str]) -> SecretStr | None:
    if not isinstance(value, str):
        return None
    if MASKED.search(value) or len(value) > LONGEST_KEY:
        notes.append(f"{name}_masked" if len(value) <= LONGEST_KEY else f"{name}_too_long")
        return None
    return SecretStr(value)


def _said(group: object) -> Fields:
    return {name: value for name, value in group.items() if value is not None} if isinstance(group, Mapping) else {}


@dataclass(frozen=True)
class Organizations:
    """Which organization here is meant by what records say: by the file, else by an id of one of ours.

    Where a record says nothing, its own id may be that of an organization: so it was when each had one agent.
    """

    named: Mapping[str, str]
    ours: Collection[str]

    def of(self, record: VariantAgent) -> str | None:
        text = (record.organization or "").strip()
        if text in self.named:
            return self.named[text]
        folded = {name.casefold(): org_id for name, org_id in self.named.items()}
        if text.casefold() in folded:
            return folded[text.casefold()]
        return next((each for each in (text, record.agent_id if not text else None) if each in self.ours), None)

    def unknown(self) -> list[str]:
        """What the file calls an organization here and is none."""
        return sorted(set(self.named.values()) - set(self.ours))


@dataclass(frozen=True)
class Wanted:
    """An agent as a record wants it; `here` is the one that there is, deleted ones included."""

    org_id: str
    legacy_id: str
    created_at: datetime | None
    fields: Fields = field(repr=False)
    safe: Safe
    here: Agent | None
    row: Row

    def configuration(self) -> Configuration:
        """That of an agent which has none yet; raises what `Configuration.changed` does."""
        return Configuration(name=str(self.fields["name"])).changed(self.fields, self.safe)

    def marks(self, found_out: Report) -> dict[str, object]:
        """What a new agent has besides: by the older paths it is found by its id, and activated once it is ready."""
        return {"legacy_id": self.legacy_id, "waits_to_be_ready": True, "ready": found_out.ready}

    def result(self, outcome: Outcome, agent: Agent, found_out: Report) -> Row:
        """What became of it, or would."""
        takes_calls = agent.status == "active" or (agent.waits_to_be_ready and found_out.ready)
        status, missing = "active" if takes_calls else "inactive", _missing(found_out)
        return replace(self.row, outcome=outcome, status=status, missing=missing)

    def not_ready(self, found_out: Report) -> Row:
        return replace(self.row, outcome="refused", reason="agent_not_ready", missing=_missing(found_out))


def _missing(found_out: Report) -> list[str]:
    return [each.code for each in found_out.findings if each.severity == "error"]


def agent_id_of(org_id: str, legacy_id: str) -> str:
    """The same each time, so that no second import makes a second agent."""
    return uuid5(NAMESPACE, f"{org_id}\n{legacy_id}").hex


def reasons(run_id: str) -> dict[Outcome, str]:
    """What the history of agents says of a run."""
    return {"imported": f"Imported by run {run_id}", "updated": f"Updated by run {run_id}"}


def outcome_of(run_id: str, revision: AgentRevision) -> Outcome | None:
    """What a run made of an agent by this revision; None when it is not its own."""
    return next((outcome for outcome, reason in reasons(run_id).items() if reason == revision.reason), None)
