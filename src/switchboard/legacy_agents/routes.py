"""`/agents/*` are the paths of the older agents service, `/api/agents/*` those of the front ends' servers before it
(facts/legacy.md 4.3)."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query

from switchboard.agents.model import AgentNotReady, NotTheOwner, PhoneNumberTaken, UseOnly
from switchboard.clients.endpoints import EndpointRefused
from switchboard.configurations.model import InvalidPhoneNumber, KeyNeededAgain
from switchboard.errors import Refusal, Unauthenticated
from switchboard.http.deps import AnyCaller, Now, Running
from switchboard.http.errors import problems
from switchboard.legacy_agents import service
from switchboard.legacy_agents.model import (
    InvalidRecognition,
    InvalidSpeech,
    MissingFields,
    NameMissing,
    NoOrganization,
    NoSuchAgent,
    NumberMissing,
    SeveralAgents,
    SeveralOrganizations,
    TransfersNotKept,
    UnboundKey,
)
from switchboard.legacy_agents.schemas import (
    ActiveCalls,
    AgentAnswer,
    AgentItself,
    AgentMap,
    AgentMapAndRows,
    AgentNamed,
    AgentRows,
    AgentSent,
    DeletionAnswer,
    NumberSent,
    Trunks,
)
from switchboard.legacy_agents.service import Named
from switchboard.organizations.model import OrganizationNotFound
from switchboard.providers.model import LONGEST_TEXT, InvalidOptions
from switchboard.roles.model import MissingPermission
from switchboard.services import MissingScope

router = APIRouter(tags=["legacy"], deprecated=True)

CALLER = (Unauthenticated, MissingScope, UnboundKey, MissingPermission, OrganizationNotFound)
FINDS = (*CALLER, SeveralOrganizations, NoSuchAgent, SeveralAgents)
OWNS = (*FINDS, NotTheOwner)
BINDS = (*OWNS, NumberMissing, InvalidPhoneNumber, PhoneNumberTaken)
FIELDS = (MissingFields, InvalidSpeech, InvalidRecognition, InvalidOptions, KeyNeededAgain, EndpointRefused)
PUTS = (*BINDS, *FIELDS, UseOnly, NoOrganization, AgentNotReady)

GONE = (Unauthenticated, TransfersNotKept)

_AGENTS = "Successor: GET /v1/orgs/{org_id}/agents"
_AGENT = "Successor: GET /v1/orgs/{org_id}/agents/{agent_id}"
_CHANGE = "Successors: POST /v1/orgs/{org_id}/agents, PATCH /v1/orgs/{org_id}/agents/{agent_id}"
_DELETE = "Successor: DELETE /v1/orgs/{org_id}/agents/{agent_id}"

VISIBLE = r"^[^\x00-\x1f\x7f]+$"
Text = Annotated[str, Path(max_length=LONGEST_TEXT, pattern=VISIBLE)]
Organization = Annotated[str, Path(max_length=LONGEST_TEXT, pattern=VISIBLE, description="Its id, or its name")]
Asked = Annotated[str | None, Query(max_length=LONGEST_TEXT, description="If several of one's own have such an agent")]
Number = Annotated[str, Path(max_length=40, description="E.164; the + may be encoded or left out")]
NO_NUMBER, NO_NAME = NumberSent(), AgentNamed()


def _named(agent_id: Text, organization_id: Asked = None) -> Named:
    return Named(agent_id, organization_id)


Agent = Annotated[Named, Depends(_named)]
Handler = TypeVar("Handler", bound=Callable[..., Awaitable[object]])


def _both(path: str) -> tuple[str, str]:
    """A path of the older service, and of the front ends' servers before it."""
    return path, f"/api{path}"


def _old(
    method: str, paths: tuple[str, ...], told: tuple[str, str], *refusals: type[Refusal]
) -> Callable[[Handler], Handler]:
    """Answer these paths; `told` is the summary, and what came in their place."""

    def add(handler: Handler) -> Handler:
        for path in paths:
            about: dict[str, Any] = {"summary": told[0], "description": told[1], "responses": problems(*refusals)}
            router.add_api_route(path, handler, methods=[method], **about)
        return handler

    return add


@_old("GET", ("/agents/all",), ("Agents by what they are called", _AGENTS), *CALLER)
async def all_by_name(caller: AnyCaller, services: Running, now: Now) -> AgentMap:
    return AgentMap.of(await service.listed(services, caller, None, now), services.key_ring)


@_old("GET", ("/api/agents/all",), ("Agents in a list", _AGENTS), *CALLER)
async def all_in_a_list(caller: AnyCaller, services: Running, now: Now) -> AgentRows:
    return AgentRows.of(await service.listed(services, caller, None, now), services.key_ring)


