"""What propelauth-py raises, in our words (facts/propelauth.md section 1.4)."""

import json

import httpx
from propelauth_py import RateLimitedException
from propelauth_py.errors import BadRequestException

from switchboard.errors import Invalid, Misconfigured, NotFound, SwitchboardError, Unauthenticated, Unavailable


class PropelAuthUnavailable(Unavailable):
    code = "propelauth_unavailable"
    message = "PropelAuth does not answer right now. Try again in a moment."


class NoGoogleTokens(NotFound):
    code = "no_google_tokens"
    message = "PropelAuth holds no Google tokens for you. Sign in with Google, or connect the calendar here."


class InvalidToken(Unauthenticated):
    code = "invalid_token"
    message = "The access token is not valid or has expired. Sign in again."


VENDOR_ERRORS = (
    BadRequestException,
    RateLimitedException,
    httpx.HTTPError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RuntimeError,
    TimeoutError,
)


def as_our_error(error: Exception) -> SwitchboardError:
    """What the library raised, in our words (facts/propelauth.md section 1.4).

    The order matters: `JSONDecodeError` is a `ValueError`, and so is the library's 'your key is wrong'. The causes
    are not chained, because their messages hold addresses and bodies.
    """
    if isinstance(error, RateLimitedException):
        return PropelAuthUnavailable("PropelAuth is busy. Try again in a moment.", retry_after=5.0)
    if isinstance(error, httpx.HTTPStatusError) and error.response.status_code == httpx.codes.FORBIDDEN:
        return Misconfigured("PROPELAUTH_API_KEY lacks a right at PropelAuth.")
    if isinstance(error, BadRequestException):
        return Invalid("PropelAuth refused the request.")
    if isinstance(error, json.JSONDecodeError):
        return PropelAuthUnavailable()
    if isinstance(error, ValueError) and "integration_api_key" in str(error):
        return Misconfigured("PropelAuth does not accept PROPELAUTH_API_KEY.")
    if isinstance(error, ValueError) and str(error).startswith("Bad request"):
        return Invalid("PropelAuth refused the request.")
    return PropelAuthUnavailable()
