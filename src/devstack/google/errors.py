"""Google's error answers: the old envelope (`errors[].reason`) and the newer `status` and `details` together."""

from dataclasses import dataclass
from typing import Any

STATUS_NAMES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


@dataclass(frozen=True)
class Detail:
    """What some errors say beyond domain, reason and message."""

    location_type: str = ""
    location: str = ""
    short_message: str = ""
    info_reason: str = ""


class ApiError(Exception):
    """An answer of the Calendar API with `code` 400 or more."""

    def __init__(self, code: int, domain: str, reason: str, message: str, detail: Detail | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.domain = domain
        self.reason = reason
        self.message = message
        self.detail = detail or Detail()

    def body(self) -> dict[str, Any]:
        entry = {"domain": self.domain, "reason": self.reason, "message": self.detail.short_message or self.message}
        if self.detail.location:
            entry |= {"locationType": self.detail.location_type, "location": self.detail.location}
        error: dict[str, Any] = {"errors": [entry], "code": self.code, "message": self.message}
        if self.code in STATUS_NAMES:
            error["status"] = STATUS_NAMES[self.code]
        if self.detail.info_reason:
            error["details"] = [self._info()]
        return {"error": error}

    def _info(self) -> dict[str, Any]:
        return {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": self.detail.info_reason,
            "domain": "googleapis.com",
            "metadata": {"service": "calendar-json.googleapis.com"},
        }

    def headers(self) -> dict[str, str]:
        if self.code != 401:
            return {}
        error = ', error="invalid_token"' if self.reason == "authError" else ""
        return {"WWW-Authenticate": f'Bearer realm="https://accounts.google.com/"{error}'}


class OAuthError(Exception):
    """An answer of the token and revocation endpoints with `status` 400 or more."""

    def __init__(self, error: str, description: str = "", status: int = 400) -> None:
        super().__init__(description or error)
        self.status = status
        self.error = error
        self.description = description

    def body(self) -> dict[str, str]:
        return {"error": self.error} | ({"error_description": self.description} if self.description else {})


def invalid(message: str, parameter: str = "", reason: str = "invalid") -> ApiError:
    return ApiError(400, "global", reason, message, Detail("parameter", parameter) if parameter else None)


def not_found() -> ApiError:
    return ApiError(404, "global", "notFound", "Not Found")


def forbidden(message: str, reason: str = "forbidden", domain: str = "global") -> ApiError:
    return ApiError(403, domain, reason, message)


def read_only() -> ApiError:
    return forbidden("You need to have writer access to this calendar.", "requiredAccessLevel", "calendar")


def deleted() -> ApiError:
    return ApiError(410, "global", "deleted", "Resource has been deleted")


def duplicate() -> ApiError:
    return ApiError(409, "global", "duplicate", "The requested identifier already exists.")


def condition_not_met() -> ApiError:
    return ApiError(412, "global", "conditionNotMet", "Precondition Failed", Detail("header", "If-Match"))


def full_sync_required() -> ApiError:
    message = "Sync token is no longer valid, a full sync is required."
    return ApiError(410, "calendar", "fullSyncRequired", message, Detail("parameter", "syncToken"))


def updated_min_too_long_ago() -> ApiError:
    message = "The requested minimum modification time lies too far in the past."
    return ApiError(410, "calendar", "updatedMinTooLongAgo", message, Detail("parameter", "updatedMin"))


def time_range_empty() -> ApiError:
    message = "The specified time range is empty."
    return ApiError(400, "calendar", "timeRangeEmpty", message, Detail("parameter", "timeMax"))


def invalid_credentials() -> ApiError:
    message = (
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    return ApiError(
        401,
        "global",
        "authError",
        message,
        Detail("header", "Authorization", "Invalid Credentials", "ACCESS_TOKEN_EXPIRED"),
    )


def login_required() -> ApiError:
    message = (
        "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other "
        "valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    return ApiError(
        401, "global", "required", message, Detail("header", "Authorization", "Login Required.", "CREDENTIALS_MISSING")
    )


def insufficient_scopes() -> ApiError:
    return ApiError(
        403,
        "global",
        "insufficientPermissions",
        "Request had insufficient authentication scopes.",
        Detail(short_message="Insufficient Permission", info_reason="ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
    )


def rate_limited(per_user: bool) -> ApiError:
    reason, message = (
        ("userRateLimitExceeded", "User Rate Limit Exceeded")
        if per_user
        else ("rateLimitExceeded", "Rate Limit Exceeded")
    )
    return ApiError(403, "usageLimits", reason, message, Detail(info_reason="RATE_LIMIT_EXCEEDED"))
