from fastapi import APIRouter, Request

from switchboard.clients.propelauth_webhooks import InvalidSignature
from switchboard.http.deps import Now, Running
from switchboard.http.errors import problems
from switchboard.webhooks import service

router = APIRouter(tags=["webhooks"])


@router.post(
    "/v1/webhooks/propelauth",
    summary="Events of PropelAuth, signed by Svix",
    status_code=204,
    responses=problems(InvalidSignature),
)
async def receive(request: Request, services: Running, now: Now) -> None:
    await service.receive(services, request.headers, await request.body(), now)
