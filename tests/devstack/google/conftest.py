from collections.abc import AsyncIterator

import aiohttp
import pytest

from devstack.google import GoogleEmulator
from devstack.google.keys import SigningKey
from tests.devstack.google.discovery_schema import AnswerChecker
from tests.devstack.google.driver import ANN, BOB, REDIRECT, Browser

CHECKER = AnswerChecker()
KEY = SigningKey()


@pytest.fixture
async def google() -> AsyncIterator[GoogleEmulator]:
    """A running emulator whose every Calendar answer is held against the published schema."""
    emulator = GoogleEmulator()
    failures: list[str] = []

    def check(method_id: str, body: bytes) -> None:
        try:
            CHECKER(method_id, body)
        except Exception as error:  # noqa: BLE001 - reported below, whatever it is
            failures.append(f"{method_id}: {error}")

    emulator.gateway.watch_answers.append(check)
    emulator.grants.key = KEY
    emulator.add_client("client", "secret", [REDIRECT])
    emulator.add_account(ANN, "Ann Example", "Europe/Berlin")
    emulator.add_account(BOB, "Bob Example", "America/New_York")
    async with emulator:
        yield emulator
    assert not failures, failures[0]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def ann(google: GoogleEmulator, session: aiohttp.ClientSession) -> Browser:
    return Browser(google, session, ANN)


@pytest.fixture
def bob(google: GoogleEmulator, session: aiohttp.ClientSession) -> Browser:
    return Browser(google, session, BOB)
