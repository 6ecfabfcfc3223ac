"""What a route may ask for, as named types."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from switchboard.clients.propelauth import Identity
from switchboard.services import Services


async def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


Running = Annotated[Services, Depends(services_of)]


async def current_time() -> datetime:
    return datetime.now(UTC)


Now = Annotated[datetime, Depends(current_time)]


class _Bearer(HTTPBearer):
    """Describes the token in OpenAPI and gives the person behind it."""

    async def __call__(self, request: Request) -> Identity:  # type: ignore[override]
        services: Services = request.app.state.services
        return services.propelauth.identify(request.headers.get("authorization"))


Caller = Annotated[Identity, Security(_Bearer(bearerFormat="JWT", description="Access token of PropelAuth"))]
