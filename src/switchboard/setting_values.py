"""What a value of a setting may be, each with the words for one that is not."""

import base64
from typing import Annotated
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from switchboard.crypto import KeyRing
from switchboard.errors import Misconfigured


def _address(value: str) -> str:
    if not _is_address(value):
        raise ValueError("must be an http(s) address such as https://example.com")
    return value.rstrip("/")


def _push_address(value: str) -> str:
    """Google tells https addresses alone; what plays Google on this machine tells any."""
    address = _address(value) if value else ""
    parts = urlsplit(address)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise ValueError("must be an https address such as https://api.example.com")
    return address


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        bare = not (parts.username or parts.query or parts.fragment) and parts.port != 0
        return parts.scheme in ("http", "https") and bool(parts.hostname) and bare
    except ValueError:  # half an IPv6 address, a port that is none
        return False


def _not_empty(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().strip():
        raise ValueError("must not be empty")
    return value


def _pem(value: str) -> str:
    """A PEM in one line, with `\\n` written out, is how most environments carry it."""
    pem = value.replace("\\n", "\n").strip()
    if not pem.startswith("-----BEGIN PUBLIC KEY-----") or not pem.endswith("-----END PUBLIC KEY-----"):
        raise ValueError("must be the public key in PEM form (PropelAuth: Backend Integration, verifier key)")
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is cut short or altered: it does not hold a public key") from None
    if not isinstance(key, RSAPublicKey):
        raise ValueError("must be an RSA key")
    return pem


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _list(value: object) -> object:
    """Texts from one with commas; a JSON list is read as well."""
    if not isinstance(value, str):
        return value
    return tuple(item for part in value.strip("[] ").split(",") if (item := part.strip(" \"'")))


def _mongodb_uri(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("must start with mongodb:// or mongodb+srv://")
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    try:
        key = base64.b64decode(value.get_secret_value().removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ValueError("must be the signing secret of the webhook endpoint, whsec_ and base64 (PropelAuth: Webhooks)")
    return value


def _key_ring(value: SecretStr) -> SecretStr:
    try:
        KeyRing.read(value.get_secret_value())
    except Misconfigured as error:
        raise ValueError(f"is not usable. {error.message}") from None
    return value


Address = Annotated[str, AfterValidator(_address)]
Secret = Annotated[SecretStr, AfterValidator(_not_empty)]
Seconds = Annotated[float, Field(ge=0.05, le=3600)]
Port = Annotated[int, Field(ge=1, le=65_535)]
PushAddress = Annotated[str, AfterValidator(_push_address)]
PublicKey = Annotated[str, AfterValidator(_pem)]
MongodbUri = Annotated[SecretStr, AfterValidator(_mongodb_uri)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
SealingKeys = Annotated[SecretStr, AfterValidator(_key_ring)]
Lowered = BeforeValidator(_lower)
Listed = BeforeValidator(_list)
