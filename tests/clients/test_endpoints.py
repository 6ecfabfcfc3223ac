"""The rules for addresses that users give, without any network."""

import sys
from urllib.parse import urlsplit

import httpx
import pytest
import yarl
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.clients.endpoints import EndpointRefused, is_public, parse_endpoint
from switchboard.errors import Invalid

PORTS = (443, 8443)

READ = [
    ("https://bot.example.com", "https://bot.example.com/"),
    ("https://bot.example.com/v1/chat?tenant=1&x=%20", "https://bot.example.com/v1/chat?tenant=1&x=%20"),
    ("HTTPS://BOT.Example.COM:443/V1", "https://bot.example.com/V1"),
    ("https://bot.example.com:8443", "https://bot.example.com:8443/"),
    ("https://bot.example.com:0443/", "https://bot.example.com/"),
    ("https://bot.example.com./chat", "https://bot.example.com/chat"),
    ("https://bot.example.com?x", "https://bot.example.com/?x"),
    ("https://bot.example.com/a@b:c", "https://bot.example.com/a@b:c"),
    ("https://Bücher.example/", "https://xn--bcher-kva.example/"),
    ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
    ("https://bot。example．com/", "https://bot.example.com/"),
    ("https://ⓑⓞⓣ.example.com/", "https://bot.example.com/"),
    ("https://r3---sn-a.example.com/", "https://r3---sn-a.example.com/"),
    ("https://1.example.com/", "https://1.example.com/"),
    ("https://127.0.0.1.nip.io/", "https://127.0.0.1.nip.io/"),
]

REFUSED = [
    ("http://bot.example.com/", "https://"),
    ("", "https://"),
    ("bot.example.com", "https://"),
    ("//bot.example.com/", "https://"),
    ("https:/bot.example.com/", "https://"),
    ("httpſ://bot.example.com/", "https://"),
    ("wss://bot.example.com/", "https://"),
    ("https://user@bot.example.com/", "user name"),
    ("https://user:password@bot.example.com/", "user name"),
    ("https://bot.example.com／@127.0.0.1/", "user name"),
    ("https://bot.example.com/#top", "fragment"),
    ("https://bot.example.com#", "fragment"),
    ("https:///path", "name a host"),
    ("https://:443/", "name a host"),
    ("https://bot.example.com:80/", "443 or 8443"),
    ("https://bot.example.com:27017/", "443 or 8443"),
    ("https://bot.example.com:0/", "443 or 8443"),
    ("https://bot.example.com:/", "not valid"),
    ("https://bot.example.com:４４３/", "not valid"),
    ("https://bot.example.com:443:443/", "not valid"),
    (" https://bot.example.com/", "spaces"),
    ("https://bot.example.com/\n", "spaces"),
    ("https://bot.exa\tmple.com/", "spaces"),
    ("https://bot.example.com\\@evil.example/", "backslashes"),
    ("https://bot.exa\u200bmple.com/", "invisible"),
    ("https://bot.example.com/\u202e", "invisible"),
    ("https://bot.example.com/\ud800", "invisible"),
    ("https://bot.example.com/\x00", "invisible"),
    ("https://bot.example.com/ä", "percent-encoded"),
    ("https://bot.example.com/%zz", "percent-encoded"),
    ("https://bot.example.com/?q=<x>", "percent-encoded"),
    ("https://bot.example.com/" + "a" * 2000, "2000"),
    ("https://bot..example.com/", "valid name"),
    ("https://bot.example.com../", "valid name"),
    ("https://-bot.example.com/", "valid name"),
    ("https://my_bot.example.com/", "valid name"),
    ("https://%62ot.example.com/", "valid name"),
    ("https://xn--zz.example.com/", "valid name"),
    ("https://" + "a" * 64 + ".example.com/", "valid name"),
    ("https://" + "a." * 126 + "com/", "valid name"),
    ("https://❤.example.com/", "valid name"),
]

NOT_PUBLIC = """
    0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16 169.254.169.254
    172.16.0.1 172.31.255.255 192.0.0.8 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 198.51.100.1
    203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:7f00:1
    64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1 100::1 2001::1 2001:0:7f00:1::1 2001:20::1 2001:db8::1 2002:7f00:1::
    2002:a00:1:: 2002:808:808:: 3fff::1 4000::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1
    ff0e::1 2606:4700:4700::1111%eth0 ::ffff:8.8.8.8%eth0
""".split()  # noqa: SIM905

