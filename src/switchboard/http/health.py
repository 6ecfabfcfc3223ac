"""Whether the process lives, whether it can work, and its numbers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from switchboard.errors import SwitchboardError
from switchboard.http.deps import Running

router = APIRouter(tags=["health"])

State = Literal["ok", "unavailable"]


class Live(BaseModel):
    status: Literal["ok"]


class Ready(BaseModel):
    """`mongodb` decides; the vendors are told apart because reading goes on without them."""

    status: State
    mongodb: State
    propelauth: State
    google: State


@router.get("/health/live", summary="The process lives")
async def live() -> Live:
    return Live(status="ok")


@router.get("/health/ready", summary="The process can work", responses={503: {"model": Ready}})
async def ready(services: Running, response: Response) -> Ready:
    parts = (services.ping, services.propelauth.answers, services.google.answers)
    mongodb, propelauth, google = await asyncio.gather(*(_state(part) for part in parts))
    if mongodb != "ok":
        response.status_code = 503
    return Ready(status=mongodb, mongodb=mongodb, propelauth=propelauth, google=google)


@router.get("/metrics", summary="Numbers in the Prometheus text format", response_class=Response)
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _state(answers: Callable[[], Awaitable[None]]) -> State:
    try:
        await answers()
    except SwitchboardError:
        return "unavailable"
    return "ok"
