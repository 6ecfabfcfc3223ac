"""What Google answers when it does not answer well, in our words.

Only the answer's status, reasons and Retry-After are used; no error carries an address or a token
(facts/google-calendar.md section 1.6).
"""

from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

from prometheus_client import Counter
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from switchboard.errors import Conflict, Forbidden, Invalid, Misconfigured, NotFound, SwitchboardError, Unavailable

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

RETRIES = Counter("switchboard_google_retries", "Requests to Google that were sent once more")
ATTEMPTS = 4
LONGEST_WAIT_SECONDS = 30.0
LONGEST_ASKED_SECONDS = 3600.0
RETRYABLE_REASONS = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded"})
SCOPE_REASONS = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
PROJECT_REASONS = frozenset({"accessNotConfigured", "dailyLimitExceeded", "SERVICE_DISABLED"})
GONE_REASONS = frozenset({"notFound", "deleted", "forbidden", "notACalendarUser", "requiredAccessLevel"})
READING_REASONS = frozenset({"forbidden", "requiredAccessLevel"})
ORGANIZER_REASONS = frozenset({"forbiddenForNonOrganizer", "cannotChangeOrganizer", "cannotChangeOrganizerOfInstance"})


class GoogleUnavailable(Unavailable):
    code = "google_unavailable"
    message = "Google does not answer right now. Try again in a moment."


class AccessLost(Conflict):
    code = "calendar_access_lost"
    message = "Google no longer lets us read this calendar. Connect it again."


class StoredClientRefused(Misconfigured):
    """Not our OAuth client but an older one, to which a person's tokens were issued: those of others are fine."""

    code = "stored_client_refused"


class InvalidAccessToken(AccessLost):
    """The access token was refused; a fresh one may work."""


class ScopeMissing(AccessLost):
    code = "calendar_scope_missing"
    message = "The consent at Google left out the calendar. Connect again and leave its boxes ticked."


class InvalidConsent(Invalid):
    code = "invalid_consent"
    message = "Google did not accept this consent. It may be used up or too old. Connect again."


class CalendarNotFound(NotFound):
    code = "calendar_not_found"
    message = "Google does not know this calendar, or no longer shares it."


class EventRefused(Invalid):
    code = "event_refused"
    message = "Google did not accept this event. Check its start, its end, and their time zone."


class EventExists(Conflict):
    code = "event_exists"
    message = "There is or was an event with this id."


class EventNotFound(NotFound):
    code = "event_not_found"
    message = "This event is not there, or not any more."


class NotTheOrganizer(Forbidden):
    code = "not_the_organizer"
    message = "Google lets nobody but the organizer change this event."


class CalendarReadOnly(Forbidden):
    code = "calendar_read_only"
    message = "Google lets you read this calendar, but not change it."


class PushUnsupported(Conflict):
    code = "push_unsupported"
    message = "Google does not tell of changes to this calendar, or not at this address."


class PushAddressRefused(PushUnsupported):
    """Ours to repair; no calendar is to blame."""

    code = "push_address_refused"
    message = "Google does not tell of changes at the address in CALENDAR_PUSH_ADDRESS."


class ChannelExists(Conflict):
    code = "channel_exists"
    message = "There is or was a channel with this id."


class SyncTokenExpired(SwitchboardError):
    code = "sync_token_expired"
    message = "Google asks for a full pull."


class Busy(GoogleUnavailable):
    """Google asked to slow down; `asked_to_wait` is in seconds."""

    def __init__(self, asked_to_wait: float = 0.0) -> None:
        super().__init__(retry_after=max(2.0, asked_to_wait))
        self.asked_to_wait = asked_to_wait


def as_our_error(status: int, body: Any, retry_after: str | None = None) -> SwitchboardError:
    """An answer of the Calendar API as an error of ours (facts/google-calendar.md section 5.4)."""
    reasons = _reasons(body)
    if _may_pass(status) or (status == 403 and reasons & RETRYABLE_REASONS):
        return Busy(_seconds(retry_after))
    if status == 401:
        return InvalidAccessToken()
    if status == 403 and reasons & SCOPE_REASONS:
        return ScopeMissing()
    if status == 410 and not reasons & {"deleted", "updatedMinTooLongAgo"}:
        return SyncTokenExpired()
    if status == 403 and reasons & PROJECT_REASONS:
        return Misconfigured(_ours_to_repair(reasons))
    if status in (403, 404, 410) and reasons & GONE_REASONS:  # never without a reason: a gateway may have answered
        return CalendarNotFound()
    return SwitchboardError("Google refused a request of ours.")


