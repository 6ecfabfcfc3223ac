from fastapi import APIRouter

from switchboard.http.deps import ServiceCaller
from switchboard.http.errors import problems
from switchboard.runtime.model import InvalidServiceKey
from switchboard.runtime.schemas import ServiceSelf

router = APIRouter(prefix="/internal/v1", tags=["internal"])


@router.get("/self", summary="Which service I am", responses=problems(InvalidServiceKey))
async def read(caller: ServiceCaller) -> ServiceSelf:
    return ServiceSelf.of(caller)
