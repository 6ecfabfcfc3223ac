"""What a route may ask for, as named types."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Header, Path, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from switchboard.clients.propelauth_facts import Identity
from switchboard.errors import Unauthenticated
from switchboard.services import Principal, Service, Services


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


async def _services(request: Request) -> Services:  # one that is not async would run in a thread
    return services_of(request)


Running = Annotated[Services, Depends(_services)]


def current_time() -> datetime:
    """Now, in the milliseconds that MongoDB keeps: what is answered at once and what is read later are the same."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


async def _now() -> datetime:
    return current_time()


Now = Annotated[datetime, Depends(_now)]


class _Bearer(HTTPBearer):
    """Describes the token in OpenAPI and gives the person behind it."""

    async def __call__(self, request: Request) -> Identity:  # type: ignore[override]
        services: Services = request.app.state.services
        return services.propelauth.identify(request.headers.get("authorization"))


async def service_of(request: Request) -> Service:
    """The service whose key came along; raises `Unauthenticated`."""
    key = request.headers.get("x-api-key")
    if not key:
        raise Unauthenticated("Send the service's key as X-API-Key.")
    return await services_of(request).identify_service(key, datetime.now(UTC))


class _Key(APIKeyHeader):
    """Describes the key in OpenAPI and gives the service behind it."""

    async def __call__(self, request: Request) -> Service:  # type: ignore[override]
        return await service_of(request)


_bearer = _Bearer(bearerFormat="JWT", scheme_name="AccessToken", description="Access token of PropelAuth")
_key = _Key(name="X-API-Key", scheme_name="ServiceKey", description="Key made by `switchboard keys`")


# For OpenAPI: one of two ways to say who is calling. `_either` reads the headers.
_OneWay = HTTPBearer(bearerFormat="JWT", scheme_name="AccessToken", auto_error=False)
_OtherWay = APIKeyHeader(name="X-API-Key", scheme_name="ServiceKey", auto_error=False)


async def _either(
    request: Request, _person: Annotated[object, Security(_OneWay)], _service: Annotated[object, Security(_OtherWay)]
) -> Principal:
    """A service that sends its key and no token, or else a person."""
    sent = request.headers
    return await _key(request) if "x-api-key" in sent and "authorization" not in sent else await _bearer(request)


Caller = Annotated[Identity, Security(_bearer)]
ServiceCaller = Annotated[Service, Security(_key)]
AnyCaller = Annotated[Principal, Depends(_either)]

OrgId = Annotated[str, Path(max_length=64)]
UserId = Annotated[str, Path(max_length=64)]
InviteId = Annotated[str, Path(max_length=64)]
AgentId = Annotated[str, Path(max_length=64)]
EventId = Annotated[str, Path(max_length=64)]
IfMatch = Annotated[str | None, Header(description="The ETag of the version that was read; required for a change")]
