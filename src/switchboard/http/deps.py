"""What a route may ask for, as named types."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from switchboard.clients.propelauth import Identity
from switchboard.errors import Unauthenticated
from switchboard.services import Service, Services


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


class _Key(APIKeyHeader):
    """Describes the key in OpenAPI and gives the service behind it."""

    async def __call__(self, request: Request) -> Service:  # type: ignore[override]
        services: Services = request.app.state.services
        key = request.headers.get("x-api-key")
        if not key:
            raise Unauthenticated("Send the service's key as X-API-Key.")
        return await services.identify_service(key, datetime.now(UTC))


ServiceCaller = Annotated[Service, Security(_Key(name="X-API-Key", description="Key made by `switchboard keys`"))]

Caller = Annotated[Identity, Security(_Bearer(bearerFormat="JWT", description="Access token of PropelAuth"))]
