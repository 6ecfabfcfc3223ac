"""Calendars, windows and ranges: the rules, with plain objects."""

from datetime import UTC, datetime, timedelta

import pytest

from switchboard.calendars.model import (
    QUERY_VERSION,
    Calendar,
    InvalidRange,
    check_range,
    new_window,
    pause_after_success,
    primary_calendar_id,
)

NOW = datetime(2026, 11, 24, 13, 37, tzinfo=UTC)


def calendar(**fields: object) -> Calendar:
    whole = {
        "sync_token": "t",
        "query_version": QUERY_VERSION,
        "window_set_at": NOW,
        "window_start": NOW,
        "window_end": NOW,
    }
    return Calendar.model_validate({"calendar_id": "c1", "user_id": "u1", "status": "synced", **whole, **fields})


def test_a_calendar_with_a_token_of_this_query_and_a_young_window_needs_only_changes() -> None:
    assert calendar().needs_everything(NOW + timedelta(hours=23)) is False


@pytest.mark.parametrize(
    "lacking",
    [
        {"sync_token": None},
        {"sync_token": ""},
        {"query_version": QUERY_VERSION - 1},
        {"window_set_at": None},
        {"window_start": None},
        {"window_end": None},
    ],
)
def test_a_calendar_that_lacks_any_of_it_needs_everything(lacking) -> None:
    assert calendar(**lacking).needs_everything(NOW) is True


def test_a_window_a_day_old_is_rolled() -> None:
    assert calendar().needs_everything(NOW + timedelta(days=1)) is True


@pytest.mark.parametrize(
    ("status", "asks"), [("synced", False), ("failing", False), ("new", True), ("access_lost", True), ("gone", True)]
)
def test_whose_calendar_it_is_is_asked_again_where_the_account_may_be_another(status, asks) -> None:
    assert calendar(status=status, google_calendar_id="a@example.com").needs_its_id() is asks
    assert calendar(status=status, google_calendar_id=None).needs_its_id() is True


def test_a_window_is_whole_days_so_that_all_pulls_of_a_day_ask_for_the_same() -> None:
    assert new_window(NOW, 30, 365) == new_window(NOW.replace(hour=23), 30, 365)
    assert new_window(NOW, 1, 1) == (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC))


def test_a_calendar_is_stale_after_the_set_time_and_before_its_first_pull() -> None:
    assert calendar(last_success_at=None).stale(NOW, 60) is True
    assert calendar(last_success_at=NOW - timedelta(seconds=60)).stale(NOW, 60) is False
    assert calendar(last_success_at=NOW - timedelta(seconds=61)).stale(NOW, 60) is True


@pytest.mark.parametrize(("failures", "longest"), [(0, 60), (1, 120), (5, 1920), (9, 6 * 3600), (100_000, 6 * 3600)])
def test_pauses_after_failures_double_up_to_six_hours(failures, longest) -> None:
    pauses = {calendar(failure_count=failures).pause_after_failure().total_seconds() for _ in range(50)}

    assert longest / 2 <= min(pauses) <= max(pauses) <= longest


def test_rule_53_no_two_calendars_are_polled_in_step() -> None:
    pauses = {pause_after_success(900).total_seconds() for _ in range(50)}

    assert len(pauses) > 40
    assert 720 <= min(pauses) <= max(pauses) <= 1080


def test_a_persons_calendar_has_an_id_of_its_own_that_tells_nothing() -> None:
    assert primary_calendar_id("u1") == primary_calendar_id("u1") != primary_calendar_id("u2")
    assert "u1" not in primary_calendar_id("u1")


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (NOW, NOW),
        (NOW, NOW - timedelta(seconds=1)),
        (NOW, NOW + timedelta(days=366, seconds=1)),
        (NOW.replace(year=1969), NOW.replace(year=1969) + timedelta(days=1)),
        (NOW.replace(year=2100), NOW.replace(year=2101)),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(start, end) -> None:
    with pytest.raises(InvalidRange):
        check_range(start, end)


def test_a_range_of_366_days_is_served() -> None:
    check_range(NOW, NOW + timedelta(days=366))


def test_the_sync_token_is_not_shown_by_accident() -> None:
    assert "secret-token" not in repr(calendar(sync_token="secret-token"))
