"""Importing agents, record by record: each with its configuration, link, revision and notices, all or none.

It begins at the first record each time: what is here already, by the id that it had there, is left alone.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from switchboard.agent_imports.documents import find, find_agent, revisions_for
from switchboard.agent_imports.model import (
    IMPORT,
    Fields,
    Given,
    Organizations,
    Outcome,
    Record,
    Row,
    TakenBack,
    Wanted,
    agent_id_of,
    fields_of,
    numbers_given_twice,
    outcome_of,
    read,
    reasons,
)
from switchboard.agents import service as agents
from switchboard.agents.documents import AgentDocument, AgentRevisionDocument, LegacyIdTaken
from switchboard.agents.model import Agent, AgentRevision, Holding, PhoneNumberTaken, Step, new_agent
from switchboard.audit.documents import AuditEntryDocument
from switchboard.audit.model import AuditFilter
from switchboard.clients.endpoints import EndpointRefused
from switchboard.configurations.model import Configuration, host_of
from switchboard.editing import service as editing
from switchboard.errors import DataError, PreconditionFailed, Refusal, Unavailable
from switchboard.organizations.documents import OrganizationDocument
from switchboard.organizations.model import Acting, OrganizationNotFound
from switchboard.readiness.model import Endpoint, Report, report
from switchboard.roles.model import OWNER, Rights
from switchboard.runs.model import Clock
from switchboard.services import Services

TRIES: Final = 5


@dataclass
class Import:
    """An import under way. Without a `run_id` nothing is written: a dry run. With `update` agents that are here follow.

    `source` gives the records from the first one on, as often as it is asked; `resumed`: an earlier start of this run
    was not finished.
    """

    services: Services
    organizations: Organizations
    source: Callable[[], Iterable[Given]]
    clock: Clock
    run_id: str | None = None
    update: bool = False
    resumed: bool = False
    contested: frozenset[str] = frozenset()
    seen: set[tuple[str, str]] = field(default_factory=set)
    endpoints: dict[object, Endpoint] = field(default_factory=dict)


async def bring(work: Import, done: Callable[[int], Awaitable[None]]) -> list[Row]:
    """What became of each record; `done` is told the place of each that is dealt with. Raises `Unavailable`."""
    work.contested = numbers_given_twice(_records(work))
    rows = []
    for record in _records(work):
        rows.append(await _record(work, record))
        await done(record.place)
    return rows


def _records(work: Import) -> Iterator[Record]:
    return (read(given, place) for place, given in enumerate(work.source(), 1))


async def _record(work: Import, record: Record) -> Row:
    org_id = work.organizations.of(record.read)
    row = Row(record.name, "refused", record.read.organization, org_id, notes=record.notes)
    reason = record.refusal(org_id, work.seen)
    if reason is not None or org_id is None:
        return replace(row, reason=reason)
    work.seen.add((org_id, record.name))
    for _ in range(TRIES):
        try:
            return await _taken_over(work, await _wanted(work, record, row, org_id))
        except (LegacyIdTaken, PhoneNumberTaken, PreconditionFailed):  # somebody was faster
            continue
        except Unavailable:
            raise
        except (Refusal, DataError) as refused:
            return replace(row, reason=refused.code)
    return replace(row, reason="changed_meanwhile")


async def _wanted(work: Import, record: Record, row: Row, org_id: str) -> Wanted:
    new_id = agent_id_of(org_id, record.name)
    here = await find(org_id, record.name, new_id)
    agent_id = here.agent_id if here else new_id
    fields, notes = fields_of(record)
    await _check_number(work, agent_id, fields, notes)
    await _check_endpoint(work, fields, notes)
    row = replace(row, agent_id=agent_id, notes=(*row.notes, *notes))
    safe = agents.safe_of(work.services, agent_id)
    return Wanted(org_id, record.name, record.read.created_at, fields, safe, here, row)


async def _check_number(work: Import, agent_id: str, fields: Fields, notes: list[str]) -> None:
    """Leave the number out if it is another agent's: whose calls they are is for people to say."""
    number = fields.get("phone_number")
    holder = None if number is None else await AgentDocument.of_number(None, str(number))
    if number in work.contested:
        notes.append("phone_number_given_twice")
    elif holder is not None and holder.agent_id != agent_id:
        notes.append("phone_number_taken")
    else:
        return
    del fields["phone_number"]


