"""What is done at PropelAuth takes effect here on the next request, whatever an older token says."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from devstack.emulator import Fault
from devstack.propelauth import shapes
from switchboard.comparison import service as comparison
from tests.mirror import here, miscounted, there
from tests.organizations.conftest import Organization, person_at, refused
from tests.outages.writes import somebody
from tests.world import Person, World, eventually


@pytest.fixture
async def org(connected: World, organization) -> Organization:
    url, connected.propelauth.webhook_url = connected.propelauth.webhook_url, None
    made: Organization = await organization("Owner", "Admin", "Member")
    connected.propelauth.webhook_url = url
    for person in made.people.values():  # tokens that claim the membership, so that only the mirror can deny it
        person.token = connected.propelauth.access_token(person.user_id)
    return made


async def status(api: httpx.AsyncClient, org: Organization, person: Person) -> int:
    return (await api.get(org.at, headers=person.headers)).status_code


async def shown(api: httpx.AsyncClient, org: Organization, person: Person) -> dict[str, Any]:
    answer = await api.get(f"{org.at}/members/{person.user_id}", headers=org.owner.headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def alike(org: Organization) -> bool:
    return here(org.world.database, org.org_id) == there(org.world.propelauth, org.org_id)


def outside(org: Organization) -> list[str]:
    """What the audit log says was done past us since the organization was made."""
    kinds = [(entry["actor"]["kind"], entry["action"]) for entry in org.entries()]
    return [action for kind, action in kinds if kind == "propelauth"][4:]


async def test_who_was_removed_is_a_stranger_on_the_next_request(api, connected, org) -> None:
    assert await status(api, org, org.member) == 200
    connected.propelauth.remove_member(org.org_id, org.member.user_id)
    await connected.propelauth.drain()

    assert await status(api, org, org.member) == 404
    assert (await api.get("/v1/orgs", headers=org.member.headers)).json()["organizations"] == []
    assert org.counts == (1, 2)
    assert alike(org)
    assert outside(org) == ["member.removed"]


async def test_an_old_token_of_who_was_removed_opens_nothing_and_asks_nothing(api, connected, org) -> None:
    older = int(datetime.now(UTC).timestamp()) - 60
    org.member.token = connected.propelauth.access_token(org.member.user_id, issued_at=older)
    connected.propelauth.remove_member(org.org_id, org.member.user_id)
    await connected.propelauth.drain()
    connected.propelauth.emulator.forget()

    for method, path in (
        *(("GET", org.at), ("GET", f"{org.at}/members"), ("GET", f"{org.at}/audit"), ("GET", f"{org.at}/invites")),
        *(("POST", f"{org.at}/leave"), ("DELETE", f"{org.at}/members/{org.admin.user_id}"), ("DELETE", org.at)),
    ):
        assert (await api.request(method, path, headers=org.member.headers)).status_code == 404, (method, path)
    assert connected.propelauth.emulator.requests == []


async def test_a_demotion_takes_the_rights_on_the_next_request(api, connected, org) -> None:
    renamed = {"description": uuid4().hex}
    assert (await api.patch(org.at, headers=org.admin.headers, json=renamed)).status_code == 200
    connected.propelauth.change_role(org.org_id, org.admin.user_id, "Member")
    await connected.propelauth.drain()

    assert refused(await api.patch(org.at, headers=org.admin.headers, json=renamed)) == (403, "missing_permission")
    assert (await api.get(org.at, headers=org.admin.headers)).json()["role_in_org"] == "Member"
    assert alike(org)


async def test_a_promotion_gives_the_rights_on_the_next_request(api, connected, org) -> None:
    connected.propelauth.change_role(org.org_id, org.member.user_id, "Owner")
    await connected.propelauth.drain()

    answer = await api.get(org.at, headers=org.member.headers)

    assert "org.delete" in answer.json()["can"]
    assert org.counts == (2, 3)
    assert outside(org) == ["member.role_changed"]


async def test_an_organization_may_lose_its_last_owner_there_and_is_shown_as_it_is(api, connected, org) -> None:
    """PropelAuth holds the truth: a rule of ours cannot undo what was done past it."""
    connected.propelauth.change_role(org.org_id, org.owner.user_id, "Admin")
    await connected.propelauth.drain()

    assert org.counts == (0, 3)
    assert alike(org)
    connected.propelauth.change_role(org.org_id, org.admin.user_id, "Owner")
    await connected.propelauth.drain()
    assert org.counts == (1, 3)


async def test_who_was_added_gets_in_with_a_token_from_before(api, connected, org) -> None:
    person = connected.person(google=False)
    assert await status(api, org, person) == 404
    org.add("Member", person)
    await connected.propelauth.drain()
    connected.propelauth.emulator.forget()

    assert await status(api, org, person) == 200
    assert connected.propelauth.emulator.requests == []
    assert (await shown(api, org, person))["email"] == person.email
    assert alike(org)


async def test_who_was_removed_and_added_again_is_a_member(api, connected, org) -> None:
    connected.propelauth.remove_member(org.org_id, org.member.user_id)
    org.add("Admin", org.member)
    await connected.propelauth.drain()

    assert (await api.get(org.at, headers=org.member.headers)).json()["role_in_org"] == "Admin"
    assert org.counts == (1, 3)


async def test_a_deleted_organization_is_gone_with_all_that_belongs_to_it(api, connected, org) -> None:
    await org.invite(somebody())
    connected.propelauth.delete_org(org.org_id)
    await connected.propelauth.drain()
    connected.propelauth.emulator.forget()

    for person in org.people.values():
        assert await status(api, org, person) == 404
    assert here(connected.database, org.org_id) is None
    assert miscounted(connected.database, org.org_id) == []
    assert connected.database["audit_log"].count_documents({"org_id": org.org_id}) > 4
    assert org.entries()[-1]["action"] == "organization.deleted"


async def test_the_fields_of_an_organization_follow(api, connected, org) -> None:
    fields = {"domain": "a.example", "extra_domains": ["b.example"], "domain_autojoin": True, "domain_restrict": True}
    texts = {"displayName": "Ours", "description": "What we do"}
    name = f"Renamed {uuid4().hex}"
    connected.propelauth.update_org(
        org.org_id, name=name, metadata=texts, max_users=9, can_setup_saml=True, legacy_org_id="old-1", **fields
    )
    await connected.propelauth.drain()

    read = (await api.get(org.at, headers=org.member.headers)).json()

    assert (read["name"], read["display_name"], read["description"]) == (name, "Ours", "What we do")
    assert (read["domain"], read["extra_domains"], read["seats"]) == (
        "a.example",
        ["b.example"],
        {"used": 3, "limit": 9},
    )
    assert (read["confirmed_by"], read["legacy_org_id"]) == ("webhook", "old-1")
    assert alike(org)
    assert outside(org) == ["organization.updated"]


async def test_fewer_seats_than_members_are_shown_and_nobody_gets_in(api, connected, org) -> None:
    connected.propelauth.update_org(org.org_id, max_users=2)
    await connected.propelauth.drain()

    assert (await api.get(org.at, headers=org.owner.headers)).json()["seats"] == {"used": 3, "limit": 2}
    body = {"email": somebody(), "role_in_org": "Member"}
    answer = await api.post(f"{org.at}/invites", headers=org.owner.headers, json=body)
    assert refused(answer) == (409, "organization_full")


async def test_a_deleted_person_is_a_member_of_nothing_and_disabled(api, connected, org, organization) -> None:
    other = await organization("Owner")
    other.add("Admin", org.member)
    await connected.propelauth.drain()
    connected.propelauth.delete_user(org.member.user_id)
    await connected.propelauth.drain()

    for each in (org, other):
        assert await status(api, each, org.member) == 404
        assert alike(each)
        assert miscounted(connected.database, each.org_id) == []
    assert connected.stored(org.member)["enabled"] is False
    assert (await api.get("/v1/orgs", headers=org.member.headers)).json()["organizations"] == []


async def test_a_disabled_person_is_shown_as_disabled_until_enabled_again(api, connected, org) -> None:
    for change, enabled in ((connected.propelauth.disable_user, False), (connected.propelauth.enable_user, True)):
        change(org.member.user_id)
        await connected.propelauth.drain()

        assert (await shown(api, org, org.member))["enabled"] is enabled
        assert connected.stored(org.member)["enabled"] is enabled
    assert org.role(org.member) == "Member"


async def test_a_new_email_is_shown_and_found(api, connected, org) -> None:
    email = f"new.{uuid4().hex[:8]}@example.com"
    connected.propelauth.change_email(org.member.user_id, email)
    await connected.propelauth.drain()

    assert (await shown(api, org, org.member))["email"] == email
    found = (await api.get(f"{org.at}/members", params={"search": email}, headers=org.owner.headers)).json()["members"]
    assert [each["user_id"] for each in found] == [org.member.user_id]


async def test_an_email_that_is_confirmed_opens_the_invites_that_wait_for_it(api, connected, org) -> None:
    person = connected.person(google=False, email_confirmed=False)
    await api.get("/v1/me", headers=person.headers)
    await org.invite(person.email)
    asked = (await api.get("/v1/me/invites", headers=person.headers)).json()["invites"]
    connected.propelauth.confirm_email(person.user_id)
    await connected.propelauth.drain()
    connected.propelauth.emulator.forget()

    waiting = (await api.get("/v1/me/invites", headers=person.headers)).json()["invites"]

    assert (asked, [each["org_id"] for each in waiting]) == ([], [org.org_id])
    assert connected.propelauth.emulator.requests == []


async def test_names_that_people_changed_here_stay_theirs(api, connected, org) -> None:
    await api.patch("/v1/me", headers=org.member.headers, json={"first_name": "Mine"})
    connected.propelauth.update_user(org.member.user_id, first_name="Theirs", last_name="Theirs")
    await connected.propelauth.drain()

    assert (await shown(api, org, org.member))["first_name"] == "Mine"


async def test_an_invite_made_there_waits_here_and_holds_a_seat(api, connected, org) -> None:
    person = connected.person(google=False)
    connected.propelauth.invite(person.email.upper(), org.org_id, "Admin")
    await connected.propelauth.drain()

    waiting = (await api.get("/v1/me/invites", headers=person.headers)).json()["invites"]

    assert [(each["org_id"], each["role_in_org"]) for each in waiting] == [(org.org_id, "Admin")]
    assert org.counts == (1, 4)
    assert alike(org)
    accepted = await api.post(f"/v1/me/invites/{waiting[0]['invite_id']}/accept", headers=person.headers)
    assert (accepted.status_code, accepted.json()["role_in_org"]) == (200, "Admin")
    assert org.counts == (1, 4)


async def test_an_invite_of_ours_that_is_accepted_there_is_accepted_here(api, connected, org) -> None:
    person = connected.person(google=False)
    made = await org.invite(person.email, "Admin")
    connected.propelauth.accept_invite(org.org_id, person.email)
    await connected.propelauth.drain()

    read = (await api.get(f"{org.at}/invites/{made['invite_id']}", headers=org.owner.headers)).json()

    assert (read["status"], read["accepted_by"]) == ("accepted", person.user_id)
    assert (org.role(person), org.counts) == ("Admin", (1, 4))
    assert alike(org)
    again = await api.post(f"/v1/me/invites/{made['invite_id']}/accept", headers=person.headers)
    assert again.status_code == 200
    assert outside(org) == ["member.joined", "invite.accepted"]


async def test_who_joins_there_by_domain_is_a_member_here(api, connected, org) -> None:
    domain = f"{uuid4().hex[:8]}.example"
    connected.propelauth.update_org(org.org_id, domain=domain, domain_autojoin=True)
    person = person_at(connected, domain)
    await connected.propelauth.drain()

    assert await status(api, org, person) == 200
    assert org.role(person) == "Member"


async def test_an_organization_made_there_is_known_here_at_once(api, connected, org) -> None:
    made = Organization(connected, connected.propelauth.add_org(f"Org {uuid4().hex}").org_id)
    made.add("Owner")
    await connected.propelauth.drain()
    connected.propelauth.emulator.forget()

    assert await status(api, made, made.owner) == 200
    assert connected.propelauth.emulator.requests == []
    assert (made.counts, alike(made)) == ((1, 1), True)


async def test_webhooks_of_our_own_calls_change_nothing(api, connected) -> None:
    owner, guest = connected.person(google=False), connected.person(google=False)
    created = await api.post("/v1/orgs", headers=owner.headers, json={"name": uuid4().hex, "display_name": "Ours"})
    org = Organization(connected, created.json()["org_id"], {"Owner": owner})
    invite = await org.invite(guest.email)
    await api.post(f"/v1/me/invites/{invite['invite_id']}/accept", headers=guest.headers)
    body = {"role_in_org": "Admin"}
    await api.patch(f"{org.at}/members/{guest.user_id}", headers=owner.headers, json=body)
    await api.patch(org.at, headers=owner.headers, json={"name": uuid4().hex, "max_users": 5})
    await api.post(f"{org.at}/transfer", headers=owner.headers, json={"user_id": guest.user_id})
    await api.post(f"{org.at}/leave", headers=owner.headers)
    await connected.propelauth.drain()

    assert alike(org)
    assert miscounted(connected.database, org.org_id) == []
    assert [entry["action"] for entry in org.entries()] == [
        *("organization.created", "member.joined", "invite.created", "invite.accepted", "member.joined"),
        *("member.role_changed", "organization.updated", "ownership.transferred", "member.left"),
    ]
    assert {entry["actor"]["kind"] for entry in org.entries()} == {"user"}
    assert all(entry["request_id"] for entry in org.entries())


async def test_a_webhook_faster_than_the_call_it_tells_of_leaves_the_call_its_audit_entries(api, connected) -> None:
    """Our own look at PropelAuth takes longer than the webhook of what we did there."""
    owner = connected.person(google=False)
    connected.propelauth.emulator.fail(Fault(path=r"/org/[0-9a-f-]{36}$", method="GET", latency=0.3))

    created = await api.post("/v1/orgs", headers=owner.headers, json={"name": uuid4().hex})
    await connected.propelauth.drain()

    org = Organization(connected, created.json()["org_id"])
    assert [(entry["action"], entry["actor"]["id"]) for entry in org.entries()] == [
        ("organization.created", owner.user_id),
        ("member.joined", owner.user_id),
    ]


async def test_a_webhook_faster_than_the_call_that_gives_more_seats_does_not_keep_them_back(
    api, connected, org
) -> None:
    connected.propelauth.update_org(org.org_id, max_users=3)
    await connected.propelauth.drain()
    connected.propelauth.emulator.fail(Fault(path=f"/org/{org.org_id}$", method="GET", latency=0.3))

    changed = await api.patch(org.at, headers=org.owner.headers, json={"max_users": 10})
    await connected.propelauth.drain()

    assert changed.status_code == 200
    assert (org.stored["max_users"], org.stored["seat_limit"]) == (10, 10)
    await org.invite(somebody())


async def test_the_webhook_of_half_a_transfer_does_not_show_the_half(api, connected, org) -> None:
    connected.propelauth.emulator.fail(Fault(path="/org/change_role$", skip=1, latency=0.4))
    body = {"user_id": org.member.user_id}

    calling = asyncio.create_task(api.post(f"{org.at}/transfer", headers=org.owner.headers, json=body))
    await eventually(lambda: org.role_there(org.member) == "Owner")
    await connected.propelauth.drain()
    between = org.role(org.owner), org.role(org.member)
    answer = await calling
    await connected.propelauth.drain()

    assert (between, answer.status_code) == (("Owner", "Member"), 200)
    assert (org.role(org.owner), org.role(org.member)) == ("Admin", "Owner")
    assert [entry["action"] for entry in org.entries()][4:] == ["ownership.transferred"]
    assert alike(org)


async def test_events_that_overtake_each_other_end_in_what_is_true(connected, org) -> None:
    connected.propelauth.webhooks.hold()
    connected.propelauth.remove_member(org.org_id, org.member.user_id)
    org.add("Admin", org.member)
    connected.propelauth.change_role(org.org_id, org.member.user_id, "Owner")
    connected.propelauth.update_org(org.org_id, name=uuid4().hex)
    connected.propelauth.webhooks.extra_copies = 2
    try:
        connected.propelauth.webhooks.release(reverse=True)
        await connected.propelauth.drain()
    finally:
        connected.propelauth.webhooks.extra_copies = 0

    assert alike(org)
    assert org.counts == (2, 3)


async def test_a_look_that_began_earlier_does_not_undo_what_a_later_one_saw(connected, sender, org) -> None:
    """The first event's look is answered late, with what was true when it began."""
    connected.propelauth.webhook_url = None
    first = sender.event("user.role_changed_within_org", org_id=org.org_id, user_id=org.member.user_id)
    body = json.dumps(shapes.user(connected.propelauth, connected.propelauth.user(org.member.user_id), True))
    connected.propelauth.emulator.forget()
    connected.propelauth.emulator.fail(Fault(path=f"/user/{org.member.user_id}$", latency=0.4, status=200, body=body))
    connected.propelauth.remove_member(org.org_id, org.member.user_id)
    second = connected.propelauth.deliveries[-1]

    hanging = asyncio.create_task(sender.deliver(first))
    await eventually(lambda: connected.propelauth.emulator.asked("/user/"))
    await sender.deliver(second)
    assert org.role(org.member) is None
    assert (await hanging).status_code == 204

    assert org.role(org.member) is None
    assert org.counts == (1, 2)


async def test_an_event_that_never_comes_is_found_by_the_comparison(api, connected, org) -> None:
    person = connected.person(google=False)
    await org.invite(person.email)
    connected.propelauth.webhooks.drop_next = 6
    connected.propelauth.remove_member(org.org_id, org.member.user_id)
    connected.propelauth.change_role(org.org_id, org.admin.user_id, "Member")
    connected.propelauth.update_org(org.org_id, name=uuid4().hex)
    connected.propelauth.invite(somebody(), org.org_id, "Admin")
    connected.propelauth.revoke_invite(org.org_id, person.email)
    connected.propelauth.webhooks.drop_next = 0
    assert not alike(org)

    await org.mirrored()
    later = datetime.now(UTC) + timedelta(seconds=20)
    await comparison.compare_invites(connected.services, org.org_id, later)

    assert alike(org)
    assert miscounted(connected.database, org.org_id) == []
    assert await status(api, org, org.member) == 404
