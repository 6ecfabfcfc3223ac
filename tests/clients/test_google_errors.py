"""Every answer that facts/google-calendar.md sections 5.3 and 5.4 list, and what it means for us."""

import math
from functools import partial
from typing import Any

import pytest

from switchboard.clients import google_errors as ours
from switchboard.errors import Misconfigured, SwitchboardError


def old(reason: str, domain: str = "global") -> dict[str, Any]:
    return {"error": {"errors": [{"domain": domain, "reason": reason, "message": "m"}], "code": 1, "message": "m"}}


def new(reason: str) -> dict[str, Any]:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}
    return {"error": {"code": 1, "message": "m", "status": "S", "details": [info]}}


ROWS = [
    (400, "timeRangeEmpty", SwitchboardError),
    (400, "invalid", SwitchboardError),
    (400, "required", SwitchboardError),
    (400, "badRequest", SwitchboardError),
    (400, "pushNotSupportedForRequestedResource", SwitchboardError),
    (400, "push.webhookUrlNotHttps", SwitchboardError),
    (401, "push.webhookUrlUnauthorized", ours.InvalidAccessToken),
    (401, "authError", ours.InvalidAccessToken),
    (401, "required", ours.InvalidAccessToken),
    (403, "userRateLimitExceeded", ours.Busy),
    (403, "rateLimitExceeded", ours.Busy),
    (429, "rateLimitExceeded", ours.Busy),
    (403, "quotaExceeded", ours.Busy),
    (403, "dailyLimitExceeded", Misconfigured),
    (403, "accessNotConfigured", Misconfigured),
    (403, "insufficientPermissions", ours.ScopeMissing),
    (403, "forbiddenForNonOrganizer", SwitchboardError),
    (403, "forbidden", ours.CalendarNotFound),
    (404, "notFound", ours.CalendarNotFound),
    (409, "duplicate", SwitchboardError),
    (410, "fullSyncRequired", ours.SyncTokenExpired),
    (410, "updatedMinTooLongAgo", SwitchboardError),
    (410, "deleted", ours.CalendarNotFound),
    (412, "conditionNotMet", SwitchboardError),
    (408, "timeout", ours.Busy),
    (500, "backendError", ours.Busy),
    (502, "backendError", ours.Busy),
    (503, "backendError", ours.Busy),
    (504, "backendError", ours.Busy),
    (520, "backendError", ours.Busy),
]


@pytest.mark.parametrize(("status", "reason", "kind"), ROWS)
@pytest.mark.parametrize("shape", [old, new, lambda reason: [old(reason)]], ids=["errors", "details", "list"])
def test_each_row_in_each_shape(status, reason, kind, shape) -> None:
    assert type(ours.as_our_error(status, shape(reason))) is kind


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("ACCESS_TOKEN_SCOPE_INSUFFICIENT", ours.ScopeMissing),
        ("SERVICE_DISABLED", Misconfigured),
    ],
)
def test_reasons_that_only_the_newer_shape_has(reason, kind) -> None:
    assert type(ours.as_our_error(403, new(reason))) is kind


ODD: list[Any] = [
    None,
    [],
    {},
    [None],
    "x",
    {"error": None},
    {"error": "x"},
    {"error": []},
    {"error": {"errors": 5, "details": {"a": 1}}},
    {"error": {"errors": [None, 7, {"reason": None}, {"reason": ["x"]}]}},
]


@pytest.mark.parametrize("body", ODD)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, SwitchboardError),
        (401, ours.InvalidAccessToken),
        (403, SwitchboardError),
        (404, SwitchboardError),
        (410, ours.SyncTokenExpired),
        (429, ours.Busy),
        (503, ours.Busy),
    ],
)
def test_without_a_reason_the_status_counts_and_nobody_loses_a_calendar(status, kind, body) -> None:
    assert type(ours.as_our_error(status, body)) is kind