PUBLIC = ["8.8.8.8", "93.184.216.34", "100.63.0.1", "100.128.0.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"]

NO_ADDRESSES = ["", "localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.0.0.1 ", "[::1]", "8.8.8.8/32"]


@pytest.mark.parametrize(("text", "url"), READ)
def test_an_address_gets_one_spelling(text, url) -> None:
    endpoint = parse_endpoint(text, PORTS)
    assert endpoint.url == url
    assert parse_endpoint(endpoint.url, PORTS) == endpoint


@pytest.mark.parametrize("text", [text for text, _ in READ])
def test_every_parser_reads_the_one_spelling_the_same(text) -> None:
    endpoint = parse_endpoint(text, PORTS)
    expected = endpoint.host, endpoint.port
    for parsed in (httpx.URL(endpoint.url), yarl.URL(endpoint.url), urlsplit(endpoint.url)):
        host = getattr(parsed, "raw_host", None) or parsed.hostname
        assert (host.decode() if isinstance(host, bytes) else host, parsed.port or 443) == expected


@pytest.mark.parametrize(("text", "word"), REFUSED)
def test_another_address_is_refused_with_a_reason_that_does_not_repeat_it(text, word) -> None:
    with pytest.raises(EndpointRefused) as refused:
        parse_endpoint(text, PORTS)
    assert isinstance(refused.value, Invalid)
    assert refused.value.code == "endpoint_refused"
    assert word in refused.value.message
    assert refused.value.fields == {"chatbot_api": refused.value.message}
    assert not any(part in refused.value.message for part in ("bot.", "user:", "evil", "127", "27017"))


def test_an_origin_is_what_two_addresses_of_one_server_share() -> None:
    def origin(text: str) -> str:
        return parse_endpoint(text, PORTS).origin

    assert (
        origin("https://BOT.example.com/a") == origin("https://bot.example.com.:443/b?c") == "https://bot.example.com"
    )
    assert origin("https://bot.example.com:8443/a") == "https://bot.example.com:8443"
    assert origin("https://bot.example.com.evil.example/") != origin("https://bot.example.com/")


def test_the_ports_are_those_given_and_without_one_it_is_443() -> None:
    assert parse_endpoint("https://bot.example.com:9000/", (9000,)).port == 9000
    with pytest.raises(EndpointRefused, match="must be 9000"):
        parse_endpoint("https://bot.example.com/", (9000,))


def test_a_repr_has_no_path_and_no_query() -> None:
    assert "hidden" not in repr(parse_endpoint("https://bot.example.com/hidden?key=hidden", PORTS))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_an_address_of_no_public_network_is_not_public(address) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address_is_not_public(text) -> None:
    assert not is_public(text)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address) -> None:
    assert is_public(address)


@given(st.one_of(st.text(), st.text().map("https://{}".format), st.text().map("https://{}.example.com".format)))
@settings(max_examples=600, deadline=None)
def test_any_text_is_read_or_refused_and_what_is_read_is_a_plain_name(text) -> None:
    try:
        endpoint = parse_endpoint(text, PORTS)
    except EndpointRefused:
        return
    assert endpoint.url.isascii()
    assert set(endpoint.host) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
    assert parse_endpoint(endpoint.url, PORTS) == endpoint
    assert httpx.URL(endpoint.url).raw_host.decode() == urlsplit(endpoint.url).hostname == endpoint.host


def test_every_character_in_a_host_is_read_or_refused() -> None:
    """IDNA has rules by character and neighbour; none of them may raise anything else."""
    read = 0
    for code in range(0x80, sys.maxunicode + 1, 151):
        for host in (chr(code), f"a{chr(code)}b", f"א{chr(code)}", f"{chr(code)}.1"):
            read += _is_read(f"https://{host}.example.com/")
    assert read > 500


def _is_read(text: str) -> bool:
    try:
        parse_endpoint(text, PORTS)
    except EndpointRefused:
        return False
    return True
