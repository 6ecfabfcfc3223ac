"""Whatever people decide and PropelAuth says, in any order: what was counted is what stands at the end."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.memberships.model import MembershipChange, Seen, Standing
from tests.memberships.plain import NOW, change, fact, look, member, seconds

PEOPLE = ("ada", "bob", "eve")
ROLES = ("Owner", "Admin", "Member")
KINDS = (*(("role", role) for role in ROLES), *(("transfer", role) for role in ROLES[:2]), ("remove",), ("leave",))

STEP = st.one_of(
    st.tuples(st.just("decide"), st.sampled_from(PEOPLE), st.sampled_from([*KINDS, *(("join", r) for r in ROLES)])),
    st.tuples(st.just("happens"), st.sampled_from(PEOPLE), st.sampled_from([*ROLES, None])),
    st.tuples(st.just("carry_out"), st.sampled_from(PEOPLE), st.booleans()),
    st.tuples(st.just("look"), st.sampled_from(PEOPLE), st.booleans()),
    st.tuples(st.just("give_up"), st.sampled_from(PEOPLE), st.none()),
)


@dataclass
class Book:
    """What the service keeps: standings, and the two counts it changes by differences alone."""

    standings: dict[str, Standing] = field(default_factory=dict)
    truth: dict[str, str | None] = field(default_factory=dict)
    owners: int = 0
    seats: int = 0
    at: float = 0.0

    def of(self, person: str) -> Standing:
        return self.standings.get(person, Standing())

    def put(self, person: str, after: Standing) -> None:
        before = self.of(person)
        self.owners += after.owners - before.owners
        self.seats += after.seats - before.seats
        self.standings[person] = after

    def decide(self, person: str, asked: tuple[Any, ...]) -> None:
        before = self.of(person)
        if before.change is not None or (asked[0] == "join") == (before.membership is not None):
            return
        after = Standing(before.membership, change(*asked, at=NOW + seconds(self.at), user_id=person))
        assert after.owners <= before.owners, "a decision never adds an Owner: PropelAuth has not made one yet"
        assert after.seats >= before.seats, "a decision never frees a seat"
        if after.owners < before.owners and self.owners <= 1 and asked[0] != "transfer":
            return  # the last Owner: the conditional write refuses, unless the other half makes one first
        self.put(person, after)

    def happens(self, person: str, role: str | None) -> None:
        self.truth[person] = role

    def carry_out(self, person: str, mirrors: bool) -> None:
        under_way = self.of(person).change
        if under_way is not None:
            self.truth[person] = under_way.role_in_org
            if mirrors:
                self._see(person, self._seen(under_way))

    def look(self, person: str, ends_change: bool) -> None:
        under_way = self.of(person).change if ends_change else None
        self._see(person, self._seen(*([under_way] if under_way else [])))

    def give_up(self, person: str, _: None) -> None:
        under_way = self.of(person).change
        if under_way is not None:
            self.put(person, self.of(person).without(frozenset({under_way.change_id})))

    def _seen(self, *finished: MembershipChange) -> Seen:
        return look(NOW + seconds(self.at), *finished)

    def _see(self, person: str, seen: Seen) -> None:
        role = self.truth.get(person)
        told = None if role is None else fact(role, user_id=person)
        if not self.of(person).left_to_its_maker(told, seen):
            self.put(person, self.of(person).confirmed(told, seen))


@given(st.lists(STEP, max_size=40))
@settings(max_examples=300)
def test_the_sum_of_all_differences_is_the_count_of_what_stands(steps: list[tuple[Any, ...]]) -> None:
    book = Book({"ada": Standing(member("Owner"))}, {"ada": "Owner"}, owners=1, seats=1)
    for name, person, argument in steps:
        getattr(book, name)(person, argument)
        book.at += 1
        assert book.owners == sum(standing.owners for standing in book.standings.values())
        assert book.seats == sum(standing.seats for standing in book.standings.values())
        assert 0 <= book.owners <= book.seats

    for person in PEOPLE:  # at last somebody looks at everybody, and ends what is under way
        book.look(person, True)
    assert book.owners == sum(role == "Owner" for role in book.truth.values())
    assert book.seats == sum(role is not None for role in book.truth.values())


@given(st.lists(STEP.filter(lambda step: step[0] in ("decide", "carry_out", "give_up")), max_size=40))
@settings(max_examples=200)
def test_as_long_as_everything_is_decided_here_an_owner_is_left(steps: list[tuple[Any, ...]]) -> None:
    """Halves of a transfer are decided together; here only the new Owner's comes, and nobody joins without leave."""
    book = Book({"ada": Standing(member("Owner"))}, {"ada": "Owner"}, owners=1, seats=1)
    for name, person, argument in steps:
        if argument == ("transfer", "Admin"):
            continue
        getattr(book, name)(person, argument)
        book.at += 1
        assert book.owners >= 1
        assert any(role == "Owner" for role in book.truth.values())
