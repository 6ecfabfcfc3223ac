"""Channels, with plain objects. Where a test names a rule, it is one of facts/google-calendar.md section 2."""

from datetime import UTC, datetime, timedelta

import pytest

from switchboard.calendars.model import Calendar
from switchboard.channels.model import Channel, Notification, new_channel, pause_after, renewal, unsupported
from switchboard.clients.google_errors import (
    AccessLost,
    ChannelExists,
    GoogleUnavailable,
    PushAddressRefused,
    PushUnsupported,
)
from switchboard.errors import Misconfigured
from switchboard.leases.model import BudgetSpent
from switchboard.settings import CalendarSettings

NOW = datetime(2026, 11, 24, 13, 37, tzinfo=UTC)
WEEK = timedelta(days=7)


def made(**fields: object) -> tuple[Channel, str]:
    channel, token = new_channel(Calendar(calendar_id="c1", user_id="u1", google_calendar_id="ada@example.com"), NOW)
    return channel.model_copy(update=fields), token


def told(channel: Channel, token: str, resource_id: str = "r1", state: str = "exists") -> Notification:
    return Notification(channel.channel_id, token, resource_id, state)


def test_ids_and_tokens_are_new_each_time_and_as_short_as_google_takes() -> None:
    several = [made() for _ in range(100)]
    assert len({channel.channel_id for channel, _ in several}) == len({token for _, token in several}) == 100
    assert all(len(channel.channel_id) <= 64 and 32 <= len(token) <= 256 for channel, token in several)
    assert all(told(channel, token).possible for channel, token in several)


def test_of_the_token_only_a_hash_is_kept_and_not_even_that_is_shown() -> None:
    channel, token = made()
    assert token not in channel.model_dump_json()
    assert channel.token_hash not in repr(channel)


def test_rule_54_a_notification_carries_the_token_and_names_the_resource() -> None:
    channel, token = made(resource_id="r1")
    assert channel.carries(told(channel, token))
    for wrong in ("", token[:-1], f"{token}x", token.upper(), channel.token_hash, "ä"):
        assert not channel.carries(told(channel, wrong))
    for wrong in ("", "r2", "R1", "r1 ", "ä"):
        assert not channel.carries(told(channel, token, wrong))


def test_rule_54_before_google_has_answered_the_token_is_enough() -> None:
    channel, token = made(resource_id=None)
    assert channel.carries(told(channel, token, "anything"))
    assert not channel.carries(told(channel, "other", "anything"))


@pytest.mark.parametrize("odd", ["", "a" * 31, "a" * 33, "A" * 32, "g" * 32, "a" * 31 + "\n", "$where", "a" * 10_000])
def test_what_cannot_be_an_id_of_ours_is_not_looked_for(odd: str) -> None:
    assert not Notification(odd, "token", "resource", "exists").possible


def test_rule_55_a_channel_is_renewed_half_a_day_to_a_day_before_its_end_at_some_moment() -> None:
    end = NOW + WEEK
    moments = {renewal(end, NOW) for _ in range(200)}
    assert len(moments) > 100
    assert all(timedelta(hours=12) <= end - moment <= timedelta(days=1) for moment in moments)


def test_a_short_life_is_renewed_in_its_second_half() -> None:
    end = NOW + timedelta(hours=2)
    assert all(NOW + timedelta(hours=1) <= renewal(end, NOW) < end for _ in range(100))


@pytest.mark.parametrize("life", [timedelta(days=-3), timedelta(0), timedelta(seconds=30)])
def test_a_channel_that_is_over_at_once_is_not_renewed_at_once(life: timedelta) -> None:
    assert renewal(NOW + life, NOW) >= NOW + timedelta(minutes=10)


def test_a_calendar_without_push_is_not_asked_about_for_a_week() -> None:
    assert unsupported(PushUnsupported())
    assert all(pause_after(PushUnsupported()) >= WEEK for _ in range(100))


@pytest.mark.parametrize(
    ("error", "shortest", "longest"),
    [
        (GoogleUnavailable(), 5, 15),
        (BudgetSpent(), 5, 15),
        (ChannelExists(), 5, 15),
        (AccessLost(), 30, 90),
        (Misconfigured(), 30, 90),
        (PushAddressRefused(), 30, 90),
    ],
    ids=lambda value: getattr(value, "code", value),
)
def test_a_failure_is_tried_again_well_before_the_old_channel_ends(error, shortest: int, longest: int) -> None:
    pauses = {pause_after(error) for _ in range(100)}
    assert not unsupported(error)
    assert len(pauses) > 50
    assert all(timedelta(minutes=shortest) <= pause <= timedelta(minutes=longest) for pause in pauses)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://api.example.com",
        "https://x.example/base",
        "http://127.0.0.1:8000",
        "http://[::1]:1",
        "http://localhost",
    ],
)
def test_google_tells_https_addresses_and_this_machine(address: str) -> None:
    assert CalendarSettings.model_validate({"push_address": address}).push_address == address


@pytest.mark.parametrize("address", ["http://api.example.com", "http://127.0.0.1.example.com", "ftp://127.0.0.1", "x"])
def test_google_tells_no_other_address(address: str) -> None:
    with pytest.raises(ValueError, match="must be an http"):
        CalendarSettings.model_validate({"push_address": address})
