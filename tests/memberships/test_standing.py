"""What a person counts for in an organization, and what becomes of it by a look at PropelAuth."""

from datetime import timedelta
from typing import Any

import pytest

from switchboard.audit.model import OUTSIDE
from switchboard.memberships.model import JOINS_WAIT, PATIENCE, MembershipChange, Standing
from tests.memberships.plain import ADA, NOW, OLIVIA, ORG, change, fact, look, member, seconds

ENDING: list[tuple[Any, ...]] = [("remove",), ("leave",), ("role", "Admin"), ("role", "Member"), ("transfer", "Admin")]
KEEPING: list[tuple[Any, ...]] = [("role", "Owner"), ("transfer", "Owner"), ("join", "Member")]


def test_nobody_counts_for_nothing() -> None:
    assert (Standing().owners, Standing().seats) == (0, 0)


@pytest.mark.parametrize(("role", "owners"), [("Owner", 1), ("Admin", 0), ("Member", 0), ("Guest", 0)])
def test_a_member_has_a_seat_and_an_owner_can_be_counted_on(role: str, owners: int) -> None:
    assert (Standing(member(role)).owners, Standing(member(role)).seats) == (owners, 1)


@pytest.mark.parametrize("asked", ENDING)
def test_an_owner_who_is_about_to_end_as_one_is_not_counted_on_but_keeps_the_seat(asked: tuple[Any, ...]) -> None:
    standing = Standing(member("Owner"), change(*asked))

    assert (standing.owners, standing.seats) == (0, 1)


@pytest.mark.parametrize("asked", KEEPING)
def test_an_owner_who_stays_one_is_counted_on(asked: tuple[Any, ...]) -> None:
    assert Standing(member("Owner"), change(*asked)).owners == 1


@pytest.mark.parametrize("asked", [*ENDING, *KEEPING])
@pytest.mark.parametrize("role", ["Admin", "Member"])
def test_who_is_no_owner_yet_is_not_counted_on_as_one_whatever_is_under_way(role: str, asked: tuple[Any, ...]) -> None:
    assert (Standing(member(role), change(*asked)).owners, Standing(member(role), change(*asked)).seats) == (0, 1)


def test_who_is_joining_has_a_seat_before_the_membership_and_even_an_owner_to_be_is_not_counted_on() -> None:
    assert (Standing(None, change("join", "Owner")).owners, Standing(None, change("join", "Owner")).seats) == (0, 1)


@pytest.mark.parametrize("asked", [("remove",), ("leave",), ("role", "Admin"), ("transfer", "Owner")])
def test_a_change_of_who_is_gone_holds_no_seat(asked: tuple[Any, ...]) -> None:
    assert (Standing(None, change(*asked)).owners, Standing(None, change(*asked)).seats) == (0, 0)


def test_what_propelauth_says_stands_and_who_joined_when_is_kept() -> None:
    before = member("Member")

    after = Standing(before).confirmed(fact("Admin", ("agent_editor",)), look(NOW))

    assert after.membership is not None
    assert (after.membership.role_in_org, after.membership.additional_roles_in_org) == ("Admin", ["agent_editor"])
    assert after.membership.joined_at == before.joined_at
    assert (after.membership.confirmed_at, after.membership.confirmed_by) == (NOW, "api")


def test_who_is_new_joined_when_it_was_seen() -> None:
    after = Standing().confirmed(fact(), look(NOW))

    assert after.membership is not None
    assert (after.membership.joined_at, after.membership.user_id, after.membership.org_id) == (NOW, ADA, ORG)


def test_who_is_gone_at_propelauth_is_gone_here() -> None:
    assert Standing(member("Owner")).confirmed(None, look()) == Standing()


REACHED: list[tuple[Standing, Any]] = [
    (Standing(None, change("join", "Admin")), fact("Admin")),
    (Standing(member("Owner"), change("role", "Member")), fact("Member")),
    (Standing(member("Owner"), change("transfer", "Admin")), fact("Admin")),
    (Standing(member(), change("remove")), None),
    (Standing(member(), change("leave")), None),
]


