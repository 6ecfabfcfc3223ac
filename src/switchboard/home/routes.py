from fastapi import APIRouter

from switchboard.errors import Unauthenticated
from switchboard.home import service
from switchboard.home.schemas import Home
from switchboard.http.deps import Caller, Now, Running
from switchboard.http.errors import problems

router = APIRouter(tags=["me"])


@router.get("/v1/me/bootstrap", summary="All I need after sign-in", responses=problems(Unauthenticated))
async def read(caller: Caller, services: Running, now: Now) -> Home:
    return Home.of(await service.read(services, caller, now))
