"""Races for the last Owner: whatever happens, there is one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from devstack.emulator import Fault
from tests.races.play import CALLERS, End, Race, Start
from tests.races.scene import Call, Scene, scene
from tests.world import Person

PERSISTENCE = timedelta(seconds=1.5)


def set_role(scene: Scene, by: Person, who: Person, role: str) -> Call:
    return Call(f"set {role}", by, "PATCH", f"{scene.at}/members/{who.user_id}", {"role_in_org": role})


def leave(scene: Scene, who: Person) -> Call:
    return Call("leave", who, "POST", f"{scene.at}/leave")


def remove(scene: Scene, by: Person, who: Person) -> Call:
    return Call("remove", by, "DELETE", f"{scene.at}/members/{who.user_id}")


def transfer(scene: Scene, by: Person, to: Person) -> Call:
    return Call("transfer", by, "POST", f"{scene.at}/transfer", {"user_id": to.user_id})


class DemoteOwners(Race):
    """Every Owner is demoted at once, by themselves and by the others, to Admin and to Member."""

    owners = 2

    async def prepare(self, start: Start) -> Scene:
        return await scene(start.cluster, ["Owner"] * self.owners)

    def calls(self, scene: Scene) -> Sequence[Call]:
        pairs = [(by, who) for who in scene.members for by in scene.members]
        return [set_role(scene, *pairs[i % len(pairs)], "Admin" if i % 4 else "Member") for i in range(CALLERS)]

    def violations(self, end: End) -> list[str]:
        roles = list(end.found.roles.values())
        left = roles.count("Owner")
        return [] if left >= 1 and len(roles) == self.owners else [f"{left} Owners are left, {len(roles)} members"]


class DemoteTwoOwners(DemoteOwners):
    name = "demote_last_owners"


class DemoteFiveOwners(DemoteOwners):
    name = "demote_five_owners"
    owners = 5


class LeaveOwners(Race):
    """All Owners leave at once, again and again: all but one get away."""

    owners = 2

    async def prepare(self, start: Start) -> Scene:
        return await scene(start.cluster, ["Owner"] * self.owners)

    def calls(self, scene: Scene) -> Sequence[Call]:
        return [leave(scene, scene.members[i % self.owners]) for i in range(CALLERS)]

    def violations(self, end: End) -> list[str]:
        there = end.found.roles
        wrong = [] if len(there) == 1 else [f"{len(there)} Owners are left although all but one may leave"]
        back = end.who("leave", 204) & there.keys()
        return wrong + ["somebody who was told that they left is there"] * bool(back)


class LeaveTwoOwners(LeaveOwners):
    name = "leave_last_owners"


class LeaveFiveOwners(LeaveOwners):
    name = "leave_five_owners"
    owners = 5


class TransferAgainstOthers(Race):
    """Two Owners hand over to others, while they demote and remove each other and leave."""

    name = "transfer_against_others"

    async def prepare(self, start: Start) -> Scene:
        return await scene(start.cluster, ["Owner", "Owner", "Admin", "Member", "Member"])

    def calls(self, scene: Scene) -> Sequence[Call]:
        ann, bob, cid, dan, eve = scene.members
        handed = [transfer(scene, *pair) for pair in ((ann, cid), (ann, dan), (bob, eve), (bob, cid))]
        demoted = [set_role(scene, by, who, "Member") for by in (ann, bob) for who in (ann, bob)]
        others = [leave(scene, ann), leave(scene, bob), remove(scene, ann, bob), remove(scene, bob, ann)]
        return [*handed, *demoted, *others] * 2

    def violations(self, end: End) -> list[str]:
        handed, noted = end.statuses("transfer")[200], end.audit["ownership.transferred"]
        return [] if bool(handed) == bool(noted) else [f"{handed} transfers succeeded, the audit log has {noted}"]


class TransferToMany(Race):
    """The only Owner hands the organization over to many at once: one of them gets it."""

    name = "transfer_to_many"

    async def prepare(self, start: Start) -> Scene:
        return await scene(start.cluster, ["Owner", *["Member"] * (CALLERS // 2)])

    def calls(self, scene: Scene) -> Sequence[Call]:
        return [transfer(scene, scene.owner, to) for to in scene.members[1:]] * 2

    def violations(self, end: End) -> list[str]:
        roles, noted = end.found.roles, end.audit["ownership.transferred"]
        owners, old = list(roles.values()).count("Owner"), roles[end.scene.owner.user_id]
        right = (owners, old, noted) == (1, "Admin", 1)
        return [] if right else [f"{owners} members are Owner after {noted} transfers, who handed over is {old}"]


class PromoteAgainstDemote(Race):
    """Clicks that demote an Owner are under way when that is over, they are Owner again, and the other steps back."""

    name = "promote_against_demote"

    async def prepare(self, start: Start) -> Scene:
        return await scene(start.cluster, ["Owner", "Owner"])

    def calls(self, scene: Scene) -> Sequence[Call]:
        ann, bob = scene.members
        until = datetime.now(UTC) + PERSISTENCE
        steps = [set_role(scene, ann, bob, "Owner"), set_role(scene, ann, ann, "Admin")]
        insisting = [replace(step, again=lambda status: status == 409 and datetime.now(UTC) < until) for step in steps]
        return [*[set_role(scene, ann, bob, "Member")] * (CALLERS - 4), *insisting * 2]

    def delays(self, chance: Random) -> list[Fault]:
        """The first click demotes; some of those that follow it reach PropelAuth when that is long over."""
        return [Fault("/change_role$", skip=1, times=3, latency=chance.uniform(0.1, 0.5))]

    def violations(self, end: End) -> list[str]:
        return [] if len(end.found.roles) == 2 else [f"{len(end.found.roles)} members are left of two"]
