"""Sealed values: what opens them, what does not, and that nothing shows them."""

import base64
import hashlib
import itertools
import os
import random
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.crypto import CannotOpen, KeyRing, Place, is_sealed, key_id_of
from switchboard.errors import Misconfigured

PLACE = Place("agents", "a1", "chatbot_key")
OTHER_PLACES = [
    Place("agents", "a2", "chatbot_key"),
    Place("agents", "a1", "chatbot_ke"),
    Place("agent", "sa1", "chatbot_key"),
    Place("agent_configurations", "a1", "chatbot_key"),
    Place("agents", "a", "1chatbot_key"),
]
# Sealed by the first release of this format; it has to open for as long as there are such values.
FROZEN_KEY = hashlib.sha256(b"frozen").digest()
FROZEN = "enc:v1:old:lO6zh5YMW2_f6cbFIMqRwZb2Qz7tKceylBOZgt0CEouTZLoAjYpL1msroQ=="


def ring(*key_ids: str) -> KeyRing:
    return KeyRing((key_id, os.urandom(32)) for key_id in key_ids or ("k1",))


def written(key_id: str, key: bytes) -> str:
    return f"{key_id}:{base64.b64encode(key).decode()}"


@given(st.text())
def test_what_was_sealed_opens_at_its_place(secret: str) -> None:
    keys = ring()
    sealed = keys.seal(secret, PLACE)

    assert is_sealed(sealed)
    assert keys.open(sealed, PLACE) == secret


def test_a_value_that_was_sealed_long_ago_opens() -> None:
    keys = KeyRing([("new", os.urandom(32)), ("old", FROZEN_KEY)])

    assert keys.open(FROZEN, PLACE) == "Grüße, s3cret"
    assert keys.is_old(FROZEN)


@pytest.mark.parametrize("place", OTHER_PLACES)
def test_a_value_that_was_moved_does_not_open(place: Place) -> None:
    keys = ring()
    with pytest.raises(CannotOpen):
        keys.open(keys.seal("secret", PLACE), place)


def test_a_thousand_swaps_between_documents_fields_and_collections_are_refused() -> None:
    keys = ring()
    ids, fields = [uuid4().hex for _ in range(40)], ("chatbot_key", "tts_config.tts_api_key", "stt_config.api_key")
    named = itertools.product(("agents", "agent_configurations"), ids, fields)
    sealed = {place: keys.seal("secret", place) for place in (Place(*names) for names in named)}
    chance = random.Random(1)
    for _ in range(1000):
        one, other = chance.sample(list(sealed), 2)
        with pytest.raises(CannotOpen):
            keys.open(sealed[one], other)


def test_a_thousand_flips_are_refused_and_never_open_to_something_else() -> None:
    keys = ring()
    sealed = keys.seal("secret", PLACE)
    head, _, encoded = sealed.rpartition(":")
    data = base64.urlsafe_b64decode(encoded)
    chance = random.Random(1)
    for _ in range(1000):
        bit = chance.randrange(len(data) * 8)
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CannotOpen):
            keys.open(f"{head}:{base64.urlsafe_b64encode(flipped).decode()}", PLACE)


@pytest.mark.parametrize(
    "value",
    [
        *("", "secret", "enc:v1:", "enc:v1:k1:", "enc:v1:k1", "enc:v1:k1:ü", "enc:v1:k1:AAAA", "enc:v2:k1:AAAA"),
        *("enc:v1::AAAA", "enc:v1:k1:" + "A" * 64, "enc:v1:k1:x:" + "A" * 64, "ENC:V1:k1:AAAA"),
    ],
)
def test_what_is_no_sealed_value_does_not_open_and_is_not_taken_for_plain(value: str) -> None:
    with pytest.raises(CannotOpen):
        ring().open(value, PLACE)


def test_a_cut_value_does_not_open() -> None:
    keys = ring()
    sealed = keys.seal("secret", PLACE)
    for length in range(len(sealed)):
        with pytest.raises(CannotOpen):
            keys.open(sealed[:length], PLACE)


def test_the_newest_key_seals_and_every_key_opens() -> None:
    old, new = os.urandom(32), os.urandom(32)
    before = KeyRing([("old", old)]).seal("secret", PLACE)
    both = KeyRing([("new", new), ("old", old)])
    after = both.seal("secret", PLACE)

    assert both.open(before, PLACE) == both.open(after, PLACE) == "secret"
    assert (both.is_old(before), both.is_old(after)) == (True, False)
    assert (key_id_of(before), key_id_of(after)) == ("old", "new")
    with pytest.raises(CannotOpen):
        KeyRing([("new", new)]).open(before, PLACE)


def test_another_key_under_the_same_id_does_not_open() -> None:
    with pytest.raises(CannotOpen):
        ring("k1").open(ring("k1").seal("secret", PLACE), PLACE)


def test_the_same_secret_is_sealed_differently_each_time() -> None:
    keys = ring()
    assert len({keys.seal("secret", PLACE) for _ in range(1000)}) == 1000


def test_a_ring_is_read_from_text_and_shows_only_its_ids() -> None:
    first, second = os.urandom(32), os.urandom(32)
    keys = KeyRing.read(f" {written('2026-11', first)} , {written('2025-01', second)}, ")

    assert (keys.newest, keys.key_ids) == ("2026-11", {"2026-11", "2025-01"})
    assert repr(keys) == "KeyRing(2026-11, 2025-01)"


@pytest.mark.parametrize(
    "text",
    [
        *("", ",", "k1", "k1:", ":AAAA", "k1:not base64", "k 1:" + base64.b64encode(bytes(32)).decode()),
        *(written("k1", bytes(31)), written("k1", bytes(33)), written("x" * 33, bytes(32))),
        ",".join(written("k1", bytes(32)) for _ in range(2)),
    ],
)
def test_a_ring_that_makes_no_sense_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        KeyRing.read(text)
    assert base64.b64encode(bytes(30)).decode() not in str(refused.value)
