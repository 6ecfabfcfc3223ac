"""A random history: changes at PropelAuth, calls of ours, deliveries in any order, answers that are lost."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from pydantic import SecretStr

from devstack.emulator import Fault
from devstack.propelauth import Delivery, PropelAuthEmulator, Refused
from switchboard.administration import service as administration
from switchboard.administration.model import NewOrganization
from switchboard.clients.propelauth import PropelAuthClient
from switchboard.clients.propelauth_facts import Identity
from switchboard.comparison import service as comparison
from switchboard.errors import Refusal, Unavailable
from switchboard.invites import service as invites
from switchboard.invites.model import Wanted
from switchboard.members import service as members
from switchboard.replies import service as replies
from switchboard.roles.model import Rights
from switchboard.services import Services
from switchboard.webhooks import service as webhooks
from tests.mirror import here, miscounted, there
from tests.world import World

ROLES = ("Owner", "Admin", "Member")
THERE = (
    *("create_there", "rename", "limit", "add", "add", "remove_there", "change_role_there", "change_role_there"),
    *("invite_there", "revoke_there", "revoke_there", "accept_there", "delete_there", "delete_person"),
)
HERE = (
    *("create", "invite", "revoke", "accept", "accept", "decline", "change_role", "remove", "leave", "hand_over"),
    *("update", "delete"),
)
PEOPLE = 6
LATER = timedelta(seconds=30)  # than anybody waits for anything but an expiry


class Nothing(Exception):
    """There is nothing to choose among."""


@dataclass
class History:
    """One history in a project of its own; `lossy`: PropelAuth's answers get lost now and then."""

    world: World
    emulator: PropelAuthEmulator
    services: Services
    seed: int
    lossy: bool = False
    org_ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chosen = random.Random(self.seed)
        for things in (self.emulator.world.orgs, self.emulator.world.users):
            things.clear()
        self.emulator.world.memberships, self.emulator.world.invites = [], []
        self.emulator.deliveries.clear()
        self.emulator.emulator.forget()
        people = [self.emulator.add_user(f"{number}.{uuid4().hex[:8]}@example.com") for number in range(PEOPLE)]
        self.people = [person.user_id for person in people]
        self.tokens = {user_id: self.emulator.access_token(user_id) for user_id in self.people}
        guests = [f"Guest.{uuid4().hex[:8]}@Example.com" for _ in range(2)]
        self.emails = [*(person.email for person in people), *guests]

    async def begin(self) -> None:
        """Two organizations with people and invites, which the mirror knows."""
        for _ in range(2):
            self.create_there()
        for kind in ("add", "add", "add", "add", "add", "invite_there", "invite_there", "invite_there"):
            self._there(kind)
        await self.compare(timedelta(0))
        self.emulator.deliveries.clear()

    async def step(self) -> None:
        """One step; what is refused is no step. The counts agree with the documents after each."""
        kind = self.chosen.choice([*THERE, *HERE, *["deliver"] * 4, *["lose"] * (3 if self.lossy else 0)])
        if kind in THERE:
            self._there(kind)
            return
        if kind == "lose":
            lost = {"drop": True, "act_first": self.chosen.random() < 0.5, "skip": self.chosen.randint(0, 3)}
            self.emulator.emulator.fail(Fault(path="/api/backend/", **lost))
        else:
            some = self.chosen.sample(self.emulator.deliveries, min(3, len(self.emulator.deliveries)))
            deliveries = [self.deliver(each) for each in some if kind == "deliver" or self.chosen.random() < 0.5]
            call = [self._here(kind)] if kind in HERE else []
            await asyncio.gather(*call, *deliveries)
        wrong = self.wrong_counts()
        assert wrong == {}, wrong

    def _there(self, kind: str) -> None:
        try:
            getattr(self, kind)()
        except (Refused, Nothing):
            return

    async def _here(self, kind: str) -> None:
        call: Callable[[], Awaitable[Any]] = getattr(self, kind)
        try:
            await call()
        except Unavailable:
            assert self.lossy
        except (Refusal, Nothing):
            return

    async def deliver(self, delivery: Delivery) -> None:
        headers = self.emulator.webhooks.signed_headers(delivery, time.time())
        await webhooks.receive(self.services, headers, delivery.body.encode(), datetime.now(UTC))

    async def deliver_all(self) -> None:
        """Every event, some of them again, in any order, several at once."""
        events = [*self.emulator.deliveries, *self.chosen.choices(self.emulator.deliveries or [None], k=5)]
        events = [event for event in events if event is not None]
        self.chosen.shuffle(events)
        for first in range(0, len(events), 5):
            await asyncio.gather(*(self.deliver(each) for each in events[first : first + 5]))

    async def settle(self) -> None:
        """What the worker does when everything waiting is due."""
        self.emulator.emulator.faults.clear()
        later = datetime.now(UTC) + LATER
        while await webhooks.act_on_waiting(self.services, later):
            pass
        more = True
        while more:
            try:
                more = await members.resolve_left(self.services, later)
            except Refusal:  # PropelAuth does not let them join any more
                more = True

    async def compare(self, after: timedelta = 2 * LATER) -> None:
        """What the worker does when its time has come: organizations never heard of, then each one compared."""
        later = datetime.now(UTC) + after
        self.world.database["mirror_marks"].delete_one({"org_id": "*"})
        assert await comparison.find_unknown(self.services, later)
        for org_id in self.org_ids:
            if here(self.world.database, org_id) is not None:
                await comparison.compare(self.services, org_id, later)

    def wrong_counts(self) -> dict[str, list[str]]:
        found = {org_id: miscounted(self.world.database, org_id) for org_id in self.org_ids}
        return {org_id: wrong for org_id, wrong in found.items() if wrong}

    def states(self, *left_out: str) -> tuple[list[Any], list[Any]]:
        """Of every organization there ever was: here, and there."""
        ours = [here(self.world.database, org_id) for org_id in self.org_ids]
        theirs = [there(self.emulator, org_id) for org_id in self.org_ids]
        return _without(ours, left_out), _without(theirs, left_out)

    def left_over(self) -> list[str]:
        """Changes and deliveries that nobody ended."""
        changes = self.world.database["membership_changes"].find({"org_id": {"$in": self.org_ids}})
        waiting = self.world.database["webhook_deliveries"].find({"state": {"$ne": "done"}})
        return [str(each) for each in [*changes, *waiting]]

    def pick(self, items: Sequence[Any]) -> Any:
        if not items:
            raise Nothing
        return self.chosen.choice(items)

    # What is chosen among.
    @property
    def org_id(self) -> str:
        return self.chosen.choice(self.org_ids)

    @property
    def alive(self) -> str:
        return str(self.pick(list(self.emulator.world.orgs)))

    @property
    def person(self) -> str:
        return self.chosen.choice(self.people)

    @property
    def email(self) -> str:
        email = self.chosen.choice(self.emails)
        return email.upper() if self.chosen.random() < 0.2 else email

    @property
    def role(self) -> str:
        return self.chosen.choice(ROLES)

    @property
    def rights(self) -> Rights:
        return Rights(self.role)

    def pending(self, **asked: Any) -> dict[str, Any]:
        found = list(self.world.database["pending_invites"].find({"org_id": {"$in": self.org_ids}, **asked}))
        return self.pick(found)

    def who(self, user_id: str) -> Identity:
        """By a new token, or for somebody who is gone by the old one."""
        if user_id in self.emulator.world.users:
            self.tokens[user_id] = self.emulator.access_token(user_id)
        return self.services.propelauth.identify(f"Bearer {self.tokens[user_id]}")

    @property
    def caller(self) -> Identity:
        return self.who(self.person)

    @property
    def place(self) -> tuple[Identity, str]:
        """Somebody and an organization; most often one in which they may do something."""
        strong = [each for each in self.emulator.world.memberships if each.role != "Member"]
        if not strong or self.chosen.random() < 0.15:
            return self.caller, self.org_id
        chosen = self.chosen.choice(strong)
        return self.who(chosen.user_id), chosen.org_id

    def another(self, org_id: str) -> str:
        """Most often a member."""
        inside = [each.user_id for each in self.emulator.members(org_id)]
        return self.chosen.choice(inside) if inside and self.chosen.random() < 0.85 else self.person

    # At PropelAuth.
    def create_there(self) -> None:
        org_id = self.emulator.add_org(f"Org {uuid4().hex[:12]}").org_id
        self.org_ids.append(org_id)
        self.emulator.add_member(org_id, self.person, "Owner")

    def rename(self) -> None:
        texts = {"displayName": uuid4().hex[:4], "description": self.chosen.choice(["", uuid4().hex[:4]])}
        self.emulator.update_org(self.alive, name=f"Org {uuid4().hex[:12]}", metadata=texts)

    def limit(self) -> None:
        self.emulator.update_org(self.alive, max_users=self.chosen.choice([None, 2, 3, 5]))

    def add(self) -> None:
        org_id = self.alive
        strangers = [each for each in self.people if self.emulator.membership(org_id, each) is None]
        self.emulator.add_member(org_id, self.pick(strangers), self.role)

    def remove_there(self) -> None:
        chosen = self.pick(self.emulator.world.memberships)
        self.emulator.remove_member(chosen.org_id, chosen.user_id)

    def change_role_there(self) -> None:
        chosen = self.pick(self.emulator.world.memberships)
        self.emulator.change_role(chosen.org_id, chosen.user_id, self.role)

    def invite_there(self) -> None:
        org_id = self.alive
        inside = {self.emulator.user(each.user_id).email for each in self.emulator.members(org_id)}
        self.emulator.invite(self.pick([each for each in self.emails if each not in inside]), org_id, self.role)

    def revoke_there(self) -> None:
        chosen = self.pick(self.emulator.world.invites)
        self.emulator.revoke_invite(chosen.org_id, chosen.invitee_email)

    def accept_there(self) -> None:
        known = [each for each in self.emulator.world.invites if self.emulator.user_by_email(each.invitee_email)]
        chosen = self.pick(known)
        self.emulator.accept_invite(chosen.org_id, chosen.invitee_email)

    def delete_there(self) -> None:
        if self.chosen.random() < 0.4:
            self.emulator.delete_org(self.alive)

    def delete_person(self) -> None:
        if len(self.emulator.world.users) > 2:
            self.emulator.delete_user(self.person)

    # Here.
    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def create(self) -> None:
        new = NewOrganization(f"Org {uuid4().hex[:12]}", {"display_name": "Ours"} if self.chosen.random() < 0.5 else {})
        caller = self.caller
        try:
            await administration.create(self.services, caller, new, self.now)
        finally:
            known = set(self.org_ids)
            self.org_ids += [each.org_id for each in self.emulator.world.orgs.values() if each.org_id not in known]

    async def update(self) -> None:
        fields = {"name": f"Org {uuid4().hex[:12]}", "description": uuid4().hex[:4]}
        await administration.update(self.services, *self.place, fields, self.now)

    async def delete(self) -> None:
        if self.chosen.random() < 0.4:
            await administration.delete(self.services, *self.place, self.now)

    async def invite(self) -> None:
        await invites.create(self.services, *self.place, Wanted(self.email, self.rights), self.now)

    async def revoke(self) -> None:
        invite = self.pending(status="pending")
        strong = [each for each in self.emulator.members(invite["org_id"]) if each.role != "Member"]
        caller = self.who(self.pick(strong).user_id)
        await invites.revoke(self.services, caller, invite["org_id"], invite["invite_id"], self.now)

    async def accept(self) -> None:
        waiting = {"status": "pending"} if self.chosen.random() < 0.8 else {}
        invite = self.pending(**waiting)
        await replies.accept(self.services, self._invitee(invite), invite["invite_id"], self.now)

    async def decline(self) -> None:
        invite = self.pending(status="pending")
        await replies.decline(self.services, self._invitee(invite), invite["invite_id"], self.now)

    def _invitee(self, invite: dict[str, Any]) -> Identity:
        user = self.emulator.user_by_email(invite["invitee_email"])
        return self.who(user.user_id) if user else self.caller

    async def change_role(self) -> None:
        caller, org_id = self.place
        await members.change_role(self.services, caller, org_id, (self.another(org_id), self.rights), self.now)

    async def remove(self) -> None:
        caller, org_id = self.place
        await members.remove(self.services, caller, org_id, self.another(org_id), self.now)

    async def leave(self) -> None:
        org_id = self.org_id
        await members.leave(self.services, self.who(self.another(org_id)), org_id, self.now)

    async def hand_over(self) -> None:
        caller, org_id = self.place
        await members.hand_over(self.services, caller, org_id, self.another(org_id), self.now)


def services_of(world: World, emulator: PropelAuthEmulator, client: PropelAuthClient) -> Services:
    """The world's, with another project of PropelAuth."""
    secret = SecretStr(emulator.webhook_secret)
    theirs = world.settings.propelauth.model_copy(update={"webhook_secret": secret})
    return replace(world.services, settings=world.settings.model_copy(update={"propelauth": theirs}), propelauth=client)


def _without(states: list[Any], names: tuple[str, ...]) -> list[Any]:
    return [state and {name: value for name, value in state.items() if name not in names} for state in states]
