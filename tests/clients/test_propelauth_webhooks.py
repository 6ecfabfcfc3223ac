"""What a delivery of PropelAuth is taken for: a hint, or nothing that deserves an answer."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from devstack.propelauth.webhooks import new_secret
from switchboard.clients.propelauth_webhooks import LONGEST, Hint, InvalidSignature, read_hint

SECRET = new_secret()
ORG, USER, OTHER = (f"{name * 8}-1111-4111-8111-{name * 12}" for name in "abc")
EVENT = {"event_type": "user.added_to_org", "org_id": ORG, "user_id": USER, "role": "Owner"}


def signature_of(body: bytes, delivery_id: str, at: float | str, secret: str = SECRET) -> str:
    """Made by hand, as Svix documents it."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    stamp = at if isinstance(at, str) else str(int(at))
    signed = f"{delivery_id}.{stamp}.".encode("utf-8", "surrogateescape") + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers_of(body: bytes, *, delivery_id: str = "msg_1", at: float | None = None, **changed: str) -> dict[str, str]:
    at = time.time() if at is None else at
    headers = {
        "svix-id": delivery_id,
        "svix-timestamp": str(int(at)),
        "svix-signature": signature_of(body, delivery_id, at),
    }
    return {**headers, **{f"svix-{name}": value for name, value in changed.items()}}


def read(body: bytes, headers: dict[str, str], secret: str = SECRET) -> Hint:
    return read_hint(SecretStr(secret), headers, body)


def encoded(event: Any) -> bytes:
    return json.dumps(event).encode()


def test_a_delivery_says_what_to_look_at() -> None:
    body = encoded(EVENT)
    assert read(body, headers_of(body)) == Hint("msg_1", "user.added_to_org", ORG, USER)


def test_who_was_removed_is_named_differently() -> None:
    body = encoded({"event_type": "user.removed_from_org", "org_id": ORG, "removed_user_id": OTHER, "user_id": USER})
    assert read(body, headers_of(body)).user_id == OTHER


@pytest.mark.parametrize("event_type", ["user.from_the_future", "", "x" * 5000, "ö\u0000", "$where"])
def test_an_event_of_an_unknown_type_is_a_hint_as_well(event_type: str) -> None:
    body = encoded({"event_type": event_type})
    assert read(body, headers_of(body)) == Hint("msg_1", event_type[:LONGEST], None, None)


def test_an_event_type_that_cannot_be_kept_as_it_is_becomes_one_that_can() -> None:
    body = b'{"event_type": "user.\\ud800"}'
    assert read(body, headers_of(body)).event_type == "user.?"


@pytest.mark.parametrize(
    "odd", [None, 5, True, [], {}, {"$gt": ""}, [ORG], "x", ORG.upper(), f"{ORG}\n", f"{ORG}/../x", "", "\x00"]
)
def test_what_cannot_be_an_id_names_nobody(odd: Any) -> None:
    body = encoded({"event_type": "user.added_to_org", "org_id": odd, "user_id": odd, "removed_user_id": odd})
    assert read(body, headers_of(body)) == Hint("msg_1", "user.added_to_org", None, None)


@pytest.mark.parametrize("seconds", [-290, -60, 60, 290])
def test_clocks_may_differ_by_up_to_five_minutes(seconds: float) -> None:
    body = encoded(EVENT)
    assert read(body, headers_of(body, at=time.time() + seconds)).org_id == ORG


@pytest.mark.parametrize("seconds", [-(10**9), -86_400, -310, 310, 86_400, 10**9])
def test_a_delivery_of_another_time_is_refused_however_well_signed(seconds: float) -> None:
    body = encoded(EVENT)
    with pytest.raises(InvalidSignature):
        read(body, headers_of(body, at=time.time() + seconds))


def test_while_the_secret_changes_one_good_signature_among_several_is_enough() -> None:
    body, at = encoded(EVENT), time.time()
    good, foreign = signature_of(body, "msg_1", at), signature_of(body, "msg_1", at, new_secret())
    for several in (f"{foreign} {good}", f"{good} {foreign}", f"v2,AAAA {good}", f"v1a,{good[3:]} {foreign} {good}"):
        assert read(body, headers_of(body, at=at, signature=several)).user_id == USER
    for none in (foreign, f"{foreign} {foreign}", f"v2,{good[3:]}", f"v1a,{good[3:]}", f"V1,{good[3:]}"):
        with pytest.raises(InvalidSignature):
            read(body, headers_of(body, at=at, signature=none))


