from fastapi import APIRouter

from switchboard.errors import Unauthenticated
from switchboard.http.deps import Caller
from switchboard.http.errors import problems
from switchboard.roles.schemas import RoleTable

router = APIRouter(tags=["organizations"])


@router.get("/v1/roles", summary="Roles and what they permit", responses=problems(Unauthenticated))
async def read(caller: Caller) -> RoleTable:  # noqa: ARG001  (for anybody who is signed in)
    return RoleTable.whole()
