"""Calling an endpoint: a real TLS server stands for the public internet, and a canary for everything else.

Both are on loopback, so in here `127.0.0.1` is what the guard allows.
"""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import timedelta

import httpcore
import pytest

from switchboard.clients.endpoint_connections import Endpoints, Probe, _Pinned
from switchboard.clients.endpoints import EndpointRefused, parse_endpoint
from switchboard.settings import AgentSettings
from tests.clients.listeners import (
    LOOPBACKS,
    Authority,
    canary,
    free_port,
    loopbacks,
    plain_server,
    repeats,
    says,
    tls_server,
)
from tests.world import eventually

HOST = "bot.example.com"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
QUICK, PATIENT = 0.3, 10.0

needs_ipv6 = pytest.mark.skipif(loopbacks() != LOOPBACKS, reason="no IPv6 here")


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def certificate(authority):
    return authority.issue(HOST)


class Names:
    """A resolver that gives these answers in turn, the last one for good, and remembers what it was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.fixture
def guarding(authority) -> Callable[..., Endpoints]:
    def guard(port: int, *answers: list[str], seconds: float = PATIENT, resolve=None) -> Endpoints:
        return Endpoints(
            AgentSettings(endpoint_ports=(443, port), endpoint_timeout=seconds),
            resolve=resolve or Names(*(answers or (["127.0.0.1"],))),
            allows=lambda address: address == "127.0.0.1",
            trust=authority.trusted,
        )

    return guard


async def test_an_endpoint_that_answers_is_asked_by_its_name_and_gets_no_key(guarding, certificate) -> None:
    async with tls_server(certificate, says(OK)) as server:
        url = f"https://BOT.example.com.:{server.port}/v1/chat?tenant=%20x"
        assert await guarding(server.port).probe(url) == Probe("answers", 200)
    assert server.names == [HOST]
    first, *headers = server.requests[0].strip().split("\r\n")
    assert first == "GET /v1/chat?tenant=%20x HTTP/1.1"
    assert {header.lower() for header in headers} == {
        f"host: {HOST}:{server.port}",
        "accept: */*",
        "user-agent: switchboard",
    }


async def test_an_international_name_goes_out_in_ascii(guarding, authority) -> None:
    async with tls_server(authority.issue("xn--bcher-kva.example"), says(OK)) as server:
        assert await guarding(server.port).probe(f"https://bücher.example:{server.port}/") == Probe("answers", 200)
    assert server.names == ["xn--bcher-kva.example"]
    assert f"Host: xn--bcher-kva.example:{server.port}\r\n" in server.requests[0]


@pytest.mark.parametrize("status", [201, 204, 400, 401, 404, 405, 429, 500, 503])
async def test_any_answer_is_an_answer(guarding, certificate, status) -> None:
    async with tls_server(certificate, says(f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n")) as server:
        assert await guarding(server.port).probe(f"https://{HOST}:{server.port}/") == Probe("answers", status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "to", ["https://inside.example.com:@@/", "https://bot.example.com:@@/inside", "http://[::1]:@@/", "/inside"]
)
async def test_a_redirect_is_told_and_not_followed(guarding, certificate, status, to) -> None:
    async def resolve(host: str, _: int) -> list[str]:
        return ["127.0.0.1"] if host == HOST else ["::1"]

    async with tls_server(certificate, lambda writer: says(response)(writer)) as server:
        location = to.replace("@@", str(server.port))
        response = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        async with canary(addresses=loopbacks()[1:], port=server.port) as inside:
            probe = await guarding(server.port, resolve=resolve).probe(f"https://{HOST}:{server.port}/")
            assert await inside.touched() == 0
    assert probe == Probe("redirects", status)
    assert len(server.requests) == 1


@needs_ipv6
async def test_the_address_that_was_checked_is_the_one_connected_to(guarding, certificate) -> None:
    """A second look would lead to the canary."""
    names = Names(["127.0.0.1"], ["::1"])
    async with tls_server(certificate, says(OK)) as server, canary(("::1",), server.port) as inside:
        guard, url = guarding(server.port, resolve=names), f"https://{HOST}:{server.port}/"
        assert await guard.probe(url) == Probe("answers", 200)
        assert names.asked == [(HOST, server.port)]
        assert await guard.probe(url) == Probe("refused")
        assert await inside.touched() == 0
    assert len(server.requests) == 1


@needs_ipv6
@pytest.mark.parametrize("answer", [["127.0.0.1", "::1"], ["::1", "127.0.0.1"]])
async def test_one_address_inside_makes_the_whole_name_refused(guarding, certificate, answer) -> None:
    async with tls_server(certificate, says(OK)) as server, canary(("::1",), server.port) as inside:
        guard, url = guarding(server.port, answer), f"https://{HOST}:{server.port}/"
        with pytest.raises(EndpointRefused):
            await guard.check(url)
        assert await guard.probe(url) == Probe("refused")
        assert await inside.touched() == 0
    assert server.names == []


async def test_an_address_that_does_not_answer_is_passed_over(authority, certificate) -> None:
    async with tls_server(certificate, says(OK)) as server:
        settings = AgentSettings(endpoint_ports=(server.port,), endpoint_timeout=PATIENT)
        names = Names(["::1", "127.0.0.1"])
        guard = Endpoints(settings, resolve=names, allows=lambda _: True, trust=authority.trusted)
        assert await guard.probe(f"https://{HOST}:{server.port}/") == Probe("answers", 200)


async def test_proxies_of_the_environment_are_not_used(guarding, certificate, monkeypatch) -> None:
    async with tls_server(certificate, says(OK)) as server, canary() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv(name.lower(), os.environ[name])
        assert await guarding(server.port).probe(f"https://{HOST}:{server.port}/") == Probe("answers", 200)
        assert await proxy.touched() == 0


@pytest.mark.parametrize(("host", "days"), [("another.example.com", 1), ("example.com", 1), (HOST, -1)])
async def test_a_certificate_must_be_of_the_name_and_of_today(guarding, authority, host, days) -> None:
    async with tls_server(authority.issue(host, timedelta(days=days)), says(OK)) as server:
        assert await guarding(server.port).probe(f"https://{HOST}:{server.port}/") == Probe("certificate")
    assert server.requests == []


async def test_a_certificate_must_be_of_a_known_authority(certificate) -> None:
    async with tls_server(certificate, says(OK)) as server:
        settings = AgentSettings(endpoint_ports=(server.port,), endpoint_timeout=PATIENT)
        guard = Endpoints(settings, resolve=Names(["127.0.0.1"]), allows=lambda _: True)
        assert await guard.probe(f"https://{HOST}:{server.port}/") == Probe("certificate")
    assert server.requests == []


async def test_a_closed_port_is_unreachable(guarding) -> None:
    port = free_port()
    assert await guarding(port).probe(f"https://{HOST}:{port}/") == Probe("unreachable")


async def test_a_server_that_speaks_no_tls_is_unreachable(guarding) -> None:
    async with plain_server(b"HTTP/1.1 200 OK\r\n\r\n") as server:
        assert await guarding(server.port).probe(f"https://{HOST}:{server.port}/") == Probe("unreachable")
        await eventually(lambda: server.gone == 1)


async def test_a_server_that_says_nothing_ends_in_time_and_nothing_stays_open(guarding) -> None:
    async with plain_server() as server:
        started = time.monotonic()
        guard = guarding(server.port, seconds=QUICK)
        assert await guard.probe(f"https://{HOST}:{server.port}/") == Probe("unreachable")
        assert time.monotonic() - started < 5
        await eventually(lambda: server.gone == 1)


ODD = {
    "closes": says(""),
    "no HTTP": says("SSH-2.0-OpenSSH_9.2\r\n"),
    "half a head": says("HTTP/1.1 200 OK\r\nContent-"),
    "an odd status": says("HTTP/1.1 999999 Odd\r\n\r\n"),
    "a head without an end": repeats("HTTP/1.1 200 OK\r\nX: ", b"x" * 65_536),
    "two lengths": says("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nhi"),
}


@pytest.mark.parametrize("answer", ODD.values(), ids=ODD)
async def test_an_answer_that_is_no_http_is_unreachable(guarding, certificate, answer) -> None:
    async with tls_server(certificate, answer) as server:
        assert await guarding(server.port).probe(f"https://{HOST}:{server.port}/") == Probe("unreachable")


ENDLESS = {
    "nothing": repeats("", b"", 0.01),
    "a slow head": repeats("HTTP/1.1 200 OK\r\nX: ", b"x", 0.01),
    "one moment please": repeats("", b"HTTP/1.1 102 Processing\r\n\r\n", 0.01),
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS)
async def test_an_answer_that_never_comes_ends_in_time(guarding, certificate, answer) -> None:
    async with tls_server(certificate, answer) as server:
        started = time.monotonic()
        guard = guarding(server.port, seconds=QUICK)
        assert await guard.probe(f"https://{HOST}:{server.port}/") == Probe("unreachable")
        assert time.monotonic() - started < 5


async def test_a_body_is_not_read(guarding, certificate) -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with tls_server(certificate, endless) as server:
        assert await guarding(server.port).probe(f"https://{HOST}:{server.port}/") == Probe("answers", 200)
    assert sent < 16 * 2**20, "more than the buffers of two sockets"


async def _nowhere(_host: str, _port: int) -> list[str]:
    raise OSError("no such name")


async def _no_addresses(_host: str, _port: int) -> list[str]:
    return []


async def _never(_host: str, _port: int) -> list[str]:
    await asyncio.Event().wait()
    return ["127.0.0.1"]


@pytest.mark.parametrize("resolve", [_nowhere, _no_addresses, _never])
async def test_a_name_without_an_address_is_unresolved(guarding, resolve) -> None:
    guard = guarding(443, resolve=resolve, seconds=QUICK)
    assert await guard.check(f"https://{HOST}/") == "unresolved"
    assert await guard.probe(f"https://{HOST}/") == Probe("unresolved")


async def test_a_name_in_the_public_internet_is_public(guarding) -> None:
    assert await guarding(443).check(f"https://{HOST}/chat") == "public"


async def test_each_of_many_at_once_goes_out_under_its_own_name(guarding, authority) -> None:
    names = [f"bot{number}.example.com" for number in range(5)]
    async with tls_server(authority.issue("*.example.com"), says(OK)) as server:
        guard = guarding(server.port)
        found = await asyncio.gather(*(guard.probe(f"https://{name}:{server.port}/") for name in names))
    assert found == [Probe("answers", 200)] * 5
    assert sorted(server.names, key=str) == names


async def test_whatever_connects_through_a_pin_connects_to_its_endpoint_only() -> None:
    async with canary() as inside:
        pinned = _Pinned(parse_endpoint(f"https://{HOST}/", (443,)), ["127.0.0.1"], QUICK)
        for place in (("127.0.0.1", inside.port), (HOST, inside.port), ("localhost", 443)):
            with pytest.raises(httpcore.ConnectError):
                await pinned.connect_tcp(*place)
        assert await inside.touched() == 0