@pytest.mark.parametrize(("standing", "truth"), REACHED)
def test_a_change_that_is_reached_is_over(standing: Standing, truth: Any) -> None:
    after = standing.confirmed(truth, look())

    assert after.change is None
    assert (None if truth is None else truth.role_in_org) == (after.membership and after.membership.role_in_org)


@pytest.mark.parametrize(
    ("standing", "truth"),
    [
        (Standing(None, change("join", "Admin")), None),
        (Standing(None, change("join", "Admin")), fact("Member")),
        (Standing(None, change("join", "Admin")), fact("Admin", ("agent_editor",))),
        (Standing(member("Owner"), change("role", "Member")), fact("Owner")),
        (Standing(member("Owner"), change("role", "Member")), None),
        (Standing(member(), change("remove")), fact()),
        (Standing(member(), change("leave")), fact()),
    ],
)
def test_a_change_that_is_not_reached_stays_unless_the_look_ends_it(standing: Standing, truth: Any) -> None:
    assert standing.change is not None

    assert standing.confirmed(truth, look()).change == standing.change
    assert standing.confirmed(truth, look(NOW, standing.change)).change is None


def test_an_owner_whose_demotion_did_not_happen_is_counted_on_again() -> None:
    leaving = change("leave")
    before = Standing(member("Owner"), leaving)

    after = before.confirmed(fact("Owner"), look(NOW, leaving))

    assert (before.owners, after.owners) == (0, 1)


def test_the_outcome_of_a_fresh_change_is_left_to_its_maker_whose_own_look_it_is_not() -> None:
    demotion = change("role", "Member")
    standing = Standing(member("Owner"), demotion)

    assert standing.left_to_its_maker(fact("Member"), look(NOW + seconds(1)))
    assert not standing.left_to_its_maker(fact("Member"), look(NOW + seconds(1), demotion))
    assert not standing.left_to_its_maker(fact("Owner"), look(NOW + seconds(1)))
    assert not standing.left_to_its_maker(None, look(NOW + seconds(1)))
    assert not Standing(member("Owner")).left_to_its_maker(fact("Owner"), look())


def test_a_removal_that_others_see_first_is_left_to_its_maker_as_well() -> None:
    assert Standing(member(), change("remove")).left_to_its_maker(None, look(NOW + seconds(1)))
    assert not Standing(member(), change("remove")).left_to_its_maker(fact(), look(NOW + seconds(1)))


def test_a_maker_who_takes_too_long_is_not_waited_for() -> None:
    standing = Standing(member("Owner"), change("role", "Member"))

    assert standing.left_to_its_maker(fact("Member"), look(NOW + PATIENCE - seconds(0.001)))
    assert not standing.left_to_its_maker(fact("Member"), look(NOW + PATIENCE))


def test_only_the_changes_that_are_named_are_given_up() -> None:
    leaving = change("leave")
    standing = Standing(member("Owner"), leaving)

    assert standing.without(frozenset({leaving.change_id})) == Standing(standing.membership)
    assert standing.without(frozenset({"another"})) == standing
    assert Standing(standing.membership).without(frozenset({leaving.change_id})).change is None


@pytest.mark.parametrize("kind", ["role", "remove", "leave", "transfer", "organization"])
def test_a_change_nobody_repeats_is_outlived_soon_a_join_only_after_a_day(kind: Any) -> None:
    assert not change(kind).outlived(NOW + PATIENCE - seconds(0.001))
    assert change(kind).outlived(NOW + PATIENCE)
    assert not change("join", "Member").outlived(NOW + JOINS_WAIT - seconds(0.001))
    assert change("join", "Member").outlived(NOW + JOINS_WAIT)
    assert not change("join", "Member").fresh(NOW + PATIENCE)


