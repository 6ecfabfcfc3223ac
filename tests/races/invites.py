"""Races of invites: one is pending for an e-mail, it ends once, and whoever is told that they won has won."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from devstack.emulator import Fault
from tests.races.owners import remove
from tests.races.play import CALLERS, End, Race, Start
from tests.races.scene import Call, Scene, invited, scene
from tests.races.seats import invite

HALF = CALLERS // 2
LATEST_SECONDS = 0.15
SWEPT_AFTER = timedelta(seconds=0.1)
REMOVED_WITHIN = timedelta(seconds=3)


def accept(scene: Scene) -> Call:
    return Call("accept", scene.strangers[0], "POST", f"/v1/me/invites/{scene.extra['invite_id']}/accept")


class OneInvite(Race):
    """Somebody outside has a pending invite."""

    managers: tuple[str, ...] = ("Owner",)

    async def prepare(self, start: Start) -> Scene:
        made = await scene(start.cluster, list(self.managers), 1)
        made.extra["invite_id"] = await invited(start.cluster, made, made.strangers[0])
        return made


class AcceptOneInvite(OneInvite):
    """An impatient invitee: all clicks succeed and count once."""

    name = "accept_one_invite"

    def calls(self, scene: Scene) -> Sequence[Call]:
        return [accept(scene)] * CALLERS

    def violations(self, end: End) -> list[str]:
        (one,), member = end.found.invites, end.found.member(end.scene.strangers[0])
        wrong = [f"an accept was answered {told}" for told in end.told.keys() - {"accept 200"}]
        if not member or one["status"] != "accepted":
            wrong.append(f"member: {member}, invite: {one['status']}")
        for action, times in (("invite.accepted", 1), ("member.joined", 2)):  # the Owner's own is the other one
            if end.audit[action] != times:
                wrong.append(f"the audit log has {action} {end.audit[action]} times, not {times}")
        return wrong


class AcceptAgainstRevoke(OneInvite):
    """The invitee accepts while managers revoke: one side wins, and the other is told."""

    name = "accept_against_revoke"
    managers = ("Owner", "Admin", "Admin")

    async def prepare(self, start: Start) -> Scene:
        made = await super().prepare(start)
        made.extra["late"] = start.chance.uniform(0.0, LATEST_SECONDS)
        return made

    def calls(self, scene: Scene) -> Sequence[Call]:
        path = f"{scene.at}/invites/{scene.extra['invite_id']}"
        late = [scene.extra["late"] * i / HALF for i in range(HALF)]  # an accept has one more way to PropelAuth to go
        by = scene.members
        revokes = [Call("revoke", by[i % len(by)], "DELETE", path, after=after) for i, after in enumerate(late)]
        return [*revokes, *[accept(scene)] * HALF]

    def violations(self, end: End) -> list[str]:
        (one,), member = end.found.invites, end.found.member(end.scene.strangers[0])
        accepts, revokes = dict(end.statuses("accept")), dict(end.statuses("revoke"))
        if member:
            right = (one["status"], one["revoked_at"]) == ("accepted", None)
            right = right and (accepts, revokes) == ({200: HALF}, {409: HALF})
        else:
            right = one["status"] == "expired" and one["revoked_at"] is not None and one["accepted_at"] is None
            right = right and (accepts, revokes) == ({410: HALF}, {200: HALF})
        told = f"member: {member}, invite: {one['status']}, accepts: {accepts}, revokes: {revokes}"
        return [] if right else [told]


class AcceptAgainstExpiry(OneInvite):
    """The invite's time is up in the middle of the race, and every look of a manager writes what time has done."""

    name = "accept_against_expiry"

    async def prepare(self, start: Start) -> Scene:
        made = await super().prepare(start)
        theirs = start.cluster.propelauth.pending_invite(made.org_id, made.strangers[0].email)
        expires_at = datetime.now(UTC) + timedelta(seconds=start.chance.uniform(0.005, 0.06))
        theirs.expires_at = int(expires_at.timestamp())
        which = {"invite_id": made.extra["invite_id"]}
        await start.cluster.database["pending_invites"].update_one(which, {"$set": {"expires_at": expires_at}})
        made.extra["expires_at"] = expires_at
        return made

    def calls(self, scene: Scene) -> Sequence[Call]:
        # To invite a member is refused, after what is overdue was ended: a sweep, in the process that is asked.
        until = scene.extra["expires_at"] + SWEPT_AFTER
        invitation = invite(scene, scene.owner, scene.owner.email)
        sweep = replace(invitation, kind="sweep", again=lambda _: datetime.now(UTC) < until)
        return [*[sweep] * HALF, *[accept(scene)] * HALF]

    def violations(self, end: End) -> list[str]:
        (one,), member = end.found.invites, end.found.member(end.scene.strangers[0])
        accepts = end.statuses("accept")
        ends = {action: end.audit[f"invite.{action}"] for action in ("accepted", "expired")}
        if member:  # who came after the time was told so, whatever those who came before made of it
            right = one["status"] == "accepted" and ends == {"accepted": 1, "expired": 0}
            right = right and accepts[200] >= 1 and accepts.keys() <= {200, 410}
        else:
            right = one["status"] == "expired" and ends == {"accepted": 0, "expired": 1}
            right = right and one["accepted_at"] is None and accepts.keys() == {410}
        told = f"member: {member}, invite: {one['status']}, accepts: {dict(accepts)}, audit log: {ends}"
        return [] if right else [told]


