"""How several documents of one person become one, with plain objects."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import given, settings
from hypothesis import strategies as st

from devstack.old_shapes import old_user
from switchboard.merging.model import Merge, confirmed_email, merge_duplicates, merge_people, same_people
from switchboard.users.model import User

Json = dict[str, Any]

FIRST = datetime(2025, 7, 1, 9, 30, tzinfo=UTC)
GOOGLE = {"access_token": "g", "refresh_token": "rg", "token_expiration": 10, "scope": ["openid"], "client_id": "c"}
PROPELAUTH = {"access_token": "p", "refresh_token": "rp", "propels_access_token": "x", "expires_in": 5}


def at(minutes: float) -> datetime:
    return FIRST + timedelta(minutes=minutes)


def documents(*each: Json) -> list[Json]:
    """Of one person, each one made and written a minute after the one before it, unless it says otherwise."""
    made = [(ObjectId.from_datetime(at(number)), number, fields) for number, fields in enumerate(each)]
    dates = ("created_at", "updated_at")
    return [
        {"_id": made_id, "user_id": "u", **dict.fromkeys(dates, at(number)), **fields}
        for made_id, number, fields in made
    ]


def merged(found: list[Json]) -> tuple[Json, Merge]:
    merge = merge_duplicates(found)
    survivor = next(each for each in found if each["_id"] == merge.survivor)
    assert {name: survivor[name] for name in merge.before} == merge.before
    return {**survivor, **merge.after}, merge


def test_the_oldest_document_stays_and_the_newest_value_that_is_not_empty_wins() -> None:
    found = documents(
        {"first_name": "Ada", "timezone": "Asia/Kolkata", "only": 1},
        {"first_name": "Augusta", "timezone": None, "last_name": ""},
        {"first_name": "", "last_name": None, "other": 2},
    )

    one, merge = merged(found)

    assert merge.survivor == found[0]["_id"]
    assert merge.removed == found[1:]
    names = ("first_name", "last_name", "timezone", "only", "other")
    assert [one[name] for name in names] == ["Augusta", None, "Asia/Kolkata", 1, 2]
    assert (one["created_at"], one["updated_at"]) == (at(0), at(2))
    assert merge.conflicts == ["first_name"]


def test_the_newest_is_the_one_written_last_and_among_equals_the_later_id() -> None:
    written_last, _ = merged(documents({"first_name": "A", "updated_at": at(9)}, {"first_name": "B"}))
    equal, _ = merged(documents({"first_name": "A", "updated_at": at(1)}, {"first_name": "B"}))
    unknown, _ = merged(documents({"first_name": "A"}, {"first_name": "B", "updated_at": None, "created_at": "?"}))

    assert [each["first_name"] for each in (written_last, equal, unknown)] == ["A", "B", "A"]


def test_the_refresh_token_is_not_lost_to_an_empty_one_and_keeps_its_client() -> None:
    one, _ = merged(documents(GOOGLE, {**GOOGLE, "access_token": "later", "refresh_token": None, "client_id": "d"}))

    assert (one["access_token"], one["refresh_token"], one["client_id"]) == ("later", "rg", "c")


def test_tokens_are_those_of_one_sign_in() -> None:
    """A later token beside an earlier expiry would pass for a fresh one."""
    one, _ = merged(documents({**GOOGLE, "token_expiration": 99}, {"access_token": "later", "refresh_token": "r2"}))

    assert (one["access_token"], one["refresh_token"]) == ("later", "r2")
    assert (one["token_expiration"], one["scope"]) == (None, ["openid"])


@pytest.mark.parametrize("order", [(GOOGLE, PROPELAUTH), (PROPELAUTH, GOOGLE)])
def test_a_refresh_token_of_propelauth_gives_way_to_one_of_google(order: tuple[Json, Json]) -> None:
    assert merged(documents(*order))[0]["refresh_token"] == "rg"


def test_a_refresh_token_of_propelauth_is_not_put_beside_later_tokens_of_google() -> None:
    one, merge = merged(documents(PROPELAUTH, {**GOOGLE, "refresh_token": None}))

    assert (one["access_token"], one["refresh_token"]) == ("g", None)
    assert merge.before["refresh_token"] == "rp"
    assert merged(documents(PROPELAUTH, {"first_name": "Ada"}))[0]["refresh_token"] == "rp"


def test_a_disconnect_that_came_last_stays_one() -> None:
    emptied = {"access_token": "", "refresh_token": None, "scope": [], "token_expiration": 0}

    one, _ = merged(documents(GOOGLE, emptied))

    assert {name: one[name] for name in emptied} == emptied
    assert merged(documents(emptied, GOOGLE))[0]["refresh_token"] == "rg"


def test_the_form_that_was_sent_last_is_kept_whole() -> None:
    sent = {"welcome_form_completed": True, "welcome_form_data": {"a": 1}}
    again = {"welcome_form_completed": True, "welcome_form_data": {"b": 2}}

    for found, form in (
        (documents(sent, {}), {"a": 1}),
        (documents(sent, {"welcome_form_completed": False, "welcome_form_data": {"c": 3}}), {"a": 1}),
        (documents(sent, again), {"b": 2}),
        (documents(again, {"welcome_form_completed": True, "welcome_form_data": None}), {"b": 2}),
    ):
        one, _ = merged(found)
        assert (one["welcome_form_completed"], one["welcome_form_data"]) == (True, form)


VALUES = st.sampled_from((None, "", "a", "b", 1, 2.0, [], ["openid"], {"x": 1}, FIRST, at(5), True))
SOME = st.dictionaries(
    st.sampled_from(
        ("first_name", "scope", "access_token", "refresh_token", "timezone", "updated_at", "other", "email")
    ),
    VALUES,
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(SOME, min_size=2, max_size=4))
def test_no_field_is_dropped_whatever_the_documents_hold(fields: list[Json]) -> None:
    found = documents(*fields)

    one, merge = merged(found)

    assert set(one) == {name for each in found for name in each}
    assert one["created_at"] == at(0)
    assert [each["_id"] for each in merge.removed] == [each["_id"] for each in found[1:]]
    User.model_validate(one)
    again = merge_duplicates([one, one])
    assert (again.after, again.conflicts) == ({}, [])


def pair(**fields: object) -> tuple[Json, Json]:
    google, propelauth = old_user(0, people_twice=True), old_user(5, people_twice=True)
    return google, {**propelauth, **fields}


def test_a_persons_document_of_the_first_version_fills_what_the_later_one_lacks() -> None:
    google, propelauth = pair(timezone="Asia/Tokyo", first_name="")
    google |= {"timezone": "Asia/Kolkata", "first_name": "Ada", "last_name": "Lovelace"}

    merge = merge_people(google, propelauth)

    assert (merge.survivor, merge.removed) == (propelauth["_id"], [google])
    assert merge.after == {"first_name": "Ada", "last_name": "Lovelace", "created_at": google["created_at"]}
    assert "timezone" in merge.conflicts


@pytest.mark.parametrize("has", [{"access_token": "x"}, {"refresh_token": "x"}, {"scope": []}])
def test_older_tokens_are_taken_only_where_the_later_document_has_none(has: Json) -> None:
    google, _ = pair()
    propelauth = {"_id": ObjectId(), "user_id": "u", "email": google["email"], "email_confirmed": True}

    taken = merge_people(google, propelauth).after

    tokens = {name: google[name] for name in ("access_token", "refresh_token", "scope", "client_id", "expires_in")}
    assert {name: taken[name] for name in tokens} == tokens
    assert not set(tokens) & set(merge_people(google, {**propelauth, **has}).after)


def test_only_an_address_that_both_confirmed_makes_one_person_of_two() -> None:
    google, propelauth = pair()
    unconfirmed = {**propelauth, "user_info": {**propelauth["user_info"], "email_confirmed": False}}
    unverified = {**google, "user_info": {**google["user_info"], "verified_email": False}}

    assert same_people([google, propelauth]) == [[google, propelauth]]
    assert same_people([google, unconfirmed]) == same_people([unverified, propelauth]) == []
    assert same_people([google, old_user(10)]) == same_people([propelauth, {**propelauth, "_id": 1}]) == []


@pytest.mark.parametrize(
    ("fields", "email"),
    [
        ({"email_confirmed": True, "email": "Ada@Example.com"}, "ada@example.com"),
        ({"email_confirmed": True, "email": "ada@bücher.example"}, "ada@xn--bcher-kva.example"),
        ({"email_confirmed": True, "user_info": {"email": "ada@example.com"}}, None),
        ({"email_confirmed": "yes", "email": "ada@example.com"}, None),
        ({"email": "ada@example.com"}, None),
        ({"email_confirmed": True, "email": "no address"}, None),
        ({"email_confirmed": True, "email": 5}, None),
        ({"user_info": {"email": "ada@example.com", "email_confirmed": True}}, "ada@example.com"),
        ({"email": "eve@example.com", "user_info": {"email": "ada@example.com", "email_confirmed": True}}, None),
        (
            {"email": "ADA@example.com", "user_info": {"email": "ada@example.com", "email_confirmed": True}},
            "ada@example.com",
        ),
        ({"user_id": "12", "email_confirmed": True, "email": "ada@example.com"}, None),
        ({"user_id": "12", "user_info": {"email": "ada@example.com", "verified_email": True}}, "ada@example.com"),
        ({"user_id": "12", "user_info": "text"}, None),
    ],
)
def test_a_confirmed_address_is_the_only_one_a_document_holds(fields: Json, email: str | None) -> None:
    assert confirmed_email({"user_id": "u", **fields}) == email