async def _check_endpoint(work: Import, fields: Fields, notes: list[str]) -> None:
    """Leave out an address that must not be called, and with it the key that is for nowhere else."""
    address = fields.get("chatbot_api")
    if address is None:
        return
    try:
        endpoint = work.services.endpoints.parse(str(address))
        place = host_of(endpoint.url)
        if place not in work.endpoints:  # one question to the server of names for a host
            work.endpoints[place] = "refused"
            work.endpoints[place] = await work.services.endpoints.check(endpoint.url)
        if work.endpoints[place] == "refused":
            raise EndpointRefused
        fields["chatbot_api"] = endpoint.url
    except EndpointRefused:
        notes.append("chatbot_api_refused")
        notes += ["chatbot_key_left_out"] if "chatbot_key" in fields else []
        fields.pop("chatbot_key", None)
        del fields["chatbot_api"]


async def _taken_over(work: Import, wanted: Wanted) -> Row:
    if wanted.here is None:
        return await _create(work, wanted)
    if wanted.here.status == "deleted":
        return await _bring_back(work, wanted, wanted.here)
    return await _compare(work, wanted)


async def _create(work: Import, wanted: Wanted) -> Row:
    now = work.clock()
    configuration = wanted.configuration()
    found_out = _found_out(work, wanted, configuration)
    agent = new_agent(wanted.org_id, now, wanted.safe.agent_id).configured(configuration, found_out.ready)
    agent = agent.model_copy(update={**wanted.marks(found_out), "created_at": min(wanted.created_at or now, now)})
    held = Holding(await _acting(wanted.org_id), agent, configuration, "owner")
    if work.run_id is not None:
        await _add(work, held, reasons(work.run_id)["imported"], now)
        await _activate(work, held)
    return wanted.result("imported", agent, found_out)


async def _add(work: Import, held: Holding, reason: str, now: datetime) -> None:
    revised, after = held.configuration, held.summary
    step = Step(held, "agent.created", ("created",), {}, now, revised=revised, reason=reason, after=after)
    await work.services.transactions.run(partial(agents.put_new, step))


async def _bring_back(work: Import, wanted: Wanted, agent: Agent) -> Row:
    """What an import made and was taken back comes again; what people deleted here stays so."""
    deleted = AuditFilter(action="agent.deleted", target_id=agent.agent_id)
    entries, _ = await AuditEntryDocument.page(agent.org_id, deleted, None, 1)
    if not entries or entries[0].actor != IMPORT:
        return replace(wanted.row, reason="deleted_here")
    configuration = wanted.configuration()
    found_out = _found_out(work, wanted, configuration)
    fields = {**wanted.marks(found_out), "status": "inactive", "deleted_at": None}
    if work.run_id is not None:
        held = Holding(await _acting(wanted.org_id), agent, configuration, "owner")
        told = {"name": configuration.name, "phone_number": configuration.phone_number}
        reason = reasons(work.run_id)["imported"]
        step = Step(held, "agent.restored", ("restored",), fields, work.clock(), configuration, reason, after=told)
        await _activate(work, await agents.carry_out(work.services, step, _anybody))
    return wanted.result("imported", agent.model_copy(update=fields), found_out)


async def _compare(work: Import, wanted: Wanted) -> Row:
    agent, _, configuration = await agents.found(wanted.org_id, wanted.safe.agent_id)
    held = Holding(await _acting(wanted.org_id), agent, configuration, "owner")
    revised = configuration.changed(wanted.fields, wanted.safe)
    differing = sorted(configuration.differences(revised, wanted.safe))
    row = replace(wanted.row, differing=differing, status=agent.status)
    if not differing:
        made = await _made_before(work, agent)
        if made is None:
            return replace(row, outcome="unchanged")
        await _activate(work, held)
        return wanted.result(made, agent, _found_out(work, wanted, configuration))
    if not work.update:
        return replace(row, outcome="different")
    return await _update(work, replace(wanted, row=row), held, revised)