TOKEN_ROWS = [
    (400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}, ours.AccessLost),
    (400, {"error": "invalid_grant", "error_description": "Bad Request"}, ours.AccessLost),
    (400, {"error": "invalid_grant", "error_description": "Malformed auth code."}, ours.AccessLost),
    (400, {"error": "invalid_grant", "error_description": "Invalid code verifier."}, ours.AccessLost),
    (400, {"error": "redirect_uri_mismatch"}, Misconfigured),
    (401, {"error": "invalid_client", "error_description": "The OAuth client was not found."}, Misconfigured),
    (401, {"error": "invalid_client", "error_description": "Unauthorized"}, Misconfigured),
    (400, {"error": "unauthorized_client"}, Misconfigured),
    (400, {"error": "unsupported_grant_type"}, Misconfigured),
    (
        400,
        {"error": "invalid_request", "error_description": "Missing required parameter: refresh_token"},
        Misconfigured,
    ),
    (500, {"error": "internal_failure"}, ours.Busy),
    (503, {"error": "invalid_grant"}, ours.Busy),
    (429, {"error": "rate_limit_exceeded"}, ours.Busy),
    (302, None, ours.Busy),
    (400, None, ours.Busy),
    (403, {"error": {"code": 403, "status": "PERMISSION_DENIED"}}, ours.Busy),
    (400, [{"error": "invalid_grant"}], ours.Busy),
]


@pytest.mark.parametrize(("status", "body", "kind"), TOKEN_ROWS)
def test_each_answer_of_the_token_endpoint(status, body, kind) -> None:
    assert type(ours.as_our_token_error(status, body)) is kind


def test_what_google_wrote_is_not_repeated() -> None:
    error = ours.as_our_token_error(400, {"error": "<ya29.a0>", "error_description": "1//0g"})

    assert "ya29" not in error.message
    assert "1//0g" not in error.message


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 0),
        ("", 0),
        ("7", 7),
        (" 7 ", 7),
        ("0", 0),
        ("-5", 0),
        ("1.5", 0),
        ("²", 0),
        ("٣", 0),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 0),
        ("9" * 400, 3600),
    ],
)
def test_retry_after_is_read_where_it_is_a_number_of_seconds(header, seconds) -> None:
    error = ours.as_our_error(429, None, header)

    assert isinstance(error, ours.Busy)
    assert error.asked_to_wait == seconds
    assert math.ceil(error.retry_after) >= 2


class _Attempts:
    """A call that fails, and the waits between its tries without waiting them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
        self.error = error
        self.tries = 0
        self.waits: list[float] = []

        async def sleep(seconds: float) -> None:
            self.waits.append(seconds)

        monkeypatch.setattr(ours, "AsyncRetrying", partial(ours.AsyncRetrying, sleep=sleep))

    async def __call__(self) -> None:
        self.tries += 1
        raise self.error


async def test_no_endless_retries(monkeypatch) -> None:
    call = _Attempts(monkeypatch, ours.GoogleUnavailable())
    with pytest.raises(ours.GoogleUnavailable):
        await ours.Retries(1.0)(call)

    assert (call.tries, len(call.waits)) == (4, 3)
    assert all(wait <= bound for wait, bound in zip(call.waits, (1, 2, 4), strict=True))


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (3600.0, ours.LONGEST_WAIT_SECONDS)])
async def test_retry_after_is_honoured_and_capped(monkeypatch, asked, waited) -> None:
    call = _Attempts(monkeypatch, ours.Busy(asked))
    with pytest.raises(ours.Busy):
        await ours.Retries(0.01)(call)

    assert call.waits == [waited] * 3


@pytest.mark.parametrize("error", [ours.AccessLost(), ours.SyncTokenExpired(), ours.CalendarNotFound(), ValueError()])
async def test_what_will_not_pass_is_not_tried_again(monkeypatch, error) -> None:
    call = _Attempts(monkeypatch, error)
    with pytest.raises(type(error)):
        await ours.Retries(1.0)(call)

    assert call.tries == 1
