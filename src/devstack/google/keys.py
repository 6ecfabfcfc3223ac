"""The signing key of id tokens and its certificates."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.x509.oid import NameOID

ISSUER = "https://accounts.google.com"


class SigningKey:
    """One RSA key, made when first needed unless given as PEM."""

    def __init__(self, pem: str = "") -> None:
        self._given = pem

    @cached_property
    def key(self) -> RSAPrivateKey:
        if not self._given:
            return generate_private_key(public_exponent=65537, key_size=2048)
        key = serialization.load_pem_private_key(self._given.encode(), None)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("an RSA key is needed")
        return key

    @property
    def pem(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    @cached_property
    def key_id(self) -> str:
        public = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return hashlib.sha1(public, usedforsecurity=False).hexdigest()

    @cached_property
    def certificate(self) -> str:
        """A self-signed X.509 certificate, PEM."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "federated-signon.system.gserviceaccount.com")])
        builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        begin = datetime(2020, 1, 1, tzinfo=UTC)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin)
        signed = builder.not_valid_after(begin + timedelta(days=36500)).sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def jwk(self) -> dict[str, str]:
        numbers = self.key.public_key().public_numbers()
        return {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.key_id,
            "n": _unpadded(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
            "e": _unpadded(numbers.e.to_bytes(3, "big")),
        }

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": self.key_id})


def access_token_hash(access_token: str) -> str:
    """`at_hash` of OpenID Connect: the left half of the SHA-256."""
    return _unpadded(hashlib.sha256(access_token.encode()).digest()[:16])


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