@_old("GET", _both("/agents/by-org/{org_id}"), ("Agents of an organization", _AGENTS), *CALLER, SeveralOrganizations)
async def by_organization(caller: AnyCaller, org_id: Organization, services: Running, now: Now) -> AgentMapAndRows:
    return AgentMapAndRows.of(await service.listed(services, caller, org_id, now), services.key_ring)


@_old("GET", ("/agents/info/{agent_id}",), ("An agent itself", _AGENT), *FINDS)
async def info(caller: AnyCaller, named: Agent, services: Running, now: Now) -> AgentItself:
    held = await service.read(services, caller, named, now)
    return AgentItself.of((named.text, held), services.key_ring)


@_old("GET", ("/api/agents/info/{agent_id}",), ("An agent", _AGENT), *FINDS)
async def info_in_answer(caller: AnyCaller, named: Agent, services: Running, now: Now) -> AgentAnswer:
    held = await service.read(services, caller, named, now)
    return AgentAnswer.of((named.text, held), services.key_ring, "Agent found")


@_old("GET", ("/agents/by_phone/{number}",), ("The agent at a number", _AGENTS), *FINDS, InvalidPhoneNumber)
async def by_phone(caller: AnyCaller, number: Number, services: Running, now: Now) -> AgentItself:
    return AgentItself.of(await service.at_number(services, caller, number, now), services.key_ring)


@_old("GET", ("/api/agents/by_phone/{number}",), ("The agent at a number", _AGENTS), *FINDS, InvalidPhoneNumber)
async def by_phone_in_answer(caller: AnyCaller, number: Number, services: Running, now: Now) -> AgentAnswer:
    found = await service.at_number(services, caller, number, now)
    return AgentAnswer.of(found, services.key_ring, "Agent found")


@_old("POST", _both("/agents/update/{agent_id}"), ("Make or change an agent", _CHANGE), *PUTS)
async def update(caller: AnyCaller, agent_id: Text, body: AgentSent, services: Running, now: Now) -> AgentAnswer:
    held = await service.put(services, caller, Named(agent_id, body.organization), body.sent, now)
    return AgentAnswer.of((agent_id, held), services.key_ring, f"Agent {agent_id} updated successfully")


@_old(
    "POST",
    (
        "/agents/add_phonenumber/{agent_id}",
        *_both("/agents/set_phone/{agent_id}"),
    ),
    ("Give it a number", _CHANGE),
    *BINDS,
)
async def set_phone(
    caller: AnyCaller, named: Agent, services: Running, now: Now, body: NumberSent = NO_NUMBER
) -> AgentAnswer:
    held = await service.bind(services, caller, named, body.number, now)
    return AgentAnswer.of((named.text, held), services.key_ring, f"Phone number set for agent {named.text}")


@_old("DELETE", _both("/agents/delete_phone/{agent_id}"), ("Take its number away", _CHANGE), *OWNS)
async def delete_phone(caller: AnyCaller, named: Agent, services: Running, now: Now) -> AgentAnswer:
    held = await service.bind(services, caller, named, None, now)
    return AgentAnswer.of((named.text, held), services.key_ring, f"Phone number removed from agent {named.text}")


@_old("DELETE", _both("/agents/delete/{agent_id}"), ("Delete an agent", _DELETE), *OWNS)
async def delete(caller: AnyCaller, named: Agent, services: Running, now: Now) -> DeletionAnswer:
    await service.delete(services, caller, named, now)
    return DeletionAnswer.of(named.text)


@_old(
    "DELETE",
    _both("/agents/delete-by-org/{org_id}"),
    ("Delete one agent of an organization", _DELETE),
    *OWNS,
    NameMissing,
)
async def delete_by_organization(
    caller: AnyCaller, org_id: Organization, services: Running, now: Now, body: AgentNamed = NO_NAME
) -> DeletionAnswer:
    """One agent of an organization, the one that the body names; never all of them."""
    await service.delete(services, caller, Named(body.text, org_id), now)
    return DeletionAnswer.of(body.text)


@_old("GET", _both("/agents/trunks"), ("Agents and their numbers", _AGENTS), *CALLER)
async def trunks(caller: AnyCaller, services: Running, now: Now) -> Trunks:
    return Trunks.of(await service.listed(services, caller, None, now))


@_old("GET", _both("/agents/active-calls"), ("Calls, which are not known here", "No successor"), Unauthenticated)
async def active_calls(_: AnyCaller, now: Now) -> ActiveCalls:
    return ActiveCalls(timestamp=now)


@_old(
    "POST",
    (
        "/agents/add_transfer_phonenumber/{agent_id}",
        "/agents/add_transfer_phonenumber_platform/{agent_id}",
    ),
    ("Numbers to transfer calls to are not kept here", "No successor"),
    *GONE,
)
async def transfer(_: AnyCaller, agent_id: Text) -> None:  # noqa: ARG001  (a part of the path)
    raise TransfersNotKept
