from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response

from switchboard.agents import service
from switchboard.agents.model import AgentDeleted, AgentNotFound, EndpointMissing, UseOnly
from switchboard.agents.schemas import (
    AgentList,
    AgentShown,
    AgentsQuery,
    ProbeShown,
    ReadinessShown,
)
from switchboard.agents.service import AgentRef
from switchboard.configurations.model import InvalidPhoneNumber
from switchboard.errors import PreconditionFailed, PreconditionRequired, Unauthenticated
from switchboard.http.deps import AgentId, AnyCaller, IfMatch, Now, OrgId, Running
from switchboard.http.errors import problems
from switchboard.http.etag import answered
from switchboard.http.paging import InvalidCursor
from switchboard.organizations.model import OrganizationNotFound
from switchboard.roles.model import MissingPermission

router = APIRouter(prefix="/v1/orgs/{org_id}/agents", tags=["agents"])
MEMBER = (Unauthenticated, OrganizationNotFound, MissingPermission)
THERE = (*MEMBER, AgentNotFound, AgentDeleted)
VERSION = (PreconditionRequired, PreconditionFailed)


def _ref(org_id: OrgId, agent_id: AgentId, if_match: IfMatch = None) -> AgentRef:
    return AgentRef(org_id, agent_id, if_match)


Ref = Annotated[AgentRef, Depends(_ref)]
IfNoneMatch = Annotated[str | None, Header(description="The ETag read last: 304 if it is still the same")]


@router.get("", summary="Agents the organization has", responses=problems(*MEMBER, InvalidCursor, InvalidPhoneNumber))
async def listed(
    caller: AnyCaller, org_id: OrgId, query: Annotated[AgentsQuery, Query()], services: Running, now: Now
) -> AgentList:
    return AgentList.of(*await service.listed(services, caller, org_id, query.asked(), now))


@router.get("/{agent_id}", summary="An agent", response_model=AgentShown, responses=problems(*THERE))
async def read(caller: AnyCaller, ref: Ref, services: Running, now: Now, if_none_match: IfNoneMatch = None) -> Response:
    held = await service.read(services, caller, ref, now)
    return answered(AgentShown.of(held, services.key_ring), held.etag, if_none_match)


@router.get("/{agent_id}/readiness", summary="What it lacks to take calls", responses=problems(*THERE))
async def readiness(caller: AnyCaller, ref: Ref, services: Running, now: Now) -> ReadinessShown:
    return ReadinessShown.of(await service.readiness(services, caller, ref, now))


@router.post(
    "/{agent_id}/probe",
    summary="Call its chatbot once, without a key, and see whether it answers",
    responses=problems(*THERE, UseOnly, EndpointMissing),
)
async def probe(caller: AnyCaller, ref: Ref, services: Running, now: Now) -> ProbeShown:
    return ProbeShown.of(await service.probe(services, caller, ref, now))