def _may_pass(status: int) -> bool:
    return status in (408, 429) or status >= 500


def _ours_to_repair(reasons: set[str]) -> str:
    return f"The Google project cannot use the Calendar API: {', '.join(sorted(reasons & PROJECT_REASONS))}."


def as_our_event_error(status: int, body: Any, retry_after: str | None = None) -> SwitchboardError:
    """An answer to a new event: here the event may be wrong, elsewhere only our request."""
    if status == 400:
        return EventRefused()
    if status == 403 and _reasons(body) & READING_REASONS:
        return CalendarReadOnly()
    return EventExists() if status == 409 else as_our_error(status, body, retry_after)


def as_our_change_error(status: int, body: Any, retry_after: str | None = None) -> SwitchboardError:
    """An answer to a question about one event, or to a change of it."""
    reasons = _reasons(body)
    if status in (404, 410) and reasons & {"notFound", "deleted"}:
        return EventNotFound()
    if status == 403 and reasons & ORGANIZER_REASONS:
        return NotTheOrganizer()
    return Busy() if status == 409 else as_our_event_error(status, body, retry_after)


def as_our_channel_error(status: int, body: Any, retry_after: str | None = None) -> SwitchboardError:
    """An answer to a channel that was wished for. Reasons about its address come with 401 as well."""
    reasons = _reasons(body)
    if status == 400 and "channelIdNotUnique" in reasons:
        return ChannelExists()
    if status in (400, 401) and any(reason.startswith("push.") for reason in reasons):
        return PushAddressRefused()
    push = any(reason.startswith("push") for reason in reasons)
    return PushUnsupported() if status in (400, 401) and push else as_our_error(status, body, retry_after)


def as_our_token_error(status: int, body: Any, *, our_client: bool = True) -> SwitchboardError:
    """An answer of the token endpoint as an error of ours (section 5.3; rules 45 and 46)."""
    error = body.get("error") if isinstance(body, dict) else None
    if _may_pass(status) or status < 400 or not isinstance(error, str):
        return Busy()
    if error == "invalid_grant":
        return AccessLost()
    named = error[:40] if error.isidentifier() else "an unknown error"
    if our_client:
        return Misconfigured(f"Google refuses our OAuth client: {named}. Check GOOGLE_CLIENT_ID and its secret.")
    return StoredClientRefused(
        f"Google refuses the OAuth client that a person's document names: {named}. Repair that client at Google, or "
        "have the person connect their calendar again."
    )


def _reasons(body: Any) -> set[str]:
    """Both shapes in use: `errors[].reason` and `details[].reason`. Some front ends wrap the body in a list."""
    body = body[0] if isinstance(body, list) and body else body
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return set()
    shapes = (error.get("errors"), error.get("details"))
    listed = [item for shape in shapes if isinstance(shape, list) for item in shape]
    return {str(item["reason"]) for item in listed if isinstance(item, dict) and "reason" in item}


def _seconds(retry_after: str | None) -> float:
    seconds = retry_after.strip() if retry_after else ""
    return min(float(seconds), LONGEST_ASKED_SECONDS) if seconds.isascii() and seconds.isdecimal() else 0.0


class Retries:
    """Tries again only what may pass: four tries, random and growing waits, Retry-After honoured (rule 52).

    `backoff` is the first wait's upper bound in seconds.
    """

    def __init__(self, backoff: float) -> None:
        self.backoff = backoff

    async def __call__(
        self, call: Callable[Parameters, Awaitable[Result]], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(GoogleUnavailable),
            stop=stop_after_attempt(ATTEMPTS),
            wait=self._pause,
            before_sleep=lambda _: RETRIES.inc(),
            reraise=True,
        )
        return await retrying(call, *args, **kwargs)

    def _pause(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.asked_to_wait if isinstance(error, Busy) else 0.0
        wait = wait_random_exponential(multiplier=self.backoff, max=LONGEST_WAIT_SECONDS)
        return min(max(wait(state), asked), LONGEST_WAIT_SECONDS)
