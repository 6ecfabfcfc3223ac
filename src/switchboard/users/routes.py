from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import JsonValue

from switchboard.errors import Unauthenticated
from switchboard.http.deps import Caller, Now, Running
from switchboard.http.errors import problems
from switchboard.users import service
from switchboard.users.model import FormTooDeep, FormTooLarge, TimezoneLocked, UnknownTimezone
from switchboard.users.schemas import Me, MeChange, WelcomeForm

router = APIRouter(prefix="/v1/me", tags=["me"])


@router.get("", summary="Who I am", responses=problems(Unauthenticated))
async def read(caller: Caller, services: Running, now: Now) -> Me:
    return Me.of(await service.current(services, caller, now))


@router.patch(
    "",
    summary="Change my names or time zone",
    responses=problems(Unauthenticated, TimezoneLocked, UnknownTimezone),
)
async def change(caller: Caller, body: MeChange, services: Running, now: Now) -> Me:
    return Me.of(await service.change(services, caller, body.fields(), now))


@router.get("/welcome-form", summary="My welcome form", responses=problems(Unauthenticated))
async def read_welcome_form(caller: Caller, services: Running, now: Now) -> WelcomeForm:
    return WelcomeForm.of(await service.current(services, caller, now))


@router.put(
    "/welcome-form",
    summary="Submit my welcome form: any JSON",
    responses=problems(Unauthenticated, FormTooLarge, FormTooDeep),
)
async def submit_welcome_form(
    caller: Caller, data: Annotated[JsonValue, Body()], services: Running, now: Now
) -> WelcomeForm:
    return WelcomeForm.of(await service.submit_form(services, caller, data, now))
