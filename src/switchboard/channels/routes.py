from typing import Annotated

from fastapi import APIRouter, Header

from switchboard.channels import service
from switchboard.channels.model import PATH
from switchboard.channels.schemas import NotificationHeaders
from switchboard.errors import NotFound
from switchboard.http.deps import Now
from switchboard.http.errors import problems

router = APIRouter(tags=["webhooks"])


@router.post(
    PATH,
    summary="Notifications of Google that a calendar changed, known by the secret of their channel",
    status_code=204,
    responses=problems(NotFound),
)
async def receive(headers: Annotated[NotificationHeaders, Header()], now: Now) -> None:
    await service.receive(headers.notification(), now)
