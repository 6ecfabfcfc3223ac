"""The HTTP face."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from switchboard import __version__
from switchboard.administration.routes import router as administration
from switchboard.agents.routes import router as agents
from switchboard.availability.routes import router as availability
from switchboard.bookings.routes import router as bookings
from switchboard.bootstrap import running, set_up_logging
from switchboard.calendar_choices.routes import router as calendar_choices
from switchboard.calendar_sharing.routes import router as calendar_sharing
from switchboard.calendars.routes import router as calendars
from switchboard.changes.routes import router as changes
from switchboard.channels.routes import router as channels
from switchboard.delivery.routes import router as delivery
from switchboard.editing.routes import router as editing
from switchboard.history.routes import router as history
from switchboard.home.routes import router as home
from switchboard.http import errors, health, idempotency
from switchboard.http.bodies import Bodies
from switchboard.http.legacy import Legacy
from switchboard.http.requests import Requests
from switchboard.invites.routes import router as invites
from switchboard.legacy_agents.routes import router as legacy_agents
from switchboard.legacy_calendars.routes import router as legacy_calendars
from switchboard.legacy_organizations.routes import router as legacy_organizations
from switchboard.lifecycle.routes import router as lifecycle
from switchboard.members.routes import router as members
from switchboard.organization_calendars.routes import router as organization_calendars
from switchboard.organizations.routes import router as organizations
from switchboard.providers.routes import router as catalogue
from switchboard.pulls.routes import router as pulls
from switchboard.replies.routes import router as replies
from switchboard.roles.routes import router as roles
from switchboard.runtime.routes import router as runtime
from switchboard.settings import ServerSettings, Settings, load_settings
from switchboard.sharing.routes import router as sharing
from switchboard.users.routes import router as users
from switchboard.webhooks.routes import router as webhooks
from switchboard.working_hours.routes import router as working_hours

# Looked through in this order, which costs: what is asked most, and must be fast, stands first.
ROUTERS = (
    *(delivery, users, home, runtime, availability, changes, health.router, roles, organizations),
    *(administration, members),
    *(invites, replies, catalogue, agents, editing, lifecycle, sharing, history, calendars, pulls, channels, webhooks),
    *(organization_calendars, calendar_choices, calendar_sharing, working_hours, bookings),
    *(legacy_calendars, legacy_organizations, legacy_agents),
)


HEADERS = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-ID"),
    *("X-API-Key", "X-Timezone"),  # earlier front ends
)


def create_app(settings: Settings) -> FastAPI:
    """The application; it connects to nothing before it starts."""
    documentation = settings.server.documentation
    app = FastAPI(
        title="Switchboard",
        version=__version__,
        summary="Backend of a multi-tenant admin panel for AI voice agents",
        lifespan=_lifespan,
        docs_url="/docs" if documentation else None,
        redoc_url=None,
        openapi_url="/openapi.json" if documentation else None,
        redirect_slashes=False,  # the address it leads to would be the caller's Host header
    )
    app.state.settings = settings
    errors.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]
    app.add_middleware(idempotency.Idempotency)
    app.add_middleware(Bodies, limit=settings.server.body_limit)
    app.add_middleware(errors.Crashes)
    app.add_middleware(Legacy)
    if settings.server.cors_origins:
        _allow_origins(app, settings.server.cors_origins)
    app.add_middleware(Requests)
    return app


def serve() -> FastAPI:
    """The application by the settings of the environment: what uvicorn's workers start."""
    settings = load_settings()
    set_up_logging(settings.log)
    return create_app(settings)


def described() -> dict[str, Any]:
    """What `/openapi.json` says, without settings: all routes with their refusals."""
    server = ServerSettings(front_end_address="https://app.example.com")
    return openapi(create_app(Settings.model_construct(server=server)))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with running(app.state.settings) as services:
        app.state.services = services
        yield


def _allow_origins(app: FastAPI, origins: tuple[str, ...]) -> None:
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_credentials=True,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=HEADERS,
        expose_headers=["ETag", idempotency.REPLAYED, "Retry-After", "X-Request-ID"],
        max_age=600,
    )


def openapi(app: FastAPI) -> dict[str, Any]:
    """The description of all routes, with our problems in place of the framework's validation error."""
    if app.openapi_schema is None:
        described = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        _, definitions = models_json_schema(
            [(errors.Problem, "serialization")], ref_template="#/components/schemas/{model}"
        )
        schemas = described.setdefault("components", {}).setdefault("schemas", {})
        schemas.update(definitions["$defs"])
        for framework in ("HTTPValidationError", "ValidationError"):
            schemas.pop(framework, None)
        _describe_validation(described)
        _describe_idempotency(described)
        app.openapi_schema = described
    return app.openapi_schema


def _describe_validation(described: dict[str, Any]) -> None:
    """Routes that name no problem of their own still answer a wrong parameter with ours."""
    invalid = errors.problems()[422]
    for operation in _operations(described):
        if "HTTPValidationError" in str(operation["responses"].get("422")):
            operation["responses"]["422"] = invalid


def _describe_idempotency(described: dict[str, Any]) -> None:
    for operation in _operations(described, "post"):
        if operation.get("security"):
            idempotency.describe(operation)


def _operations(described: dict[str, Any], *methods: str) -> list[dict[str, Any]]:
    """All operations, or those of these methods."""
    each = ((method, operation) for path in described["paths"].values() for method, operation in path.items())
    return [operation for method, operation in each if not methods or method in methods]
