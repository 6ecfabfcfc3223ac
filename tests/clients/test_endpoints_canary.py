"""Figure F19 of facts/reliability.md: whatever address is given, not one connection reaches what is not public."""

import ipaddress
import random
import socket
from collections.abc import AsyncIterator

import pytest

from switchboard.clients.endpoint_connections import Endpoints, Probe, SystemResolver
from switchboard.clients.endpoints import EndpointRefused
from switchboard.settings import AgentSettings
from tests.clients.listeners import Canary, canary

# Refused by how they are written. `@@` is the canary's port.
_WRITTEN = """
    https://127.0.0.1:@@/ https://127.0.0.1.:@@/ https://127.1:@@/ https://127.0.1:@@/ https://127.255.255.254:@@/
    https://2130706433:@@/ https://2130706433.:@@/ https://017700000001:@@/ https://0x7f000001:@@/ https://0X7F000001:@@/
    https://0177.0.0.1:@@/ https://0177.0.0.01:@@/ https://0x7f.0.0.1:@@/ https://0x7f.1:@@/ https://0x7f.0.0x1:@@/
    https://127.0.0.0x1:@@/ https://00000177.1:@@/ https://0:@@/ https://0.0.0.0:@@/ https://0x0:@@/ https://0x:@@/
    https://①②⑦.⓪.⓪.①:@@/ https://１２７．０．０．１:@@/ https://127。0。0。1:@@/ https://𝟏𝟐𝟕.𝟎.𝟎.𝟏:@@/ https://⓪x⑦f.1:@@/
    https://%31%32%37.0.0.1:@@/ https://127%2e0%2e0%2e1:@@/ https://127.0.0.1%00.example.com:@@/
    https://[::1]:@@/ https://[::]:@@/ https://[0:0:0:0:0:0:0:1]:@@/ https://[::127.0.0.1]:@@/
    https://[::ffff:127.0.0.1]:@@/ https://[::ffff:7f00:1]:@@/ https://[::ffff:0:127.0.0.1]:@@/
    https://[64:ff9b::127.0.0.1]:@@/ https://[64:ff9b:1::127.0.0.1]:@@/ https://[2002:7f00:1::]:@@/
    https://[2001:0:7f00:1::]:@@/ https://[fe80::1%25lo]:@@/ https://[::1%25lo]:@@/ https://[fd00:ec2::254]:@@/
    https://[fec0::1]:@@/ https://[ff02::1]:@@/ https://[::①]:@@/ https://::1:@@/ https://[::1:@@/ https://::1]:@@/
    https://169.254.169.254:@@/latest/meta-data/ https://2852039166:@@/ https://100.64.0.1:@@/ https://10.0.0.1:@@/
    https://192.168.0.1:@@/ https://172.16.0.1:@@/ https://8.8.8.8:@@/ https://[2606:4700:4700::1111]:@@/
    https://localhost:@@/ https://LOCALHOST:@@/ https://localhost.:@@/ https://ⓛocalhost:@@/ https://bot.localhost:@@/
    https://localhost.localdomain:@@/ https://printer.local:@@/ https://bot.home.arpa:@@/ https://router.lan:@@/
    https://metadata.google.internal:@@/ https://metadata.google.internal.:@@/ https://metadata:@@/
    https://1.0.0.127.in-addr.arpa:@@/ https://bot.example.com@127.0.0.1:@@/ https://bot.example.com:@@@127.0.0.1:@@/
    https://127.0.0.1:@@@bot.example.com/ https://bot.example.com&@127.0.0.1:@@/ https://bot.example.com／@127.0.0.1:@@/
    https://bot.example.com\\@127.0.0.1:@@/ https://127.0.0.1:@@\\.example.com/ https:\\\\127.0.0.1:@@/
    https:127.0.0.1:@@/ https:/127.0.0.1:@@/ https:///127.0.0.1:@@/ //127.0.0.1:@@/ http://127.0.0.1:@@/
    http://loopback.example.com:@@/ ftp://loopback.example.com:@@/ wss://loopback.example.com:@@/
    file:///etc/passwd gopher://127.0.0.1:@@/_x httpſ://loopback.example.com:@@/ https+unix://loopback.example.com:@@/
    https://loopback.example.com:22/ https://loopback.example.com:6379/ https://loopback.example.com:@@#@bot.example.com/
    https://loopback..example.com:@@/ https://loopback.example.com..:@@/ https://.loopback.example.com:@@/
    https://loop\u00adback.example.com:@@/ https://loop\u200bback.example.com:@@/
"""
WRITTEN = [
    *_WRITTEN.split(),
    "https://loopback.example.com:@@/ HTTP/1.1\r\nHost: internal",
    "https://loopback.example.com:@@\r\n/",
    "https://loopback.example.com:@@\t/",
    " https://127.0.0.1:@@/",
    "https://127.0.0.1:@@/\n",
    "https://127.0.0.1 :@@/",
]

