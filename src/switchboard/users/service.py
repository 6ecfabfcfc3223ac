"""What happens to people: known at first sight, changed by themselves."""

from datetime import datetime

import structlog
from pydantic import JsonValue

from switchboard.clients.propelauth_facts import Identity, Profile
from switchboard.errors import SwitchboardError
from switchboard.services import Services
from switchboard.users.documents import UserDocument
from switchboard.users.model import SignedUp, TimezoneLocked, User, check_form

log = structlog.get_logger()

# Facts that PropelAuth decides alone.
_DECIDED_THERE = ("email", "email_confirmed", "has_password", "locked", "enabled", "mfa_enabled", "can_create_orgs")
# Facts of the token that a new document starts with, and that fill what an older document lacks when it is read.
_FROM_TOKEN = ("email", "first_name", "last_name", "username")


async def current(services: Services, caller: Identity, now: datetime) -> User:
    """The caller. A document is inserted at first sight; one that exists is only read, whatever it lacks."""
    user = await UserDocument.find(caller.user_id)
    if user is None:
        user = await UserDocument.add(caller.user_id, await _first_facts(services, caller), now)
    return _completed(user, caller)


async def stored(caller: Identity) -> User | None:
    """The caller as they are kept; nobody is inserted."""
    user = await UserDocument.find(caller.user_id)
    return None if user is None else _completed(user, caller)


async def signed_up(caller: Identity) -> SignedUp:
    """What an older sign-in stored of the caller."""
    return await UserDocument.signed_up(caller.user_id)


async def _first_facts(services: Services, caller: Identity) -> dict[str, object]:
    """What a new document starts with: PropelAuth's profile, or the token alone while PropelAuth does not answer."""
    known = _known(caller)
    try:
        profile = vars(await services.propelauth.profile(caller.user_id))
    except SwitchboardError as error:
        log.warning("user.profile_missing", code=error.code)
        return {**known}
    return {**known, **{name: fact for name, fact in profile.items() if fact is not None}}


async def change(services: Services, caller: Identity, fields: dict[str, str], now: datetime) -> User:
    """Set the named fields; raises `TimezoneLocked`, `UnknownTimezone`."""
    user = await current(services, caller, now)
    timezone = fields.get("timezone")
    if timezone is not None:
        user.change_timezone(timezone)
    if not fields:
        return user
    changed = await UserDocument.change(caller.user_id, fields, now, timezone=timezone)
    if changed is None:  # access was granted between the check and the write
        raise TimezoneLocked
    return _completed(changed, caller)


async def submit_form(services: Services, caller: Identity, data: JsonValue, now: datetime) -> User:
    """Keep the welcome form as it was sent; raises `FormTooLarge`, `FormTooDeep`."""
    check_form(data)
    await current(services, caller, now)
    fields = {"welcome_form_completed": True, "welcome_form_data": data}
    changed = await UserDocument.change(caller.user_id, fields, now, timezone=None)
    return _completed(changed or await current(services, caller, now), caller)


async def confirmed_email(services: Services, caller: Identity, now: datetime) -> str | None:
    """The caller's e-mail if it is confirmed. PropelAuth is asked only if we do not know; raises `Unavailable`."""
    user = await current(services, caller, now)
    if user.email is not None and user.email_confirmed:
        return user.email
    profile = await services.propelauth.profile(caller.user_id)
    return profile.email if profile.email_confirmed else None


async def keep_profile(user_id: str, profile: Profile, now: datetime) -> None:
    """Bring what only PropelAuth decides up to date; a person without a document gets one with the whole profile.

    Names and pictures of a document that is there stay: people change them here.
    """
    told = {name: fact for name, fact in vars(profile).items() if fact is not None}
    user = await UserDocument.find(user_id) or await UserDocument.add(user_id, told, now)
    changed = {name: told[name] for name in _DECIDED_THERE if name in told and getattr(user, name) != told[name]}
    if changed:
        await UserDocument.change(user_id, changed, now, timezone=None)


async def close(user_id: str, now: datetime) -> None:
    """PropelAuth knows this person no more; the document stays."""
    user = await UserDocument.find(user_id)
    if user is not None and user.enabled:
        await UserDocument.change(user_id, {"enabled": False}, now, timezone=None)


def _known(caller: Identity) -> dict[str, str]:
    facts = ((name, getattr(caller, name)) for name in _FROM_TOKEN)
    return {name: fact for name, fact in facts if fact}


def _completed(user: User, caller: Identity) -> User:
    missing = {name: value for name, value in _known(caller).items() if getattr(user, name) is None}
    return user.model_copy(update=missing) if missing else user