def test_every_byte_of_the_body_is_signed() -> None:
    body = encoded(EVENT)
    headers = headers_of(body)
    for place in range(len(body)):
        altered = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        with pytest.raises(InvalidSignature):
            read(altered, headers)
    for other in (
        body[:-1],
        body + b" ",
        b"",
        json.dumps(EVENT, indent=1).encode(),
        json.dumps(EVENT, sort_keys=True).encode(),
    ):
        with pytest.raises(InvalidSignature):
            read(other, headers)


def test_every_character_of_the_signature_counts() -> None:
    """All but the last ones, whose lowest bits stand for nothing."""
    body = encoded(EVENT)
    headers = headers_of(body)
    signature = headers["svix-signature"]
    for place in range(len(signature) - 2):
        letter = "B" if signature[place] == "A" else "A"
        altered = signature[:place] + letter + signature[place + 1 :]
        with pytest.raises(InvalidSignature):
            read(body, {**headers, "svix-signature": altered})


def test_id_and_time_are_signed_as_well() -> None:
    body, now = encoded(EVENT), int(time.time())
    headers = headers_of(body, at=now)
    for changed in ({"svix-id": "msg_2"}, {"svix-timestamp": str(now + 1)}, {"svix-timestamp": str(now - 1)}):
        with pytest.raises(InvalidSignature):
            read(body, {**headers, **changed})


Headers = Callable[[bytes], dict[str, str]]
SIGNATURES = (
    *("v1", "v1,", ",", "v1,!!!", "v1,AAA", "v1,é", "v1,AAAA,BBBB", "v1 AAAA", " ", "  ", "v1,\udcff", "AAAA"),
    *("v1," + "A" * 100_000, "v1,AAAA " * 5_000),
)
MALFORMED: dict[str, Headers] = {
    "no headers": lambda _: {},
    **{f"no {name}": lambda body, name=name: _without(body, name) for name in ("id", "timestamp", "signature")},
    **{f"empty {name}": lambda body, name=name: _with(body, name, "") for name in ("id", "timestamp", "signature")},
    **{
        f"timestamp {odd!r}": lambda body, odd=odd: _with(body, "timestamp", odd)
        for odd in ("now", "-1", "1e9", "nan", "inf", "9" * 400, "0x10", "١٢٣", "\x00", " ")
    },
    **{f"signature {odd[:20]!r}": lambda body, odd=odd: _with(body, "signature", odd) for odd in SIGNATURES},
    "id that is not ASCII": lambda body: _with(body, "id", "é"),
    "id that is no text": lambda body: _with(body, "id", "\udcff"),
    "names of the standard in place of Svix's": lambda body: {
        name.replace("svix", "webhook"): value for name, value in headers_of(body).items()
    },
}


def _without(body: bytes, name: str) -> dict[str, str]:
    return {key: value for key, value in headers_of(body).items() if key != f"svix-{name}"}


def _with(body: bytes, name: str, value: str) -> dict[str, str]:
    return headers_of(body, **{name: value})


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_headers_are_refused(case: str) -> None:
    body = encoded(EVENT)
    with pytest.raises(InvalidSignature) as refused:
        read(body, MALFORMED[case](body))
    assert refused.value.message == InvalidSignature.message
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"null", b"5", b'"x"', b"[]", b"[{}]", b"true", b"{", b"{}", b"\xff\xfe", b"\x00", b"NaN"),
        *(b'{"event_type": "\xff"}', b'{"event_type": 5}', b'{"event_type": null}', b'{"event_type": ["a"]}'),
        *(b"[" * 100_000, b"1" * 5000),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_a_body_that_is_no_event_is_refused_though_it_is_signed(body: bytes) -> None:
    with pytest.raises(InvalidSignature):
        read(body, headers_of(body))


def test_an_id_too_long_to_be_kept_is_refused() -> None:
    body = encoded(EVENT)
    fits, too_long = "m" * LONGEST, "m" * (LONGEST + 1)
    assert read(body, headers_of(body, delivery_id=fits)).delivery_id == fits
    with pytest.raises(InvalidSignature):
        read(body, headers_of(body, delivery_id=too_long))


def test_the_refusal_names_neither_secret_nor_sender() -> None:
    body = encoded(EVENT)
    with pytest.raises(InvalidSignature) as refused:
        read(body, headers_of(body, signature="v1,AAAA"))
    told = f"{refused.value!r}{refused.value}{refused.value.__dict__}"
    assert not any(word in told for word in (SECRET, ORG, USER, "msg_1", "AAAA"))