# Refused by what they stand for.
NAMES = {
    "loopback.example.com": ["127.0.0.1"],
    "loopback6.example.com": ["::1"],
    "both.example.com": ["127.0.0.1", "::1"],
    "127.0.0.1.nip.example": ["127.0.0.1"],
    "xn--bcher-kva.example": ["127.0.0.1"],
    "mapped.example.com": ["::ffff:127.0.0.1"],
    "compatible.example.com": ["::127.0.0.1"],
    "nat64.example.com": ["64:ff9b::7f00:1"],
    "nat64-local.example.com": ["64:ff9b:1::7f00:1"],
    "6to4.example.com": ["2002:7f00:1::"],
    "teredo.example.com": ["2001:0:7f00:1::"],
    "site-local.example.com": ["fec0::1"],
    "link-local.example.com": ["fe80::1%lo"],
    "unique-local.example.com": ["fd00:ec2::254"],
    "unspecified.example.com": ["0.0.0.0"],  # noqa: S104
    "unspecified6.example.com": ["::"],
    "metadata.example.com": ["169.254.169.254"],
    "azure.example.com": ["168.63.129.16"],
    "oracle.example.com": ["192.0.0.192"],
    "alibaba.example.com": ["100.100.100.200"],
    "private.example.com": ["10.0.0.1"],
    "multicast.example.com": ["224.0.0.1"],
    "broadcast.example.com": ["255.255.255.255"],
    "public-first.example.com": ["93.184.216.34", "127.0.0.1"],
    "public-last.example.com": ["::1", "2606:4700:4700::1111"],
    "no-address.example.com": ["127.1"],
}
STANDING = [
    *(f"https://{name}:@@/" for name in NAMES),
    "https://LOOPBACK.example.com.:@@/chat?x=1",
    "https://loopback。example．com:@@/",
    "https://ⓛⓞⓞⓟback.example.com:@@/",
    "https://Bücher.example:@@/",
]
FORMS = [*WRITTEN, *STANDING]


@pytest.fixture(scope="module")
async def listening() -> AsyncIterator[Canary]:
    async with canary() as found:
        yield found


@pytest.fixture(scope="module")
def guard(listening) -> Endpoints:
    return Endpoints(_settings(listening), resolve=as_the_system_does)


def _settings(listening: Canary) -> AgentSettings:
    return AgentSettings(endpoint_ports=(443, 8443, listening.port), endpoint_timeout=5)


async def as_the_system_does(host: str, port: int) -> list[str]:
    """The names above; every spelling of an IP address as the C library reads it; no other name."""
    if host in NAMES:
        return NAMES[host]
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(place[0]) for *_, place in found]


def test_the_corpus_is_large_and_has_no_form_twice() -> None:
    assert len(set(FORMS)) == len(FORMS) > 120


@pytest.mark.parametrize("form", WRITTEN)
def test_a_form_that_is_no_https_name_is_refused_unseen(guard, listening, form) -> None:
    with pytest.raises(EndpointRefused):
        guard.parse(form.replace("@@", str(listening.port)))


@pytest.mark.parametrize("form", STANDING)
async def test_a_name_that_stands_for_what_is_not_public_is_refused(guard, listening, form) -> None:
    with pytest.raises(EndpointRefused, match="public internet"):
        await guard.check(form.replace("@@", str(listening.port)))


@pytest.mark.parametrize("form", FORMS)
async def test_a_probe_of_it_connects_to_nothing(guard, listening, form) -> None:
    assert await guard.probe(form.replace("@@", str(listening.port))) == Probe("refused")
    assert await listening.touched() == 0


@pytest.mark.parametrize("name", ["loopback.example.com", "loopback6.example.com"])
async def test_the_canary_would_notice(listening, name) -> None:
    """The same without the guard, so that the tests above show something."""
    if ":" in NAMES[name][0] and "::1" not in listening.addresses:
        pytest.skip("no IPv6 here")
    unguarded = Endpoints(_settings(listening), resolve=as_the_system_does, allows=lambda _: True)
    assert await unguarded.probe(f"https://{name}:{listening.port}/") == Probe("unreachable")
    assert await listening.touched() == 1