def test_only_the_same_person_asking_for_the_same_repeats_a_change() -> None:
    first = change("role", "Admin")

    assert first.same_as(change("role", "Admin", at=NOW + timedelta(minutes=5), request_id="another"))
    others: list[MembershipChange] = [
        change("role", "Member"),
        change("role", "Admin", additional_roles_in_org=["agent_editor"]),
        change("transfer", "Admin"),
        change("remove"),
        change("role", "Admin", user_id="nina"),
        change("role", "Admin", actor=OUTSIDE),
    ]
    assert not [other for other in others if first.same_as(other)]


def test_two_changes_of_an_organization_are_the_same_if_they_set_the_same() -> None:
    def own(digest: str) -> MembershipChange:
        return change("organization", user_id=None, digest=digest)

    assert own("a").same_as(own("a"))
    assert not own("a").same_as(own("b"))
    assert own("a").target is None


def told(before: Standing, after: Standing) -> tuple[Any, ...] | None:
    """Action, actor, request, before and after of the entry about this step."""
    entry = before.entry(after, look())
    if entry is None:
        return None
    assert (entry.org_id, entry.target.kind, entry.target.id, entry.at) == (ORG, "member", ADA, NOW)
    return entry.action, entry.actor, entry.request_id, entry.before, entry.after


def roles(role: str, additional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"role_in_org": role, "additional_roles_in_org": list(additional)}


def test_who_asked_for_a_change_is_who_did_it() -> None:
    ours, asked = OLIVIA, "request"

    assert told(Standing(None, change("join", "Admin")), Standing(member("Admin"))) == (
        *("member.joined", ours, asked),
        *(None, roles("Admin")),
    )
    assert told(Standing(member(), change("role", "Admin")), Standing(member("Admin"))) == (
        *("member.role_changed", ours, asked),
        *({"role_in_org": "Member"}, {"role_in_org": "Admin"}),
    )
    assert told(Standing(member("Admin"), change("remove")), Standing()) == (
        *("member.removed", ours, asked),
        *(roles("Admin"), None),
    )
    assert told(Standing(member("Admin"), change("leave")), Standing()) == (
        *("member.left", ours, asked),
        *(roles("Admin"), None),
    )


def test_what_happened_without_a_change_of_ours_was_done_at_propelauth() -> None:
    assert told(Standing(), Standing(member())) == ("member.joined", OUTSIDE, None, None, roles("Member"))
    assert told(Standing(member()), Standing()) == ("member.removed", OUTSIDE, None, roles("Member"), None)
    assert told(Standing(member()), Standing(member("Member", ("agent_editor",)))) == (
        *("member.role_changed", OUTSIDE, None),
        *({"additional_roles_in_org": []}, {"additional_roles_in_org": ["agent_editor"]}),
    )


def test_what_happened_while_another_change_goes_on_was_done_at_propelauth() -> None:
    """Somebody else removes whom we are promoting: that is not what was asked for here."""
    promotion = change("role", "Admin")

    entry = Standing(member(), promotion).entry(Standing(None, promotion), look())

    assert entry is not None
    assert (entry.action, entry.actor) == ("member.removed", OUTSIDE)


def test_handing_over_is_one_entry_that_of_the_new_owner() -> None:
    new = Standing(member("Member", ("agent_editor",)), change("transfer", "Owner"))
    old = Standing(member("Owner"), change("transfer", "Admin"))

    assert told(new, Standing(member("Owner", ("agent_editor",)))) == (
        *("ownership.transferred", OLIVIA, "request"),
        *({"role_in_org": "Member"}, {"role_in_org": "Owner"}),
    )
    assert told(old, Standing(member("Admin"))) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Standing(), Standing()),
        (Standing(member()), Standing(member())),
        (Standing(member(), change("role", "Admin")), Standing(member())),
        (Standing(None, change("join", "Member")), Standing()),
        (Standing(member(), change("remove")), Standing(member(), change("remove"))),
    ],
)
def test_the_same_membership_is_nothing_to_tell(before: Standing, after: Standing) -> None:
    assert told(before, after) is None
