from functools import cache
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Response

from switchboard.errors import Unauthenticated
from switchboard.http.deps import Caller
from switchboard.http.errors import problems
from switchboard.http.etag import etag_of, matches
from switchboard.providers.schemas import Catalogue

router = APIRouter(tags=["agents"])
UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "It is the one `If-None-Match` names."}}


@router.get(
    "/v1/catalogue",
    summary="Fields, providers and limits to draw a form for an agent from",
    response_model=Catalogue,
    responses={**problems(Unauthenticated), **UNCHANGED},
)
async def read(caller: Caller, if_none_match: Annotated[str | None, Header()] = None) -> Response:  # noqa: ARG001
    body, headers = _whole()
    if matches(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


@cache
def _whole() -> tuple[bytes, dict[str, str]]:
    """It is the same for everybody, and for as long as the process runs."""
    body = Catalogue.whole().model_dump_json().encode()
    return body, {"ETag": etag_of(body), "Cache-Control": "private, no-cache"}
