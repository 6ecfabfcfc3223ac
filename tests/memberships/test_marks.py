"""What is remembered of a person beside the membership: who was removed, and what a token can still claim."""

import pytest

from switchboard.memberships.model import Mark, Standing
from tests.memberships.plain import ADA, NOW, ORG, change, look, member, seconds

LATER = NOW + seconds(60)


def mark(**fields: object) -> Mark:
    return Mark.model_validate({"org_id": ORG, "user_id": ADA, **fields})


def test_a_mark_takes_the_ticket_of_the_look_that_was_written() -> None:
    seen = look()

    assert mark(applied=seen.ticket - 1).after(Standing(), Standing(member()), seen).applied == seen.ticket


def test_who_stays_or_joins_leaves_no_other_mark_and_keeps_the_one_there_was() -> None:
    before = mark(absent_at=NOW, removed_at=NOW)

    after = before.after(Standing(), Standing(member()), look(LATER))

    assert (after.absent_at, after.removed_at) == (NOW, NOW)
    assert mark().after(Standing(member()), Standing(member("Admin")), look()).absent_at is None


def test_who_is_not_there_is_marked_absent_but_not_removed() -> None:
    after = mark().after(Standing(), Standing(), look(NOW))

    assert (after.absent_at, after.removed_at) == (NOW, None)


@pytest.mark.parametrize("under_way", [None, ("remove",), ("role", "Admin"), ("transfer", "Owner")])
def test_who_was_a_member_and_is_gone_was_removed_by_whoever(under_way: tuple[str, ...] | None) -> None:
    """With or without a change of ours: PropelAuth's dashboard removes people as well."""
    before = Standing(member(), under_way and change(*under_way))

    after = mark().after(before, Standing(), look(NOW))

    assert (after.absent_at, after.removed_at, after.left_at) == (NOW, NOW, None)


def test_who_left_was_not_removed_and_an_earlier_removal_is_remembered() -> None:
    gone = Standing(member(), change("leave"))

    after = mark().after(gone, Standing(), look(NOW))

    assert (after.removed_at, after.left_at, after.absent_at) == (None, NOW, NOW)
    assert mark(removed_at=NOW).after(gone, Standing(), look(LATER)).removed_at == NOW
    assert mark(left_at=NOW).after(Standing(), Standing(), look(LATER)).left_at == NOW


def test_a_token_is_denied_only_if_propelauth_denied_the_claim_a_whole_second_after_it_was_issued() -> None:
    """A token says its time in whole seconds: in the same second it may be the newer of the two."""
    assert not mark().denies(NOW)
    assert not mark(absent_at=NOW).denies(NOW)
    assert not mark(absent_at=NOW + seconds(0.999)).denies(NOW)
    assert mark(absent_at=NOW + seconds(1)).denies(NOW)
    assert not mark(absent_at=NOW).denies(LATER)


def test_what_was_promised_before_a_removal_or_at_that_moment_counts_no_more() -> None:
    assert not mark().forbids(NOW)
    assert mark(removed_at=NOW).forbids(NOW - seconds(1))
    assert mark(removed_at=NOW).forbids(NOW)
    assert not mark(removed_at=NOW).forbids(NOW + seconds(0.001))


def test_what_was_used_before_leaving_is_used_up() -> None:
    assert not mark().left_since(NOW)
    assert not mark(removed_at=NOW).left_since(NOW)
    assert mark(left_at=NOW).left_since(NOW)
    assert not mark(left_at=NOW).left_since(NOW + seconds(0.001))
