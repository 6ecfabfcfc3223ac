"""Each change writes one entry in its own transaction: where the entry cannot be written, the change is not there.

The audit log is made to refuse entries of one organization by a validator, so nobody else's tests notice.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from devstack.emulator import Fault
from switchboard.errors import SwitchboardError
from switchboard.invites import service as invites
from tests.organizations.conftest import Factory, Organization, person_at, refused
from tests.world import Person, World

MIRROR = ("organizations", "user_organizations", "pending_invites")
# Not what was changed, but what was decided before it, and when something was seen or mailed.
NOISE = (
    *("_id", "confirmed_at", "confirmed_by", "updated_at", "compare_at", "last_sent_at", "sends"),
    *("seat_limit", "seats_used", "owner_count"),
)


@dataclass
class Scene:
    """An organization, people outside of it, and what was prepared for the change."""

    org: Organization
    nina: Person
    invite: dict[str, Any]

    @property
    def api(self) -> httpx.AsyncClient:
        return self.org.world.api

    async def owner(self, method: str, path: str = "", json: Any = None) -> httpx.Response:
        return await self.api.request(method, self.org.at + path, headers=self.org.owner.headers, json=json)

    async def outsider(self, path: str) -> httpx.Response:
        return await self.api.post(path, headers=self.nina.headers)


def rested(org: Organization, invite: dict[str, Any]) -> None:
    org.change_invite(invite, last_sent_at=datetime.now(UTC) - timedelta(hours=1))


Change = Callable[[Scene], Awaitable[httpx.Response]]


def member_of(scene: Scene) -> str:
    return f"/members/{scene.org.member.user_id}"


def invite_of(scene: Scene) -> str:
    return f"/invites/{scene.invite['invite_id']}"


# What is done, and what the audit log then says, the oldest first.
CHANGES: dict[str, tuple[Change, list[str]]] = {
    "update": (lambda s: s.owner("PATCH", json={"display_name": "Changed", "max_users": 77}), ["organization.updated"]),
    "delete": (lambda s: s.owner("DELETE"), ["organization.deleted"]),
    "change role": (lambda s: s.owner("PATCH", member_of(s), {"role_in_org": "Admin"}), ["member.role_changed"]),
    "remove": (lambda s: s.owner("DELETE", member_of(s)), ["member.removed"]),
    "leave": (lambda s: s.api.post(f"{s.org.at}/leave", headers=s.org.member.headers), ["member.left"]),
    "transfer": (
        lambda s: s.owner("POST", "/transfer", {"user_id": s.org.member.user_id}),
        ["ownership.transferred"],
    ),
    "join": (lambda s: s.outsider(f"{s.org.at}/join"), ["member.joined"]),
    "invite": (lambda s: s.owner("POST", "/invites", {"email": f"{uuid4().hex}@example.com"}), ["invite.created"]),
    "resend": (lambda s: s.owner("POST", f"{invite_of(s)}/resend"), ["invite.resent"]),
    "revoke": (lambda s: s.owner("DELETE", invite_of(s)), ["invite.revoked"]),
    "decline": (lambda s: s.outsider(f"/v1/me{invite_of(s)}/decline"), ["invite.declined"]),
    "accept": (lambda s: s.outsider(f"/v1/me{invite_of(s)}/accept"), ["invite.accepted", "member.joined"]),
}


@pytest.fixture
async def scene(world: World, organization: Factory) -> Scene:
    domain = f"{uuid4().hex[:12]}.example"
    nina = person_at(world, domain)
    org = await organization(domain=domain, domain_autojoin=True)
    invite = await org.invite(nina.email)
    rested(org, invite)
    org.forget_entries()
    return Scene(org, nina, invite)


@contextmanager
def refusing(org: Organization, action: str | None = None) -> Iterator[None]:
    """The audit log takes no entries of this organization, or none of this kind."""
    with entries_refused(org.world, {"org_id": org.org_id, **({"action": action} if action else {})}):
        yield


@contextmanager
def entries_refused(world: World, which: dict[str, Any]) -> Iterator[None]:
    [found] = world.database.list_collections(filter={"name": "audit_log"})
    usual = found["options"].get("validator", {})
    world.database.command("collMod", "audit_log", validator={"$and": [usual, {"$nor": [which]}]})
    try:
        yield
    finally:
        world.database.command("collMod", "audit_log", validator=usual)


def mirrored(org: Organization) -> dict[str, list[dict[str, Any]]]:
    """What is shown of an organization."""
    return {
        name: [
            {field: value for field, value in stored.items() if field not in NOISE}
            for stored in org.world.database[name].find({"org_id": org.org_id}, sort=[("_id", 1)])
        ]
        for name in MIRROR
    }


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_told_by_one_entry_and_by_who_asked_for_it(scene: Scene, name: str) -> None:
    change, told = CHANGES[name]

    answer = await change(scene)

    assert answer.is_success, answer.text
    entries = scene.org.entries()
    assert [entry["action"] for entry in entries] == told
    people = {scene.org.owner.user_id, scene.org.member.user_id, scene.nina.user_id}
    assert {entry["actor"]["kind"] for entry in entries} == {"user"}
    assert {entry["actor"]["id"] for entry in entries} <= people
    assert {entry["request_id"] for entry in entries} == {answer.headers["x-request-id"]}


@pytest.mark.parametrize("name", CHANGES)
async def test_where_the_entry_cannot_be_written_the_change_is_not_there(scene: Scene, name: str) -> None:
    """PropelAuth has it by then: the same call, or the next look, brings both together."""
    change, told = CHANGES[name]
    before = mirrored(scene.org)
    with refusing(scene.org):
        first = await change(scene)
    between, entries = mirrored(scene.org), scene.org.entries()
    rested(scene.org, scene.invite)

    again = await change(scene)

    assert first.status_code == 500
    if name == "invite":  # it holds its seat until it is clear whether it was mailed, but nobody sees it
        [made] = [each for each in between["pending_invites"] if each not in before["pending_invites"]]
        assert made["sent_at"] is None
        return
    assert (between, entries) == (before, [])
    assert again.is_success, again.text
    assert [entry["action"] for entry in scene.org.entries()] == told
    assert mirrored(scene.org) != before


async def test_an_acceptance_whose_joining_cannot_be_told_is_accepted_and_joins_by_the_same_call(scene: Scene) -> None:
    accept, told = CHANGES["accept"]
    with refusing(scene.org, "member.joined"):
        first = await accept(scene)
    assert (first.status_code, scene.org.role(scene.nina)) == (500, None)
    assert [entry["action"] for entry in scene.org.entries()] == told[:1]

    assert (await accept(scene)).status_code == 200

    assert scene.org.role(scene.nina) == "Member"
    assert [entry["action"] for entry in scene.org.entries()] == told
    assert scene.org.counts == (1, 4)


async def test_a_change_that_is_taken_back_after_its_entry_was_written_takes_the_entry_back(scene: Scene) -> None:
    """Accepting is told before it is seen that the same person is joining by the domain just now."""
    scene.org.world.propelauth.emulator.fail(Fault("/org/add_user", "POST", status=503))
    assert (await CHANGES["join"][0](scene)).status_code == 503
    before = mirrored(scene.org)

    assert refused(await CHANGES["accept"][0](scene)) == (409, "change_under_way")

    assert (mirrored(scene.org), scene.org.entries()) == (before, [])


async def test_an_organization_whose_making_cannot_be_told_is_not_mirrored(world: World, api, ada) -> None:
    body = {"name": f"Org {uuid4().hex[:12]}"}
    with entries_refused(world, {"actor.id": ada.user_id}):
        first = await api.post("/v1/orgs", headers=ada.headers, json=body)
    [made] = [org for org in world.propelauth.world.orgs.values() if org.name == body["name"]]
    org = Organization(world, made.org_id, {"Owner": ada})
    assert (first.status_code, org.stored) == (500, None)

    again = await api.post("/v1/orgs", headers=ada.headers, json=body)

    assert (again.status_code, again.json()["org_id"]) == (201, made.org_id)
    assert [entry["action"] for entry in org.entries()] == ["organization.created", "member.joined"]
    assert org.counts == (1, 1)


async def test_an_expiry_that_cannot_be_told_is_not_written(scene: Scene) -> None:
    now = datetime.now(UTC)
    scene.org.change_invite(scene.invite, expires_at=now)
    before = mirrored(scene.org)
    with refusing(scene.org), pytest.raises(SwitchboardError):
        await invites.expire_due(scene.org.world.services, now, scene.org.org_id)
    assert mirrored(scene.org) == before

    await invites.expire_due(scene.org.world.services, now, scene.org.org_id)

    assert [entry["action"] for entry in scene.org.entries()] == ["invite.expired"]


async def test_what_was_done_at_propelauth_and_cannot_be_told_waits_for_the_next_comparison(scene: Scene) -> None:
    org, vendor = scene.org, scene.org.world.propelauth
    vendor.change_role(org.org_id, org.member.user_id, "Admin")
    before = mirrored(org)
    with refusing(org), pytest.raises(SwitchboardError):
        await org.mirrored()
    assert (mirrored(org), org.entries()) == (before, [])

    await org.mirrored()

    assert [(entry["action"], entry["actor"]["kind"]) for entry in org.entries()] == [
        ("member.role_changed", "propelauth")
    ]
    assert org.role(org.member) == "Admin"


CANARY = "CANARY"
SECRETS = ("access_token", "refresh_token", "client_secret", "propels_access_token", "id_token")


async def test_no_secret_is_in_any_entry(world: World, organization: Factory) -> None:
    """Tokens of the people who act and are acted on, their access tokens for us, the keys of the service."""
    org = await organization("Owner", "Member", metadata={"apiKey": f"{CANARY}-metadata", "displayName": "NW"})
    nina = world.person(google=False)
    for person in (org.owner, org.member, nina):
        secrets = {name: f"{CANARY}-{name}-{uuid4().hex}" for name in SECRETS}
        fields = {**secrets, "user_info": {**secrets}, "welcome_form_data": {"key": CANARY}}
        world.database["users"].update_one({"user_id": person.user_id}, {"$set": fields}, upsert=True)
    scene = Scene(org, nina, await org.invite(nina.email))
    for name in ("update", "change role", "invite", "accept", "transfer"):
        answer = await CHANGES[name][0](scene)
        assert answer.is_success, (name, answer.text)
    assert (await world.api.delete(org.at, headers=org.member.headers)).status_code == 204

    text = str(org.entries())

    assert len(org.entries()) >= 9
    keys = (world.propelauth.api_key, world.propelauth.webhook_secret, world.settings.google.client_secret)
    tokens = [person.token for person in (org.owner, org.member, nina)]
    values = [str(key.get_secret_value()) if hasattr(key, "get_secret_value") else str(key) for key in keys]
    assert not [secret for secret in (CANARY, *values, *tokens) if secret in text]
    assert not [name for name in (*SECRETS, "token", "password", "metadata") if name in text]
