"""One organization lived through at random, beside a small model of it that knows the rules and nothing of the code.

After each call the answer is what the model expects; at the end both sides and the audit log are what it holds.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from switchboard.invites import service as invites
from tests.organizations.conftest import Factory, Organization
from tests.world import Person

RANKS = {"Owner": 3, "Admin": 2, "Member": 1}
WHO = st.sampled_from(["olivia", "nina", "omar"])
ROLE = st.sampled_from([*RANKS])
STEP = st.one_of(
    st.tuples(st.just("invite"), WHO, WHO, ROLE),
    st.tuples(st.sampled_from(["accept", "decline", "accept"]), WHO),
    st.tuples(st.sampled_from(["revoke", "remove", "transfer"]), WHO, WHO),
    st.tuples(st.just("change_role"), WHO, WHO, ROLE),
    st.tuples(st.just("leave"), WHO),
    st.tuples(st.just("time_passes"), WHO),
    st.tuples(st.just("limit_seats"), WHO, st.integers(1, 3)),
)


@dataclass
class Model:
    """Who is what, the latest invite of each person, how many seats there are, how many entries were written."""

    roles: dict[str, str] = field(default_factory=lambda: {"olivia": "Owner"})
    invited: dict[str, tuple[str, str]] = field(default_factory=dict)  # role and state of the latest invite
    seats: int = 9
    entries: int = 0

    def rank(self, who: str) -> int:
        return RANKS[self.roles[who]] if who in self.roles else 0

    def last_owner(self, who: str) -> bool:
        return self.roles.get(who) == "Owner" and [*self.roles.values()].count("Owner") == 1

    def manages(self, who: str, whom: str) -> bool:
        return self.rank(who) >= 2 and whom in self.roles and (self.rank(who) == 3 or self.rank(whom) < self.rank(who))

    def state(self, who: str) -> str:
        return self.invited.get(who, ("", ""))[1]

    def seats_used(self) -> int:
        return len(self.roles) + sum(state in ("pending", "past") for _, state in self.invited.values())

    def told(self, number: int = 1) -> bool:
        self.entries += number
        return True

    def swept(self) -> None:
        for who, (role, state) in self.invited.items():
            if state == "past":
                self.invited[who] = role, "expired"
                self.entries += 1

    def invite(self, who: str, whom: str, role: str) -> bool:
        if self.rank(who) < 2 or RANKS[role] > self.rank(who):
            return False
        self.swept()
        if whom in self.roles or self.state(whom) == "pending" or self.seats_used() >= self.seats:
            return False
        self.invited[whom] = role, "pending"
        return self.told()

    def accept(self, who: str) -> bool:
        if self.state(who) == "accepted":
            return who in self.roles
        if self.state(who) != "pending":
            return False
        role = self.invited[who][0]
        self.roles[who], self.invited[who] = role, (role, "accepted")
        return self.told(2)

    def decline(self, who: str) -> bool:
        if self.state(who) == "pending":
            self.invited[who] = self.invited[who][0], "declined"
            self.told()
        return self.state(who) == "declined"

    def revoke(self, who: str, whom: str) -> bool:
        if self.rank(who) < 2:
            return False
        if self.state(whom) == "pending":
            self.invited[whom] = self.invited[whom][0], "revoked"
            self.told()
        return self.state(whom) == "revoked"

    def change_role(self, who: str, whom: str, role: str) -> bool:
        if not self.manages(who, whom) or RANKS[role] > self.rank(who):
            return False
        if self.roles[whom] == role:
            return True
        if self.last_owner(whom):
            return False
        self.roles[whom] = role
        return self.told()

    def remove(self, who: str, whom: str) -> bool:
        if who == whom or not self.manages(who, whom):
            return False
        del self.roles[whom]
        return self.told()

    def leave(self, who: str) -> bool:
        if who not in self.roles or self.last_owner(who):
            return False
        del self.roles[who]
        return self.told()

    def transfer(self, who: str, whom: str) -> bool:
        if self.roles.get(who) != "Owner" or self.roles.get(whom) in (None, "Owner"):
            return False
        self.roles[who], self.roles[whom] = "Admin", "Owner"
        return self.told()

    def limit_seats(self, who: str, number: int) -> bool:
        if self.roles.get(who) != "Owner" or number < self.seats_used():
            return False
        changed, self.seats = number != self.seats, number
        return self.told(int(changed))

    def time_passes(self, who: str) -> bool:
        if self.state(who) == "pending":
            self.invited[who] = self.invited[who][0], "past"
        return True


@dataclass
class Driver:
    """The same steps over HTTP."""

    org: Organization
    people: dict[str, Person]
    latest: dict[str, str] = field(default_factory=dict)

    async def do(self, name: str, who: str, *arguments: Any) -> bool:
        if name == "time_passes":
            past = datetime.now(UTC) - timedelta(milliseconds=5)
            asked = {"invite_id": self.latest.get(who), "status": "pending"}
            self.org.world.database["pending_invites"].update_one(asked, {"$set": {"expires_at": past}})
            return True
        method, path, body = self.call(name, who, *arguments)
        answer = await self.org.world.api.request(method, path, headers=self.people[who].headers, json=body)
        assert answer.status_code in (200, 201, 204, 403, 404, 409, 410), (name, who, arguments, answer.text)
        if name == "invite" and answer.is_success:
            self.latest[arguments[0]] = answer.json()["invite_id"]
        return answer.is_success

    def call(self, name: str, who: str, *arguments: Any) -> tuple[str, str, Any]:
        at, whom = self.org.at, self.people.get(str(arguments[0])) if arguments else None
        member = f"{at}/members/{whom.user_id}" if whom else ""
        mine = f"/v1/me/invites/{self.latest.get(who, 'none')}"
        role = {"role_in_org": arguments[-1]} if arguments else {}
        calls: dict[str, tuple[str, str, Any]] = {
            "invite": ("POST", f"{at}/invites", {"email": whom and whom.email, **role}),
            "accept": ("POST", f"{mine}/accept", None),
            "decline": ("POST", f"{mine}/decline", None),
            "revoke": ("DELETE", f"{at}/invites/{self.latest.get(str(arguments and arguments[0]), 'none')}", None),
            "change_role": ("PATCH", member, role),
            "remove": ("DELETE", member, None),
            "leave": ("POST", f"{at}/leave", None),
            "transfer": ("POST", f"{at}/transfer", {"user_id": whom and whom.user_id}),
            "limit_seats": ("PATCH", at, {"max_users": arguments[-1]} if arguments else None),
        }
        return calls[name]


@given(st.lists(STEP, min_size=8, max_size=20))
@settings(
    max_examples=8,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to make a failing history shorter would take minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_an_organization_lives_as_the_rules_say(
    world, organization: Factory, steps: list[tuple[Any, ...]]
) -> None:
    org = await organization("Owner", max_users=9)
    org.forget_entries()
    people = {"olivia": org.owner, "nina": world.person(google=False), "omar": world.person(google=False)}
    model, driver = Model(), Driver(org, people)
    steps = [("invite", "olivia", "nina", "Admin"), ("accept", "nina"), ("invite", "nina", "omar", "Member"), *steps]
    for number, step in enumerate(steps):
        assert await driver.do(*step) == getattr(model, step[0])(*step[1:]), steps[: number + 1]

    await invites.expire_due(world.services, datetime.now(UTC), org.org_id)
    model.swept()
    for name, person in people.items():
        assert org.role(person) == org.role_there(person) == model.roles.get(name)
    assert org.counts == ([*model.roles.values()].count("Owner"), model.seats_used())
    assert (org.there.max_users, org.stored["seat_limit"], org.under_way()) == (model.seats, model.seats, [])
    waiting = {people[name].email for name in people if model.state(name) == "pending"}
    assert {each.invitee_email for each in world.propelauth.pending_invites(org.org_id)} >= waiting
    assert {each["invitee_email"] for each in org.invites() if each["status"] == "pending"} == waiting
    assert len(org.entries()) == model.entries
    assert {entry["actor"]["kind"] for entry in org.entries()} <= {"user", "system"}
    before = org.entries()
    await org.mirrored()  # PropelAuth has nothing to add
    assert [entry for entry in org.entries() if entry not in before and entry["target"]["kind"] != "invite"] == []
