"""Races for the last seats: what is free is given out, and no more."""

from collections.abc import Sequence
from dataclasses import replace

from tests.races.play import CALLERS, End, Race, Start
from tests.races.scene import Call, Scene, scene
from tests.world import Person

MANAGERS = ("Owner", "Admin", "Admin")
JOINERS = 6
LATEST_SECONDS = 0.15


def invite(scene: Scene, by: Person, email: str) -> Call:
    return Call("invite", by, "POST", f"{scene.at}/invites", {"email": email})


def join(scene: Scene, who: Person) -> Call:
    return Call("join", who, "POST", f"{scene.at}/join")


class LastSeats(Race):
    """Managers invite many people while others join by their domain, twice each."""

    free = 1

    async def prepare(self, start: Start) -> Scene:
        limit = len(MANAGERS) + self.free
        made = await scene(start.cluster, list(MANAGERS), JOINERS, max_users=limit, domain_autojoin=True)
        made.extra["late"] = start.chance.uniform(0.0, LATEST_SECONDS)
        return made

    def calls(self, scene: Scene) -> Sequence[Call]:
        joins = [join(scene, who) for who in scene.strangers] * 2
        by, many = scene.members, CALLERS - len(joins)
        emails = [f"{i}.{scene.org_id[:8]}@guests.example" for i in range(many)]
        late = [scene.extra["late"] * i / many for i in range(many)]  # a join has one more way to PropelAuth to go
        invites = [replace(invite(scene, by[i % len(by)], emails[i]), after=late[i]) for i in range(many)]
        return [*joins, *invites]

    def violations(self, end: End) -> list[str]:
        joined = end.who("join", 200)
        created = end.statuses("invite")[201]
        wrong = []
        if len(joined) + created != self.free:
            wrong.append(f"{len(joined) + created} seats were promised, {self.free} were free")
        there = len(end.found.memberships) - len(MANAGERS), len(end.found.pending)
        if there != (len(joined), created):
            wrong.append(f"{len(joined)} joins and {created} invites were promised, there are {there}")
        refused = {answer.code for answer in end.answers if answer.status == 409}
        return wrong + [f"refused by {code}" for code in sorted(refused - {"organization_full", "change_under_way"})]


class LastSeat(LastSeats):
    name = "last_seat"


class LastFiveSeats(LastSeats):
    name = "last_five_seats"
    free = 5
