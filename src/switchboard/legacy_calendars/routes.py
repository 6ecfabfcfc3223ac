"""The older calendar backend, on both of the prefixes that front ends call it by."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path
from pydantic import JsonValue

from switchboard.bookings.model import InvalidEvent, WritingNotGranted
from switchboard.clients.google_errors import AccessLost, EventExists
from switchboard.clients.propelauth_errors import InvalidToken, NoGoogleTokens
from switchboard.errors import Unauthenticated
from switchboard.http.deps import Caller, Now, Running
from switchboard.http.errors import problems
from switchboard.legacy_calendars import schemas, service
from switchboard.legacy_calendars.model import (
    CALENDAR_SCOPES,
    SIGN_IN_SCOPES,
    AccessNotGranted,
    EventNotCreated,
    NameRequired,
    NoAccessToken,
    NoLongerServed,
    TimezoneRequired,
    UnknownUser,
    sign_in_address,
)
from switchboard.users import service as users
from switchboard.users.model import FormTooDeep, FormTooLarge, TimezoneLocked, UnknownTimezone

PREFIXES = ("/api/v1", "/calendar-api")
KNOWN = (Unauthenticated, UnknownUser)
BY_PROPELAUTH = "Successor: PropelAuth's own sign-in pages and SDK"
BY_CONSENT = "Successor: POST /v1/me/calendar/connect"

router = APIRouter(tags=["legacy"], deprecated=True)
paths = APIRouter()


@router.get("/health", summary="The service answers", description="Successor: GET /health/live")
@paths.get("/health", summary="The service answers", description="Successor: GET /health/live")
async def health(now: Now) -> schemas.Health:
    return schemas.Health(timestamp=now)


@paths.get("/auth/google", summary="Where to sign in with Google", description=BY_PROPELAUTH)
async def google(services: Running) -> schemas.AddressWithState:
    address = sign_in_address(services.settings.propelauth.auth_url, SIGN_IN_SCOPES)
    return schemas.AddressWithState(auth_url=address, state=secrets.token_urlsafe(32))


@paths.get("/auth/google/redirect", summary="Where to sign in with Google", description=BY_PROPELAUTH)
async def google_redirect(services: Running) -> schemas.Address:
    return schemas.Address(auth_url=sign_in_address(services.settings.propelauth.auth_url, SIGN_IN_SCOPES))


@paths.get("/auth/google/calendar", summary="Where to give access to the calendar", description=BY_CONSENT)
async def google_calendar(services: Running) -> schemas.AddressWithMessage:
    address = sign_in_address(services.settings.propelauth.auth_url, CALENDAR_SCOPES)
    return schemas.AddressWithMessage(auth_url=address)


@paths.post("/buy-service", summary="Where to give access to the calendar", description=BY_CONSENT)
async def buy_service(services: Running) -> schemas.Redirect:
    return schemas.Redirect(redirect_url=sign_in_address(services.settings.propelauth.auth_url, CALENDAR_SCOPES))


@paths.post(
    "/auth/callback",
    summary="Keep the Google tokens that my sign-in left at PropelAuth",
    description="Successor: POST /v1/me/calendar/connect/propelauth",
    responses=problems(NoAccessToken, InvalidToken, NoGoogleTokens),
)
async def callback(body: schemas.TokenSent, services: Running, now: Now) -> schemas.TokensStored:
    return schemas.TokensStored(user_id=await service.sign_in(services, body.checked(), now))


@paths.post(
    "/auth/check-google-tokens",
    summary="Whether PropelAuth holds Google tokens for me",
    description="Successor: GET /v1/me/calendar",
    responses=problems(*KNOWN),
    response_model_exclude_none=True,
)
async def check_google_tokens(caller: Caller, services: Running, now: Now) -> schemas.TokensChecked:
    scopes = await service.authorized_scopes(services, caller, now)
    return schemas.TokensChecked.of(await service.known(caller), scopes)


@paths.get("/auth/user", summary="Who I am", description="Successor: GET /v1/me", responses=problems(*KNOWN))
async def user(caller: Caller) -> schemas.SignedIn:
    return schemas.SignedIn.of(await service.known(caller), await users.signed_up(caller))


@paths.post("/auth/logout", summary="Signed out", description=BY_PROPELAUTH, responses=problems(Unauthenticated))
async def logout(_: Caller) -> schemas.SignedOut:
    return schemas.SignedOut()


@paths.post(
    "/update-user-names",
    summary="Change my names",
    description="Successor: PATCH /v1/me",
    responses=problems(*KNOWN, NameRequired),
)
async def update_names(caller: Caller, body: schemas.NamesSent, services: Running, now: Now) -> schemas.NamesUpdated:
    names = body.checked()
    await service.change_names(services, caller, names, now)
    return schemas.NamesUpdated(**names)


@paths.post(
    "/update-user-timezone",
    summary="Change my time zone",
    description="Successor: PATCH /v1/me",
    responses=problems(*KNOWN, TimezoneLocked, TimezoneRequired, UnknownTimezone),
)
async def update_timezone(caller: Caller, body: schemas.ZoneSent, services: Running, now: Now) -> schemas.ZoneUpdated:
    return schemas.ZoneUpdated(timezone=await service.change_timezone(services, caller, body.timezone, now))


@paths.get(
    "/calendar/access",
    summary="Whether my calendar may be read",
    description="Successor: GET /v1/me",
    responses=problems(*KNOWN),
)
async def access(caller: Caller) -> schemas.Access:
    return schemas.Access(has_calendar_access=(await service.known(caller)).token.reads_calendar)


@paths.get(
    "/calendar/events",
    summary="My next ten events",
    description="Successor: GET /v1/me/events",
    responses=problems(*KNOWN, AccessNotGranted, AccessLost),
)
async def events(caller: Caller, services: Running, now: Now) -> schemas.CalendarShown:
    return schemas.CalendarShown.of(await service.shown(services, caller, now))


@paths.post(
    "/calendar/events",
    summary="Create an event in my calendar",
    description="Successor: none yet; GET /v1/me/events shows what was created",
    responses=problems(
        *KNOWN, AccessNotGranted, WritingNotGranted, InvalidEvent, EventNotCreated, EventExists, AccessLost
    ),
)
async def create_event(
    caller: Caller, body: Annotated[dict[str, Any], Body()], services: Running, now: Now
) -> schemas.EventCreated:
    created, timezone = await service.create_event(services, caller, body, now)
    return schemas.EventCreated(event=created, timezone=timezone)


@paths.get(
    "/welcome-form/status",
    summary="Whether I submitted my welcome form",
    description="Successor: GET /v1/me/welcome-form",
    responses=problems(Unauthenticated),
)
async def form_status(caller: Caller) -> schemas.FormStatus:
    kept = await users.stored(caller)
    return schemas.FormStatus(has_completed_welcome_form=kept is not None and kept.welcome_form_completed)


@paths.post(
    "/welcome-form/submit",
    summary="Submit my welcome form: any JSON",
    description="Successor: PUT /v1/me/welcome-form",
    responses=problems(Unauthenticated, FormTooLarge, FormTooDeep),
)
async def submit_form(
    caller: Caller, data: Annotated[JsonValue, Body()], services: Running, now: Now
) -> schemas.FormSubmitted:
    await users.submit_form(services, caller, data, now)
    return schemas.FormSubmitted(welcome_form_data=data)


@paths.get(
    "/timezone/options", summary="Three time zones", description="Successor: none; PATCH /v1/me takes any IANA zone"
)
async def timezone_options() -> schemas.TimezoneOptions:
    return schemas.TimezoneOptions()


@paths.get(
    "/users/{user_id}/tokens", summary="Gone", description="Successor: GET /v1/me", responses=problems(NoLongerServed)
)
async def tokens_of(_: Annotated[str, Path(alias="user_id")]) -> None:
    raise NoLongerServed


@paths.get(
    "/auth/verify/{token}", summary="Gone", description="Successor: GET /v1/me", responses=problems(NoLongerServed)
)
async def verify(_: Annotated[str, Path(alias="token")]) -> None:
    raise NoLongerServed


for prefix in PREFIXES:
    router.include_router(paths, prefix=prefix)
