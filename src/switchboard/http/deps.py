"""What a route may ask for, as named types."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from switchboard.clients.propelauth import Identity
from switchboard.services import Services

_bearer = HTTPBearer(auto_error=False, bearerFormat="JWT", description="Access token of PropelAuth")


async def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Running = Annotated[Services, Depends(services_of)]


async def current_time() -> datetime:
    return datetime.now(UTC)


Now = Annotated[datetime, Depends(current_time)]


async def current_caller(
    request: Request,
    services: Running,
    _: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
) -> Identity:
    return services.propelauth.identify(request.headers.get("authorization"))


Caller = Annotated[Identity, Depends(current_caller)]
