"""What user-given addresses lead to in tests: a canary that nobody may touch, and a TLS server that remembers."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.world import eventually

LOOPBACKS = ("127.0.0.1", "::1")

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def loopbacks() -> tuple[str, ...]:
    """Those that this machine has."""
    found = []
    for address in LOOPBACKS:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.bind((address, 0))
            found.append(address)
    return tuple(found)


@dataclass
class Canary:
    """Counts who connects to `port` on every loopback address given."""

    port: int
    addresses: tuple[str, ...]
    accepted: int = 0

    async def touched(self) -> int:
        """How many connected since the last look. A connection of our own shows that all before it are counted."""
        for address in self.addresses:
            before = self.accepted
            _, writer = await asyncio.open_connection(address, self.port)
            await eventually(lambda before=before: self.accepted > before)
            writer.close()
        touched, self.accepted = self.accepted - len(self.addresses), 0
        return touched


@asynccontextmanager
async def canary(addresses: tuple[str, ...] | None = None, port: int = 0) -> AsyncIterator[Canary]:
    found = Canary(port or free_port(), loopbacks() if addresses is None else addresses)

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.accepted += 1
        writer.close()

    servers = [await asyncio.start_server(accept, address, found.port) for address in found.addresses]
    try:
        yield found
    finally:
        for server in servers:
            server.close()


def free_port() -> int:
    """One that nobody listens on at any loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


@dataclass
class TlsServer:
    """`requests` are the heads it was sent, `names` what clients asked for by SNI."""

    port: int
    requests: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)


def says(response: str) -> Answer:
    """Send this and close."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(response.encode())
        await writer.drain()

    return answer


def repeats(start: str, piece: bytes, seconds: float = 0.0) -> Answer:
    """Send a start, then a piece over and over until the client goes away."""

    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(start.encode())
        while not writer.is_closing():
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(seconds)

    return answer


@asynccontextmanager
async def tls_server(certificate: Path, answer: Answer) -> AsyncIterator[TlsServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    found = TlsServer(0)
    context.sni_callback = lambda _, name, __: found.names.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
        await answer(writer)

    async with _listening(serve, context) as found.port:
        yield found


@dataclass
class PlainServer:
    """`gone` counts the clients that closed their connection."""

    port: int
    gone: int = 0


@asynccontextmanager
async def plain_server(words: bytes = b"") -> AsyncIterator[PlainServer]:
    """One without TLS that says something, or nothing, as soon as somebody connects."""
    found = PlainServer(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await reader.read()
        found.gone += 1

    async with _listening(serve, None) as found.port:
        yield found


@asynccontextmanager
async def _listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], context: ssl.SSLContext | None
) -> AsyncIterator[int]:
    open_writers: set[asyncio.StreamWriter] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)
            writer.close()
            await writer.wait_closed()
        writer.transport.abort()
        open_writers.discard(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in open_writers:
            writer.transport.abort()
        await eventually(lambda: not open_writers)


class Authority:
    """A throw-away certificate authority."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of a test")])
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        own = self._built(self._name, self._key, timedelta(days=1))
        own = own.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        self.certificate = own.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())

    @property
    def trusted(self) -> ssl.SSLContext:
        """What a client uses that trusts this authority and no other."""
        return ssl.create_default_context(cadata=self.certificate.public_bytes(serialization.Encoding.PEM).decode())

    def issue(self, host: str, valid: timedelta = timedelta(days=1)) -> Path:
        """A file with the certificate of a host and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        built = self._built(name, key, valid)
        built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        built = built.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self._folder / f"{x509.random_serial_number()}.pem"
        path.write_bytes(built.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) + private)
        return path

    def _built(self, name: x509.Name, key: ec.EllipticCurvePrivateKey, valid: timedelta) -> x509.CertificateBuilder:
        now, issuer = datetime.now(UTC), self._key.public_key()
        builder = x509.CertificateBuilder(self._name, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=2)).not_valid_after(now + valid)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        return builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
