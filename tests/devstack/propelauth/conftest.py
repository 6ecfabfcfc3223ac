import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from propelauth_py import AsyncAuth, TokenVerificationMetadata, init_base_async_auth

from devstack.propelauth import PropelAuthEmulator, SigningKey
from tests.devstack.propelauth.parts import Loopback, Receiver


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    return SigningKey()


@pytest.fixture
async def propel(signing_key: SigningKey) -> AsyncIterator[PropelAuthEmulator]:
    async with PropelAuthEmulator(signing_key=signing_key) as emulator:
        yield emulator


@pytest.fixture
async def client(propel: PropelAuthEmulator) -> AsyncIterator[httpx.AsyncClient]:
    transport = Loopback(propel.url)
    async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=5) as client:
        yield client


@pytest.fixture
def auth(propel: PropelAuthEmulator, client: httpx.AsyncClient) -> AsyncAuth:
    """The vendor's own client, as it is."""
    metadata = TokenVerificationMetadata(propel.verifier_key_pem, propel.issuer)
    return init_base_async_auth(propel.auth_url, propel.api_key, metadata, httpx_client=client)


@pytest.fixture
async def receiver(propel: PropelAuthEmulator) -> AsyncIterator[Receiver]:
    async with Receiver(propel.webhook_secret) as receiver:
        propel.webhook_url = receiver.url
        propel.webhooks.retry_delays = (0.01, 0.01, 0.01)
        yield receiver


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
