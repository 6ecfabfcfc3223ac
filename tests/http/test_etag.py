"""Entity tags: what is made, and which headers name it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.http.etag import etag_of, matches

TAG = '"r7"'


def test_bytes_are_told_apart_by_their_digest_and_a_text_is_its_own_version() -> None:
    assert etag_of(b"one") == etag_of(b"one") != etag_of(b"two")
    assert etag_of("r7") == TAG
    assert etag_of(b"")[0] == etag_of(b"")[-1] == '"'


@pytest.mark.parametrize("text", ['a"b', "a b", "a\n", "a\x7f", "日本"])
def test_a_text_that_no_tag_can_hold_is_an_error_of_the_program(text: str) -> None:
    with pytest.raises(ValueError, match="entity tag"):
        etag_of(text)


@pytest.mark.parametrize(
    "header",
    [
        TAG,
        f" {TAG} ",
        f'"a", {TAG}',
        f'{TAG},"b"',
        f'"a"\t,{TAG} , "b"',
        f',, {TAG} ,,"b",',
        f'"a,b",{TAG}',
        "*",
        " * ",
    ],
)
def test_a_header_names_a_tag_alone_in_a_list_or_by_a_star(header: str) -> None:
    assert matches(header, TAG)
    assert matches(header, TAG, strong=True)


@pytest.mark.parametrize("header", ['"r8"', '"a", "b"', '"R7"', '"a,r7"', '""', '"r7 "', '"a\\"r7"'])
def test_another_tag_does_not_match(header: str) -> None:
    assert not matches(header, TAG)


def test_weakness_matters_for_if_match_alone() -> None:
    for header in (f"W/{TAG}", f'"a", W/{TAG}'):
        assert matches(header, TAG)
        assert not matches(header, TAG, strong=True)
    assert matches(f"W/{TAG}, {TAG}", TAG, strong=True)
    assert matches(TAG, f"W/{TAG}")
    assert not matches(TAG, f"W/{TAG}", strong=True)


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", " ", ",", "r7", "'r7'", '"r7', 'r7"', f"w/{TAG}", f"W/ {TAG}", f'{TAG} "b"', f"{TAG};q=1"),
        *(f"{TAG}, b", f"{TAG}, *", f"*, {TAG}", "**", f"{TAG}\n", f'"a b", {TAG}', f"{TAG}{TAG}", f"\x0b{TAG}"),
    ],
)
def test_a_malformed_header_matches_nothing(header: str | None) -> None:
    assert not matches(header, TAG)
    assert not matches(header, TAG, strong=True)


@pytest.mark.timeout(5)
def test_a_hostile_header_is_looked_at_in_a_moment() -> None:
    for part in (",", '"', '"a"', '"a",', '"a" ,', "W/", " \t", 'W/"a", \t,'):
        assert not matches(part * 20_000 + "!", TAG)


@given(st.text(max_size=40))
def test_any_header_is_answered_by_yes_or_no(header: str) -> None:
    if matches(header, TAG, strong=True):
        assert matches(header, TAG)
        assert TAG in header or header.strip(" \t") == "*"
