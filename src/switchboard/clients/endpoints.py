"""Which addresses that users give may be called at all: https, a public name, one of a few ports. No I/O in here.

Threats 19 and 21 of facts/reliability.md. `endpoint_connections` looks names up and connects.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

import idna

from switchboard.errors import Invalid

LONGEST: Final = 2000
LONGEST_NAME: Final = 253
DEFAULT_PORT: Final = 443

ADDRESS: Final = re.compile(
    r"(?i:https)://(?P<authority>[^/?#]*)(?P<path>/[^?#]*)?(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?", re.ASCII
)
AUTHORITY: Final = re.compile(r"(?P<host>\[.*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
ENCODED: Final = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*", re.ASCII)  # RFC 3986
LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)  # a host whose last label is one is an IPv4 address

# Last labels that lead into somebody's own network, or nowhere. `arpa` has `home.arpa` and the reverse names.
LOCAL: Final = re.compile("arpa|corp|home|internal|intranet|invalid|lan|local|localdomain|localhost|onion|private")

# What `ipaddress` takes for global in one version of Python or another, and is not.
NOT_PUBLIC: Final = (
    IPv4Network("100.64.0.0/10"),  # shared by providers and clouds
    IPv4Network("168.63.129.16/32"),  # Azure's metadata
    IPv4Network("192.0.0.0/24"),  # protocol assignments; Oracle's metadata
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
    IPv4Network("224.0.0.0/4"),  # multicast
    IPv4Network("240.0.0.0/4"),  # reserved
    IPv6Network("2001::/23"),  # protocol assignments: Teredo, ORCHID, benchmarks
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4, with any IPv4 address inside
    IPv6Network("3fff::/20"),  # documentation
)
# Beyond it lie loopback, link-local, site-local, unique local, multicast, NAT64 and IPv4-compatible addresses.
UNICAST: Final = IPv6Network("2000::/3")


class EndpointRefused(Invalid):
    """The address of a chatbot is not allowed, for a reason that is a sentence and never repeats the address."""

    code = "endpoint_refused"
    message = "The address of the chatbot is not allowed."

    def __init__(self, reason: str = message) -> None:
        super().__init__(reason, fields={"chatbot_api": reason})


@dataclass(frozen=True)
class Endpoint:
    """An https address in its one spelling. `host` is a DNS name in ASCII and lower case; `path` begins with a slash.

    Path and query are no part of the repr: people put keys there.
    """

    host: str
    port: int
    path: str = field(repr=False)
    query: str | None = field(repr=False)
    scheme: str = "https"

    @property
    def origin(self) -> str:
        """What a key is entered for, such as `https://bot.example.com` or `https://bot.example.com:8443`."""
        return f"{self.scheme}://{self.host}" + ("" if self.port == DEFAULT_PORT else f":{self.port}")

    @property
    def target(self) -> str:
        """Path and query, as they stand in a request."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def url(self) -> str:
        """The address as every parser reads it the same: this, not what was entered, is to be stored and called."""
        return self.origin + self.target


def parse_endpoint(text: str, ports: Collection[int]) -> Endpoint:
    """Read an address that a user gave; raises `EndpointRefused`.

    The host must be a name with a dot. An IP address in whatever spelling is refused even if it is public: certificates
    are for names, no real endpoint loses anything, and none of the spellings has to be understood.
    """
    if len(text) > LONGEST:
        raise EndpointRefused(f"The address must not be longer than {LONGEST} characters.")
    if not text.isprintable() or " " in text or "\\" in text:
        raise EndpointRefused("The address must not contain spaces, backslashes or invisible characters.")
    found = ADDRESS.fullmatch(text)
    if found is None:
        raise EndpointRefused("The address must begin with https://.")
    if "@" in found["authority"]:
        raise EndpointRefused("The address must not contain a user name or password.")
    if found["fragment"] is not None:
        raise EndpointRefused("The address must not contain a fragment (#).")
    path, query = found["path"] or "/", found["query"]
    if not ENCODED.fullmatch(path) or not ENCODED.fullmatch(query or ""):
        raise EndpointRefused("Special characters in the path and query of the address must be percent-encoded.")
    host, port = _host_and_port(found["authority"], ports)
    return Endpoint(host, port, path, query)


def _host_and_port(authority: str, ports: Collection[int]) -> tuple[str, int]:
    found = AUTHORITY.fullmatch(authority)
    if found is None:
        raise EndpointRefused("The host or the port of the address is not valid.")
    port = int(found["port"] or DEFAULT_PORT)
    if port not in ports:
        raise EndpointRefused(f"The port of the address must be {' or '.join(map(str, sorted(ports)))}.")
    return _name(found["host"]), port


def _name(host: str) -> str:
    if not host:
        raise EndpointRefused("The address must name a host.")
    if host.startswith("["):
        raise EndpointRefused("The host of the address must be a name, not an IP address.")
    labels = _ascii(host).removesuffix(".").split(".")
    if len(".".join(labels)) > LONGEST_NAME or not all(LABEL.fullmatch(label) for label in labels):
        raise EndpointRefused("The host of the address is not a valid name.")
    if NUMBER.fullmatch(labels[-1]):
        raise EndpointRefused("The host of the address must be a name, not an IP address.")
    if len(labels) == 1 or LOCAL.fullmatch(labels[-1]):
        raise EndpointRefused("The host of the address must be a name in the public internet.")
    return ".".join(labels)


def _ascii(host: str) -> str:
    """The name as DNS has it: letters and digits that are written otherwise become plain ones (UTS 46, IDNA 2008)."""
    if host.isascii() and "xn--" not in host.lower():  # no look at other hyphens: there are names like r3---sn-a
        return host.lower()
    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except ValueError:
        raise EndpointRefused("The host of the address is not a valid name.") from None


def is_public(address: str) -> bool:
    """Whether an IP address, as a resolver gives it, is one of the public internet; what is no address is not."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.scope_id is not None:
            return False
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if found not in UNICAST:
            return False
    return found.is_global and not any(found in network for network in NOT_PUBLIC)
