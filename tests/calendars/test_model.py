"""Calendars, windows and ranges: the rules, with plain objects."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from switchboard.calendars.model import (
    QUERY_VERSION,
    Calendar,
    new_window,
    next_night,
    primary_calendar_id,
)
from switchboard.events.model import InvalidRange, check_range
from switchboard.settings import CalendarSettings

NOW = datetime(2026, 11, 24, 13, 37, tzinfo=UTC)
LIMITS = CalendarSettings()


def calendar(**fields: object) -> Calendar:
    whole = {
        "sync_token": "t",
        "query_version": QUERY_VERSION,
        "window_set_at": NOW,
        "window_start": new_window(NOW, LIMITS).start,
        "window_end": new_window(NOW, LIMITS).end,
        "roll_at": NOW + timedelta(days=1),
    }
    return Calendar.model_validate({"calendar_id": "c1", "user_id": "u1", "status": "synced", **whole, **fields})


def test_a_calendar_with_a_token_of_this_query_and_a_young_window_needs_only_changes() -> None:
    assert calendar().due_stage(NOW + timedelta(hours=23), LIMITS) == "changes"


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
def test_rule_06_a_calendar_that_lacks_any_of_it_needs_everything(lacking) -> None:
    assert calendar(**lacking).due_stage(NOW, LIMITS) == "everything"


def test_everything_is_pulled_once_a_week_whatever_tokens_say() -> None:
    kept = calendar(roll_at=NOW + timedelta(days=30))
    assert kept.due_stage(NOW + timedelta(days=7, seconds=-1), LIMITS) == "changes"
    assert kept.due_stage(NOW + timedelta(days=7), LIMITS) == "everything"


def test_mode_e_a_window_is_rolled_at_night_and_only_when_a_day_came_into_it() -> None:
    tonight = NOW + timedelta(hours=16)
    kept = calendar(roll_at=tonight)
    assert kept.due_stage(tonight - timedelta(seconds=1), LIMITS) == "changes"
    assert kept.due_stage(tonight, LIMITS) == "roll"
    assert calendar(roll_at=NOW - timedelta(hours=1)).due_stage(NOW, LIMITS) == "changes"


def test_a_window_that_was_set_to_begin_earlier_is_pulled_anew_and_one_that_ends_later_is_rolled() -> None:
    assert calendar(roll_at=NOW).due_stage(NOW, CalendarSettings(past_days=31)) == "everything"
    assert calendar(roll_at=NOW).due_stage(NOW, CalendarSettings(future_days=400)) == "roll"


def test_after_days_without_a_worker_nothing_of_a_window_that_is_over_is_built_upon() -> None:
    short = CalendarSettings(past_days=1, future_days=1)
    kept = calendar(window_start=new_window(NOW, short).start, window_end=new_window(NOW, short).end)
    assert kept.due_stage(NOW + timedelta(days=6), short) == "everything"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York", "Pacific/Auckland"])
def test_the_night_is_the_calendars_own_and_not_the_same_moment_for_all(zone) -> None:
    nights = {next_night(NOW, zone) for _ in range(50)}

    assert len(nights) > 40
    assert all(1 <= night.astimezone(ZoneInfo(zone)).hour < 5 and night > NOW for night in nights)


@pytest.mark.parametrize(
    ("status", "asks"), [("synced", False), ("failing", False), ("new", True), ("access_lost", True), ("gone", True)]
)
def test_whose_calendar_it_is_is_asked_again_where_the_account_may_be_another(status, asks) -> None:
    assert calendar(status=status, google_calendar_id="a@example.com").needs_its_id() is asks
    assert calendar(status=status, google_calendar_id=None).needs_its_id() is True


def test_a_window_is_whole_days_so_that_all_pulls_of_a_day_ask_for_the_same() -> None:
    assert new_window(NOW, LIMITS) == new_window(NOW.replace(hour=23), LIMITS)
    short = CalendarSettings(past_days=1, future_days=1)
    assert new_window(NOW, short) == (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 26, tzinfo=UTC))


def test_a_calendar_is_stale_after_the_set_time_and_before_its_first_pull() -> None:
    assert calendar(last_success_at=None).stale(NOW, 60) is True
    assert calendar(last_success_at=NOW - timedelta(seconds=60)).stale(NOW, 60) is False
    assert calendar(last_success_at=NOW - timedelta(seconds=61)).stale(NOW, 60) is True


@pytest.mark.parametrize(("failures", "longest"), [(0, 60), (1, 120), (5, 1920), (9, 6 * 3600), (100_000, 6 * 3600)])
def test_pauses_after_failures_double_up_to_six_hours(failures, longest) -> None:
    pauses = {calendar(failure_count=failures).pause_after_failure().total_seconds() for _ in range(50)}

    assert longest / 2 <= min(pauses) <= max(pauses) <= longest


def test_rule_53_no_two_calendars_are_polled_in_step() -> None:
    pauses = {calendar().succeeded(changed=True, now=NOW, limits=LIMITS)["next_sync_at"] - NOW for _ in range(50)}

    assert len(pauses) > 40
    assert timedelta(seconds=240) <= min(pauses) <= max(pauses) <= timedelta(seconds=360)


@pytest.mark.parametrize(("quiet", "pause"), [(0, 600), (1, 1200), (3, 3600), (100_000, 3600)])
def test_rule_53_a_calendar_that_stays_as_it_is_is_asked_for_less_and_less_often(quiet, pause) -> None:
    done = calendar(quiet_count=quiet).succeeded(changed=False, now=NOW, limits=LIMITS)

    assert done["quiet_count"] == quiet + 1
    assert 0.8 * pause <= done["pause_seconds"] <= 1.2 * pause


def test_rule_53_a_watched_calendar_is_still_polled_as_the_backstop() -> None:
    watched = calendar(watched_until=NOW + timedelta(days=1))
    pause = watched.succeeded(changed=True, now=NOW, limits=LIMITS)["pause_seconds"]
    assert 0.8 * 21_600 <= pause <= 1.2 * 21_600
    ended = calendar(watched_until=NOW).succeeded(changed=True, now=NOW, limits=LIMITS)["pause_seconds"]
    assert ended <= 1.2 * 300


def test_a_calendar_with_a_long_pause_is_not_stale_before_two_of_them() -> None:
    kept = calendar(last_success_at=NOW - timedelta(hours=11), pause_seconds=21_600)
    assert kept.stale(NOW, 3600) is False
    assert kept.stale(NOW + timedelta(hours=2), 3600) is True


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