class AcceptAgainstRemoval(OneInvite):
    """A new member is removed while their clicks on the invite are still under way: they do not come back by those."""

    name = "accept_against_removal"

    def calls(self, scene: Scene) -> Sequence[Call]:
        until = datetime.now(UTC) + REMOVED_WITHIN
        removal = remove(scene, scene.owner, scene.strangers[0])
        removal = replace(removal, again=lambda status: status == 404 and datetime.now(UTC) < until)
        return [*[removal] * 4, *[accept(scene)] * (CALLERS - 4)]

    def delays(self, chance: Random) -> list[Fault]:
        """The first click makes a member; some of those that follow it reach PropelAuth when that is long over."""
        return [Fault("/add_user$", skip=1, times=4, latency=chance.uniform(0.1, 0.5))]

    def violations(self, end: End) -> list[str]:
        removed, joined = end.audit["member.removed"], end.audit["member.joined"] - 1  # the Owner's own
        if (removed, joined, end.found.member(end.scene.strangers[0])) == (1, 1, False):
            return []
        return [f"who was removed is back: joined {joined} times, removed {removed} times, {end.found.roles.values()}"]


class InviteAgainstInvite(Race):
    """The same person is invited by several managers at once, in different spellings of the e-mail."""

    name = "invite_against_invite"

    async def prepare(self, start: Start) -> Scene:
        made = await scene(start.cluster, ["Owner", "Admin", "Admin"])
        email = f"Nina.Berg.{made.org_id[:8]}@guests.example"
        made.extra["emails"] = [
            "".join(start.chance.choice((letter.upper(), letter.lower())) for letter in email) for _ in range(CALLERS)
        ]
        return made

    def calls(self, scene: Scene) -> Sequence[Call]:
        return [invite(scene, scene.members[i % 3], email) for i, email in enumerate(scene.extra["emails"])]

    def violations(self, end: End) -> list[str]:
        wrong = []
        if end.told != {"invite 201": 1, "invite 409 invite_pending": CALLERS - 1}:
            wrong.append(f"the answers were {dict(end.told)}")
        kept = len(end.found.invites), len(end.cluster.propelauth.pending_invites(end.scene.org_id))
        if kept != (1, 1):
            wrong.append(f"{kept[0]} invites are kept here, {kept[1]} at PropelAuth")
        noted = end.audit["invite.created"]
        return wrong + [f"the audit log has invite.created {noted} times"] * (noted != 1)


class RepeatOneRequest(Race):
    """One request with its Idempotency-Key, sent again before it was answered: it is carried out once."""

    name = "repeat_one_request"

    async def prepare(self, start: Start) -> Scene:
        made = await scene(start.cluster, ["Owner"])
        made.extra["key"] = f"{start.chance.getrandbits(64):x}"
        return made

    def calls(self, scene: Scene) -> Sequence[Call]:
        request = invite(scene, scene.owner, f"nina.{scene.org_id[:8]}@guests.example")
        return [replace(request, headers={"Idempotency-Key": scene.extra["key"]})] * CALLERS

    def violations(self, end: End) -> list[str]:
        made = {answer.body["invite_id"] for answer in end.answers if answer.status == 201}
        wrong = [] if len(made) == 1 else [f"{len(made)} invites were made by one request"]
        others = end.told.keys() - {"invite 201", "invite 409 request_under_way"}
        return wrong + [f"the repeated request was carried out: {dict(end.told)}"] * bool(others)
