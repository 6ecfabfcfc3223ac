"""What can go wrong, in our words: no HTTP and no vendor in here.

    Refusal                     something a person or a service can act on; `message` is a sentence for them
      Invalid                   what was sent makes no sense
        TooLarge                ... because there is too much of it
        Malformed               ... because a part of it is missing, or is something else
      Unverified                not from whom it says it is
      Unauthenticated           nobody known is calling
      Forbidden                 known, but may not
      NotFound                  not there, or not for the caller's eyes
      Conflict                  the state of the thing does not allow it
      Gone                      was there, is not any more
      PreconditionFailed        changed since the caller read it
      PreconditionRequired      the caller must say which version it read
      RateLimited               too often; `retry_after` says when again
      Unavailable               a part we need does not answer; the same call works later
    Misconfigured               ours to repair: a wrong key, a missing right; never the caller's fault
    DataError                   a stored document no one can read

A kind becomes a refusal of its own by a subclass with a `code` and a `message`, beside the rule that raises it.
`http.errors` is the one table from kinds to statuses.
"""

from typing import ClassVar


class SwitchboardError(Exception):
    """Root of all errors raised on purpose."""

    code: ClassVar[str] = "error"
    message: str = "Something went wrong."

    def __init__(self, message: str | None = None) -> None:
        if message is not None:
            self.message = message
        super().__init__(self.message)


class Refusal(SwitchboardError):
    """A refusal for the caller; `fields` names what was wrong where, if it is about fields."""

    def __init__(self, message: str | None = None, *, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or {}


class Invalid(Refusal):
    code = "invalid"
    message = "The request is not valid."


class TooLarge(Invalid):
    code = "too_large"
    message = "The request is too large."


class Malformed(Invalid):
    """For paths that older programs call, which know no 422."""

    code = "malformed"
    message = "A part of the request is missing."


class Unverified(Refusal):
    code = "unverified"
    message = "The request could not be verified."


class Unauthenticated(Refusal):
    code = "unauthenticated"
    message = "Sign in first: send the access token as 'Authorization: Bearer ...'."


class Forbidden(Refusal):
    code = "forbidden"
    message = "You may not do this."


class NotFound(Refusal):
    code = "not_found"
    message = "There is nothing here."


class Conflict(Refusal):
    code = "conflict"
    message = "This does not fit the current state."


class Gone(Refusal):
    code = "gone"
    message = "This is no longer here."


class PreconditionFailed(Refusal):
    code = "precondition_failed"
    message = "It changed since you read it. Read it again, then repeat your change."


class PreconditionRequired(Refusal):
    code = "precondition_required"
    message = "Say which version you read: send its ETag as If-Match."


class RateLimited(Refusal):
    code = "rate_limited"
    message = "Too many requests. Try again later."

    def __init__(self, message: str | None = None, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(Refusal):
    """`retry_after` is in seconds. Whether a write behind it happened is unknown: repeat the call."""

    code = "unavailable"
    message = "A part of the service does not answer right now. Try again in a moment."

    def __init__(self, message: str | None = None, *, retry_after: float = 2.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Misconfigured(SwitchboardError):
    code = "misconfigured"
    message = "The service is not set up correctly. Its operators have to repair it."


class DataError(SwitchboardError):
    code = "unreadable_data"
    message = "Stored data could not be read."
