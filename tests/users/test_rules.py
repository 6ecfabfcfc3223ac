"""Rules of people with plain objects: no database, no HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from switchboard.users.model import (
    DEFAULT_TIMEZONE,
    FormTooDeep,
    FormTooLarge,
    TimezoneLocked,
    UnknownTimezone,
    User,
    UserToken,
    check_form,
    is_timezone,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CALENDAR = "https://www.googleapis.com/auth/calendar"
NO_ZONES = [
    *("", " ", "Mars/Olympus", "../../etc/passwd", "posix/Europe/Berlin", "right/UTC", "localtime", "Factory", "/UTC"),
    *("posixrules", "tzdata.zi", "zone.tab", "europe/berlin", "Europe/Berlin ", "Europe/Berlin\x00", "x" * 5000, "."),
    *("Europe", "+01:00", "UTC+1", "IST ", "Europe\\Berlin", "file:///etc/passwd", "Europe/Ber\u0131in", "%2e%2e"),
]


def user(**fields: object) -> User:
    return User.model_validate({"user_id": "u", **fields})


@pytest.mark.parametrize("name", NO_ZONES)
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(UnknownTimezone):
        user().change_timezone(name)


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "Asia/Kolkata", "UTC", "Etc/GMT+5", "America/Argentina/Buenos_Aires"]
)
def test_a_zone_is_accepted_while_no_calendar_is_read(name: str) -> None:
    user().change_timezone(name)
    assert is_timezone(name)


def test_the_zone_is_locked_once_a_calendar_is_read_but_may_be_said_again() -> None:
    ada = user(scope=[CALENDAR], timezone="Asia/Tokyo")

    ada.change_timezone("Asia/Tokyo")
    with pytest.raises(TimezoneLocked):
        ada.change_timezone("Europe/Berlin")


def test_a_stored_zone_that_is_none_reads_as_the_default() -> None:
    assert user(timezone="Mars/Olympus").timezone_or_default == DEFAULT_TIMEZONE
    assert user().timezone_or_default == DEFAULT_TIMEZONE


def test_scopes_count_where_there_is_no_scope_and_an_emptied_scope_is_one() -> None:
    assert UserToken.model_validate({"scopes": [CALENDAR]}).reads_calendar
    assert UserToken.model_validate({"scope": None, "scopes": CALENDAR}).reads_calendar
    assert not UserToken.model_validate({"scope": [], "scopes": [CALENDAR]}).reads_calendar


@pytest.mark.parametrize(
    ("stored", "seconds"),
    [
        (1_751_365_000, 1_751_365_000),
        (1_751_365_000.9, 1_751_365_000),
        ("1751365000", 1_751_365_000),
        (datetime(2025, 7, 1, 10, 16, 40, tzinfo=UTC), 1_751_365_000),
        *((odd, None) for odd in (True, "soon", float("nan"), float("inf"), 10**30, None, [], {}, "9" * 400)),
    ],
)
def test_an_expiry_is_read_from_what_it_was_stored_as(stored: object, seconds: int | None) -> None:
    assert UserToken.model_validate({"token_expiration": stored}).token_expiration == seconds


def test_a_token_is_fresh_for_two_minutes_and_more_and_an_unknown_expiry_is_past() -> None:
    def expiring(seconds: int) -> UserToken:
        expires = NOW + timedelta(seconds=seconds)
        return UserToken(access_token="a", token_expiration=int(expires.timestamp()))

    assert expiring(121).fresh(NOW)
    assert not expiring(120).fresh(NOW)
    assert not UserToken.model_validate({"access_token": "a", "expires_in": 3600}).fresh(NOW)
    assert not UserToken(token_expiration=2**40).fresh(NOW)


def test_names_at_the_top_win_and_an_empty_one_does_not_count() -> None:
    info = {"first_name": "Ada", "last_name": "Lovelace", "picture_url": "p"}

    ada = user(first_name="Augusta", last_name="", user_info=info)

    assert (ada.first_name, ada.last_name, ada.picture_url) == ("Augusta", "Lovelace", "p")


def test_secrets_are_in_no_repr() -> None:
    ada = user(access_token="CANARY1", refresh_token="CANARY2", client_secret="CANARY3")

    assert "CANARY" not in repr(ada) + str(ada) + repr(ada.token)


def test_an_empty_text_is_a_form() -> None:
    assert user(welcome_form_data="").welcome_form_data == ""


def test_a_form_may_be_twenty_levels_deep_and_256_kib_large() -> None:
    deep: object = 1
    for _ in range(20):
        deep = {"a": deep}
    check_form(deep)  # type: ignore[arg-type]
    with pytest.raises(FormTooDeep):
        check_form([deep])  # type: ignore[list-item]
    with pytest.raises(FormTooLarge):
        check_form("é" * 128 * 1024)
