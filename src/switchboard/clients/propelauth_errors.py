"""What propelauth-py raises, in our words (facts/propelauth.md section 1.4)."""

import json

import httpx
from propelauth_py import RateLimitedException
from propelauth_py.errors import BadRequestException, CreateUserException, UpdateUserMetadataException

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


class RefusedByPropelAuth(Invalid):
    """It read the request and said no. `about` are the fields it named, in its words."""

    code = "refused_by_propelauth"
    message = "PropelAuth refused the request."

    def __init__(self, about: frozenset[str] = frozenset()) -> None:
        super().__init__()
        self.about = about


VENDOR_ERRORS = (
    BadRequestException,
    CreateUserException,
    UpdateUserMetadataException,
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
    if isinstance(error, httpx.HTTPStatusError):
        return _by_status(error.response.status_code)
    if isinstance(error, (BadRequestException, CreateUserException, UpdateUserMetadataException)):
        return RefusedByPropelAuth(_about(error.field_to_errors))
    if isinstance(error, json.JSONDecodeError):
        return PropelAuthUnavailable()
    return _by_words(error)


def _by_status(status: int) -> SwitchboardError:
    if status == httpx.codes.FORBIDDEN:
        return Misconfigured("PROPELAUTH_API_KEY lacks a right at PropelAuth.")
    if status == httpx.codes.NOT_FOUND:
        return NotFound("PropelAuth does not know this.")
    if status == httpx.codes.UPGRADE_REQUIRED:
        return _organizations_off()
    return PropelAuthUnavailable()


def _by_words(error: Exception) -> SwitchboardError:
    """Errors that only their text tells apart."""
    if isinstance(error, ValueError) and "integration_api_key" in str(error):
        return Misconfigured("PropelAuth does not accept PROPELAUTH_API_KEY.")
    if isinstance(error, ValueError) and str(error).startswith("Bad request"):
        return RefusedByPropelAuth()
    if isinstance(error, RuntimeError) and "organizations" in str(error):  # 426, where the library knows it
        return _organizations_off()
    return PropelAuthUnavailable()


def _organizations_off() -> SwitchboardError:
    return Misconfigured("The PropelAuth project has organizations switched off.")


def _about(refused: object) -> frozenset[str]:
    """The fields of a 400: the library hands them over parsed by some methods and as text by others."""
    try:
        fields = json.loads(refused) if isinstance(refused, str) else refused
    except ValueError:
        return frozenset()
    return frozenset(map(str, fields)) if isinstance(fields, dict) else frozenset()