async def test_a_name_that_leads_elsewhere_at_the_second_look_is_refused(listening) -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])

    async def rebinding(_host: str, _port: int) -> list[str]:
        return next(answers)

    guard = Endpoints(_settings(listening), resolve=rebinding)
    url = f"https://rebinding.example.com:{listening.port}/"
    assert await guard.check(url) == "public"
    assert await guard.probe(url) == Probe("refused")
    assert await listening.touched() == 0


async def test_the_resolver_of_the_machine_reads_short_spellings_as_addresses() -> None:
    """Why a host that looks like a number must never get there."""
    assert await SystemResolver()("127.1", 443) == ["127.0.0.1"]
    assert await SystemResolver()("::1", 443) == ["::1"]


async def test_ten_thousand_generated_addresses_reach_nothing(listening) -> None:
    async def as_the_system_does_or_loopback(host: str, port: int) -> list[str]:
        try:
            return await as_the_system_does(host, port)
        except OSError:
            return ["127.0.0.1"]

    guard = Endpoints(_settings(listening), resolve=as_the_system_does_or_loopback)
    generator, read = random.Random(19), 0
    for _ in range(10_000):
        url = _generated(generator, listening.port)
        assert await guard.probe(url) == Probe("refused")
        with pytest.raises(EndpointRefused) as refused:
            await guard.check(url)
        read += "lead to" in refused.value.message
    assert await listening.touched() == 0
    assert read > 300, "the generator makes nothing that gets as far as the resolver"


def _generated(generator: random.Random, port: int) -> str:
    schemes = ["https://"] * 12 + [
        "HTTPS://",
        "http://",
        "https:/",
        "https:",
        "https:\\\\",
        "//",
        "ws://",
        "",
        " https://",
    ]
    befores = [""] * 12 + ["bot.example.com@", "user:password@", "@", "bot.example.com\\", "bot.example.com#@", "／"]
    afters = [f":{port}"] * 9 + ["", ":443", ":0", ":22", f":{port}0000", f":0{port}", f": {port}", f"@{port}"]
    paths = ["/", "", "/a/b?c=d", "?x", "/../..", "//127.0.0.1/", "#x", "/#@bot.example.com", "/%00", "/ä", "\\x"]
    scheme, before, after, path = map(generator.choice, (schemes, befores, afters, paths))
    return _damaged(generator, scheme + before + _host(generator) + after + path)


def _host(generator: random.Random) -> str:
    address = ipaddress.IPv4Address(generator.choice(["127.0.0.1", "169.254.169.254", "10.1.2.3", "0.0.0.0"]))  # noqa: S104
    name = generator.choice(list(NAMES))
    inner = f"[::ffff:{address}]", f"[64:ff9b::{address}]", f"[2002:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}::]"
    literal = generator.choice(
        ["[::1]", "[::]", "localhost", "bot.localhost", "metadata.google.internal", "fe80::1%lo"]
    )
    host = generator.choice([name, name + ".", name.upper(), _spelled(generator, int(address)), *inner, literal])
    return host if generator.random() < 0.7 else "".join(_disguised(generator, character) for character in host)


def _spelled(generator: random.Random, address: int) -> str:
    """An IPv4 address as one to four numbers, each in a base of its own."""
    count = generator.randint(1, 4)
    numbers = [(address >> (24 - 8 * index)) & 0xFF for index in range(count - 1)]
    numbers.append(address & ((1 << (8 * (5 - count))) - 1))
    return ".".join(
        generator.choice([str, "0{:o}".format, hex, "{:#X}".format, "0x{:08x}".format])(number) for number in numbers
    )


def _disguised(generator: random.Random, character: str) -> str:
    if not character.isalnum() and character != ".":
        return character
    disguises = [character, chr(ord(character) + 0xFEE0), f"%{ord(character):02x}"]
    if character.isdigit():
        disguises += [chr(0x1D7CE + int(character)), chr(0x2460 + int(character) - 1) if character != "0" else "⓪"]
    if character == ".":
        disguises += ["。", "｡"]
    return generator.choice(disguises)


def _damaged(generator: random.Random, url: str) -> str:
    if generator.random() < 0.8:
        return url
    place = generator.randrange(len(url) + 1)
    damages = ["\t", "\n", "\x00", "\u00ad", "\u200b", "\u202e", "@", "\\", "%", "。", "x"]
    return url[:place] + generator.choice(damages) + url[place:]


def test_the_generator_is_the_same_every_time() -> None:
    first, second = random.Random(19), random.Random(19)
    assert [_generated(first, 1) for _ in range(50)] == [_generated(second, 1) for _ in range(50)]
