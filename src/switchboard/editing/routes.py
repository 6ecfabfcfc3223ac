from fastapi import APIRouter, Response

from switchboard.agents.model import AgentNotReady, NotTheOwner, PhoneNumberTaken, UseOnly
from switchboard.agents.routes import MEMBER, THERE, VERSION, Ref
from switchboard.agents.schemas import AgentShown
from switchboard.clients.endpoints import EndpointRefused
from switchboard.configurations.model import InvalidPhoneNumber, KeyNeededAgain, MaskAsSecret
from switchboard.editing import service
from switchboard.editing.schemas import AgentCopy, AgentCreate, AgentUpdate
from switchboard.http.deps import AnyCaller, Now, OrgId, Running
from switchboard.http.errors import problems
from switchboard.http.etag import tagged
from switchboard.providers.model import InvalidOptions

router = APIRouter(prefix="/v1/orgs/{org_id}/agents", tags=["agents"])
FIELDS = (InvalidPhoneNumber, PhoneNumberTaken, EndpointRefused, MaskAsSecret, InvalidOptions)


@router.post(
    "",
    summary="Create an agent with its configuration",
    status_code=201,
    response_model=AgentShown,
    responses=problems(*MEMBER, *FIELDS),
)
async def create(caller: AnyCaller, org_id: OrgId, body: AgentCreate, services: Running, now: Now) -> Response:
    held = await service.create(services, caller, org_id, body.fields(), now)
    return tagged(AgentShown.of(held, services.key_ring), held.etag, 201)


@router.patch(
    "/{agent_id}",
    summary="Change some of its fields",
    response_model=AgentShown,
    responses=problems(*THERE, *VERSION, *FIELDS, UseOnly, NotTheOwner, KeyNeededAgain, AgentNotReady),
)
async def update(caller: AnyCaller, ref: Ref, body: AgentUpdate, services: Running, now: Now) -> Response:
    held = await service.update(services, caller, ref, (body.fields(), body.reason), now)
    return tagged(AgentShown.of(held, services.key_ring), held.etag)


@router.post(
    "/{agent_id}/copy",
    summary="Make another one like it, inactive and without number",
    status_code=201,
    response_model=AgentShown,
    responses=problems(*THERE),
)
async def copy(caller: AnyCaller, ref: Ref, services: Running, now: Now, body: AgentCopy | None = None) -> Response:
    held = await service.copy(services, caller, ref, body.name if body else None, now)
    return tagged(AgentShown.of(held, services.key_ring), held.etag, 201)