async def _update(work: Import, wanted: Wanted, held: Holding, revised: Configuration) -> Row:
    found_out = _found_out(work, wanted, revised)
    if held.agent.status == "active" and held.agent.ready and not found_out.ready:
        return wanted.not_ready(found_out)
    if work.run_id is not None:
        to = revised, reasons(work.run_id)["updated"]
        held = await editing.revise(work.services, held, to, _anybody, work.clock())
        await _activate(work, held)
    return wanted.result("updated", held.agent, found_out)


async def _made_before(work: Import, agent: Agent) -> Outcome | None:
    """What an earlier start of this run made of it."""
    revision = await AgentRevisionDocument.find(agent, agent.revision) if work.resumed else None
    return None if revision is None or work.run_id is None else outcome_of(work.run_id, revision)


async def _activate(work: Import, held: Holding) -> None:
    """Let it take calls if it is ready: the service that it comes from knew no inactive agents."""
    agent = held.agent
    if agent.ready and agent.waits_to_be_ready and agent.status == "inactive":
        fields = {"status": "active", "waits_to_be_ready": False}
        step = Step(held, "agent.activated", ("status",), fields, work.clock())
        await agents.carry_out(work.services, step, _anybody)


async def take_back(services: Services, run_id: str, clock: Clock, *, dry_run: bool) -> list[TakenBack]:
    """Delete the agents that a run imported, and give those that it updated their configuration from before.

    What was changed since stays. A deleted agent can be restored, and its number is free. May be repeated.
    """
    made = await revisions_for(reasons(run_id).values())
    return [await _taken_back(services, run_id, revision, None if dry_run else clock()) for revision in made]


async def _taken_back(services: Services, run_id: str, revision: AgentRevision, now: datetime | None) -> TakenBack:
    agent = await find_agent(revision.org_id, revision.agent_id)
    told = TakenBack(revision.agent_id, revision.org_id, "gone")
    if agent is None or agent.status == "deleted":
        return told
    if agent.revision != revision.number:
        return replace(told, outcome="changed_since")
    imported = outcome_of(run_id, revision) == "imported"
    if now is not None:
        held = Holding(await _acting(agent.org_id), agent, revision.configuration, "owner")
        try:
            await (_delete(services, held, now) if imported else _put_back(services, held, run_id, now))
        except Unavailable:
            raise
        except Refusal:  # changed in between, its number is another's, or it would not be ready any more
            return replace(told, outcome="changed_since")
    return replace(told, outcome="deleted" if imported else "put_back")


async def _delete(services: Services, held: Holding, now: datetime) -> None:
    fields = {"status": "deleted", "deleted_at": now, "legacy_id": None, "waits_to_be_ready": False}
    step = Step(held, "agent.deleted", ("deleted",), fields, now, before=held.summary)
    await agents.carry_out(services, step, _anybody)


async def _put_back(services: Services, held: Holding, run_id: str, now: datetime) -> None:
    before = await AgentRevisionDocument.find(held.agent, held.agent.revision - 1)
    if before is not None:
        to = before.configuration, f"Taken back: run {run_id}"
        await editing.revise(services, held, to, _anybody, now)


async def _acting(org_id: str) -> Acting:
    organization = await OrganizationDocument.find(org_id)
    if organization is None:
        raise OrganizationNotFound
    return Acting(IMPORT, Rights(OWNER), organization)


def _anybody(_: Holding) -> None:
    """An operator may; the rules of roles are for people."""


def _found_out(work: Import, wanted: Wanted, configuration: Configuration) -> Report:
    """An address that was here before was looked at when it was entered."""
    address = configuration.chatbot_api
    state = "missing" if address is None else work.endpoints.get(host_of(address), "public")
    return report(configuration, state, wanted.safe)
