"""PropelAuth's organizations, members and invites through its own library: what is asked, what answers become."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import pytest
from pydantic import SecretStr

from devstack.emulator import Fault
from devstack.propelauth import Invite, Org, PropelAuthEmulator
from devstack.propelauth.roles import MULTI_ROLE
from devstack.propelauth.shapes import slug
from switchboard.clients.propelauth import PropelAuthClient
from switchboard.clients.propelauth_errors import PropelAuthUnavailable, RefusedByPropelAuth
from switchboard.clients.propelauth_facts import MembershipFacts, OrganizationFacts, moment
from switchboard.clients.propelauth_organizations import (
    NameRefused,
    NewPerson,
    PersonRefused,
    PropelAuthOrganizations,
)
from switchboard.errors import Misconfigured, NotFound, SwitchboardError
from tests.clients.test_propelauth import settings_of
from tests.world import eventually

KEY = f"CANARY-{uuid4().hex}"
TIMEOUT = 0.4
AN_ID = "5f0c1f6e-8d0b-4a56-9f6e-0a1b2c3d4e5f"  # of nothing
NOT_IDS = ("", "x", "../../employee/1", AN_ID.upper(), AN_ID.replace("-", ""), f"{AN_ID}\n", f"{AN_ID}/x", "5", "null")


@pytest.fixture(scope="module")
async def emulator() -> AsyncIterator[PropelAuthEmulator]:
    async with PropelAuthEmulator() as running:
        yield running


@pytest.fixture(scope="module")
async def opened(emulator: PropelAuthEmulator) -> AsyncIterator[PropelAuthClient]:
    async with PropelAuthClient.opened(settings_of(emulator, timeout=TIMEOUT)) as client:
        yield client


@pytest.fixture
def vendor(emulator: PropelAuthEmulator, opened: PropelAuthClient) -> PropelAuthOrganizations:
    emulator.emulator.forget()
    return opened.organizations


@pytest.fixture
def org(emulator: PropelAuthEmulator) -> Org:
    return emulator.add_org(f"Org {uuid4().hex}")


@pytest.fixture
def user_id(emulator: PropelAuthEmulator) -> str:
    return emulator.add_user(f"{uuid4().hex}@example.com").user_id


@dataclass(frozen=True)
class Known:
    """What a call is about: an organization with a member and an invite, and somebody outside of it."""

    org_id: str
    name: str
    member: str
    stranger: str
    email: str


@pytest.fixture
def known(emulator: PropelAuthEmulator, org: Org, user_id: str) -> Known:
    emulator.add_member(org.org_id, user_id, "Admin")
    email = f"{uuid4().hex}@example.com"
    emulator.invite(email, org.org_id, "Member")
    stranger = emulator.add_user(f"{uuid4().hex}@example.com").user_id
    return Known(org.org_id, org.name, user_id, stranger, email)


Call = Callable[[PropelAuthOrganizations, Known], Awaitable[Any]]


async def collected(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


# Every method, and the path it asks.
CALLS: dict[str, tuple[Call, str]] = {
    "create": (lambda vendor, _: vendor.create(f"New {uuid4().hex}"), r"/org/$"),
    "find": (lambda vendor, known: vendor.find(known.org_id), r"/org/[0-9a-f-]{36}$"),
    "named": (lambda vendor, known: vendor.named(known.name), r"/org/query$"),
    "all": (lambda vendor, _: collected(vendor.all()), r"/org/query$"),
    "rename": (lambda vendor, known: vendor.update(known.org_id, {"name": uuid4().hex}), r"/org/[0-9a-f-]{36}$"),
    "update texts": (lambda vendor, known: vendor.update(known.org_id, {"description": "x"}), r"/org/[0-9a-f-]{36}$"),
    "delete": (lambda vendor, known: vendor.delete(known.org_id), r"/org/[0-9a-f-]{36}$"),
    "members": (lambda vendor, known: collected(vendor.members(known.org_id)), r"/user/org/"),
    "person": (lambda vendor, known: vendor.person(known.member), r"/user/[0-9a-f-]{36}$"),
    "person by e-mail": (lambda vendor, _: vendor.person_by_email("n@example.com"), r"/user/email$"),
    "create person": (lambda vendor, _: vendor.create_person(new_person()), r"/user/$"),
    "rename person": (lambda vendor, known: vendor.rename_person(known.member, {"first_name": "A"}), r"/user/[^/]+$"),
    "delete person": (lambda vendor, known: vendor.delete_person(known.stranger), r"/user/[^/]+$"),
    "add": (lambda vendor, known: vendor.add(membership(known, known.stranger)), r"/org/add_user$"),
    "change role": (lambda vendor, known: vendor.change_role(membership(known, known.member)), r"/org/change_role$"),
    "remove": (lambda vendor, known: vendor.remove(known.org_id, known.member), r"/org/remove_user$"),
    "invite": (lambda vendor, known: vendor.invite(known.org_id, "n@example.com", "Member", ()), r"/invite_user$"),
    "revoke invite": (lambda vendor, known: vendor.revoke_invite(known.org_id, known.email), r"/pending_org_invites$"),
    "pending invites": (lambda vendor, known: vendor.pending_invites(known.org_id), r"/pending_org_invites$"),
}
# The library looks at the answers of these; of the others it reads the status alone.
READING = (
    *("create", "find", "named", "all", "update texts", "members", "person", "person by e-mail", "create person"),
    "pending invites",
)
PEOPLE = ("person", "person by e-mail", "create person", "rename person", "delete person")


def new_person(**fields: Any) -> NewPerson:
    unique = uuid4().hex
    details = {"email": f"{unique}@example.com", "password": SecretStr(f"Good-{unique}"), "username": unique}
    return NewPerson(**{**details, "first_name": "Grace", "last_name": "Hopper", **fields})


def membership(known: Known, user_id: str, role: str = "Member") -> MembershipFacts:
    return MembershipFacts(known.org_id, user_id, role)


async def test_a_new_organization_has_the_name_and_nobody_in_it(emulator, vendor) -> None:
    name = f"Org {uuid4().hex}"

    org_id = await vendor.create(name)

    assert emulator.org(org_id).name == name
    assert emulator.members(org_id) == []


@pytest.mark.parametrize("taken", [str, str.upper])
async def test_a_taken_name_is_refused_as_a_name(vendor, org, taken) -> None:
    with pytest.raises(NameRefused):
        await vendor.create(taken(org.name))


async def test_a_taken_name_is_refused_when_renaming_and_the_own_one_is_not(emulator, vendor, org) -> None:
    other = emulator.add_org(f"Other {uuid4().hex}")

    with pytest.raises(NameRefused):
        await vendor.update(org.org_id, {"name": other.name})
    await vendor.update(org.org_id, {"name": org.name})

    assert emulator.org(org.org_id).name == org.name


async def test_an_organization_is_found_with_every_field(emulator, vendor, org) -> None:
    texts = {"displayName": "Ours", "description": "What we do", "other": [1]}
    emulator.update_org(
        org.org_id,
        domain="a.example",
        extra_domains=["b.example", "c.example"],
        domain_autojoin=True,
        domain_restrict=True,
        max_users=5,
        can_setup_saml=True,
        legacy_org_id="old-1",
        metadata=texts,
    )

    found = await vendor.find(org.org_id)

    others = "old-1", texts, slug(org.name)
    assert found == OrganizationFacts(
        org.org_id, org.name, "a.example", ("b.example", "c.example"), True, True, 5, True, *others
    )
    assert (found.display_name, found.description) == ("Ours", "What we do")


async def test_a_bare_organization_has_nothing_but_its_name(vendor, org) -> None:
    found = await vendor.find(org.org_id)

    assert found == OrganizationFacts(org.org_id, org.name, url_safe_org_slug=slug(org.name))
    assert (found.display_name, found.description) == (None, None)


@pytest.mark.parametrize("missing", [AN_ID, *NOT_IDS])
async def test_what_is_not_there_is_said_to_be_missing(vendor, user_id, org, missing) -> None:
    nothing = MembershipFacts(missing, user_id, "Member"), MembershipFacts(org.org_id, missing, "Member")
    for call in (
        vendor.update(missing, {"name": "x"}),
        vendor.update(missing, {"description": "x"}),
        vendor.invite(missing, "n@example.com", "Member", ()),
        *(vendor.add(each) for each in nothing),
        *(vendor.change_role(each) for each in nothing),
        vendor.pending_invites(missing),
        collected(vendor.members(missing)),
    ):
        with pytest.raises(NotFound):
            await call


async def test_what_is_not_there_is_none_and_ending_it_does_no_harm(emulator, vendor, org, user_id) -> None:
    before = json.dumps(emulator.world.snapshot(), sort_keys=True)

    assert await vendor.find(AN_ID) is None
    assert await vendor.person(AN_ID) is None
    await vendor.delete(AN_ID)
    await vendor.remove(AN_ID, user_id)
    await vendor.remove(org.org_id, AN_ID)
    await vendor.revoke_invite(AN_ID, "n@example.com")

    assert json.dumps(emulator.world.snapshot(), sort_keys=True) == before


@pytest.mark.parametrize("odd", NOT_IDS)
async def test_nobody_is_asked_about_what_cannot_be_an_id(emulator, vendor, odd) -> None:
    for call in (
        *(vendor.find(odd), vendor.person(odd), vendor.delete(odd), vendor.remove(odd, odd), vendor.remove(AN_ID, odd)),
        *(vendor.pending_invites(odd), vendor.update(odd, {"name": "x"}), collected(vendor.members(odd))),
    ):
        with pytest.raises(NotFound):
            await call
    await vendor.revoke_invite(odd, "n@example.com")

    assert emulator.emulator.requests == []


async def test_every_field_of_ours_arrives_under_its_name_there(emulator, vendor, org) -> None:
    await vendor.update(
        org.org_id,
        {
            "name": (name := f"Renamed {uuid4().hex}"),
            "display_name": "Ours",
            "description": "What we do",
            "domain": "a.example",
            "extra_domains": ["b.example"],
            "enable_auto_joining_by_domain": True,
            "members_must_have_matching_domain": True,
            "max_users": 7,
            "can_setup_saml": True,
        },
    )

    stored = emulator.org(org.org_id)
    assert (stored.name, stored.domain, stored.extra_domains) == (name, "a.example", ["b.example"])
    assert (stored.domain_autojoin, stored.domain_restrict, stored.max_users) == (True, True, 7)
    assert stored.can_setup_saml is True
    assert stored.metadata == {"displayName": "Ours", "description": "What we do"}
    await vendor.update(
        org.org_id, {"enable_auto_joining_by_domain": False, "extra_domains": (), "can_setup_saml": False}
    )
    assert (stored.domain_autojoin, stored.extra_domains, stored.can_setup_saml) == (False, [], False)
    assert (stored.name, stored.domain_restrict, stored.max_users) == (name, True, 7)


async def test_other_keys_of_the_metadata_are_kept(emulator, vendor, org) -> None:
    emulator.update_org(org.org_id, metadata={"displayName": "Old", "logo": "x.png", "nested": {"a": [1, None]}})

    await vendor.update(org.org_id, {"display_name": "New"})
    await vendor.update(org.org_id, {"description": ""})

    kept = {"logo": "x.png", "nested": {"a": [1, None]}}
    assert emulator.org(org.org_id).metadata == {"displayName": "New", "description": "", **kept}


async def test_a_rename_does_not_touch_the_metadata(emulator, vendor, org) -> None:
    emulator.update_org(org.org_id, metadata={"displayName": "Old"})

    await vendor.update(org.org_id, {"name": f"Renamed {uuid4().hex}"})

    assert emulator.org(org.org_id).metadata == {"displayName": "Old"}
    assert [request.method for request in emulator.emulator.requests] == ["PUT"]


async def test_nothing_of_the_metadata_is_written_when_it_cannot_be_read(emulator, vendor, org) -> None:
    emulator.update_org(org.org_id, metadata={"logo": "x.png"})
    emulator.emulator.fail(Fault(path="/org/", method="GET", status=500))

    with pytest.raises(PropelAuthUnavailable):
        await vendor.update(org.org_id, {"display_name": "New"})

    assert emulator.org(org.org_id).metadata == {"logo": "x.png"}


async def test_a_deleted_organization_is_gone_and_deleting_it_again_does_no_harm(emulator, vendor, org) -> None:
    for _ in range(2):
        await vendor.delete(org.org_id)

    assert await vendor.find(org.org_id) is None


async def test_only_exactly_the_name_is_found_by_name_with_its_time(emulator, vendor, org) -> None:
    for near in (f"{org.name} 2", f"X{org.name}"):
        emulator.add_org(near)

    assert await vendor.named(org.name) == [(org.org_id, moment(org.created_at))]
    assert await vendor.named(org.name.lower()) == []
    assert await vendor.named(uuid4().hex) == []


async def test_a_person_comes_with_profile_and_every_membership(emulator, vendor, known) -> None:
    other = emulator.add_org(f"Other {uuid4().hex}")
    emulator.add_member(other.org_id, known.member, "Owner")

    person = await vendor.person(known.member)

    assert person.memberships == {
        known.org_id: MembershipFacts(known.org_id, known.member, "Admin"),
        other.org_id: MembershipFacts(other.org_id, known.member, "Owner"),
    }
    assert (person.profile.email, person.profile.email_confirmed) == (emulator.user(known.member).email, True)
    assert (await vendor.person(known.stranger)).memberships == {}


async def test_a_profile_says_what_only_propelauth_decides(emulator, vendor) -> None:
    user = emulator.add_user(f"{uuid4().hex}@example.com", email_confirmed=False, password=None, can_create_orgs=False)
    emulator.disable_user(user.user_id)

    profile = (await vendor.person(user.user_id)).profile

    assert (profile.email_confirmed, profile.has_password) == (False, False)
    assert (profile.enabled, profile.can_create_orgs, profile.locked) == (False, False, False)
    assert profile.last_active_at == moment(user.last_active_at)


async def test_membership_is_given_changed_and_ended(emulator, vendor, known) -> None:
    await vendor.add(membership(known, known.stranger))
    await vendor.change_role(membership(known, known.stranger, "Owner"))
    assert emulator.membership(known.org_id, known.stranger).role == "Owner"
    for _ in range(2):  # the second time there is nothing to end
        await vendor.remove(known.org_id, known.stranger)

    assert emulator.membership(known.org_id, known.stranger) is None


async def test_additional_roles_go_there_and_come_back(vendor, emulator, known) -> None:
    settings = emulator.settings
    settings.multi_role, settings.roles["agent_editor"] = True, []
    assert settings.role_structure == MULTI_ROLE
    try:
        given = MembershipFacts(known.org_id, known.stranger, "Member", ("agent_editor",))
        await vendor.add(given)
        assert (await vendor.person(known.stranger)).memberships == {known.org_id: given}
        await vendor.change_role(membership(known, known.stranger, "Admin"))
        assert emulator.membership(known.org_id, known.stranger).additional_roles == []
        await vendor.invite(known.org_id, known.email, "Member", ("agent_editor",))
        assert [each.additional_roles_in_org for each in await vendor.pending_invites(known.org_id)] == [
            ("agent_editor",)
        ]
    finally:
        settings.multi_role = False
        del settings.roles["agent_editor"]


async def test_who_is_a_member_already_cannot_be_added(emulator, vendor, known) -> None:
    with pytest.raises(RefusedByPropelAuth) as refused:
        await vendor.add(membership(known, known.member, "Owner"))

    assert refused.value.about == {"user_id"}
    assert emulator.membership(known.org_id, known.member).role == "Admin"


async def test_a_full_organization_takes_nobody(emulator, vendor, known) -> None:
    emulator.update_org(known.org_id, max_users=1)

    with pytest.raises(RefusedByPropelAuth) as refused:
        await vendor.add(membership(known, known.stranger))

    assert refused.value.about == {"org_id"}
    assert len(emulator.members(known.org_id)) == 1


async def test_an_address_of_another_domain_is_kept_out(emulator, vendor, known) -> None:
    emulator.update_org(known.org_id, domain="only.example", domain_restrict=True)

    for call in (
        vendor.add(membership(known, known.stranger)),
        vendor.invite(known.org_id, "n@example.com", "Member", ()),
    ):
        with pytest.raises(RefusedByPropelAuth):
            await call


@pytest.mark.parametrize("role", ["owner", "Nobody", "", "Ö"])
async def test_an_unknown_role_is_refused_everywhere(vendor, known, role) -> None:
    for call in (
        vendor.add(membership(known, known.stranger, role)),
        vendor.change_role(membership(known, known.member, role)),
        vendor.invite(known.org_id, "n@example.com", role, ()),
    ):
        with pytest.raises(RefusedByPropelAuth) as refused:
            await call
        assert refused.value.about == {"role"}


async def test_who_is_no_member_has_no_role_to_change(vendor, known) -> None:
    with pytest.raises(NotFound):
        await vendor.change_role(membership(known, known.stranger))


async def test_an_invite_is_there_until_it_is_taken_back(emulator, vendor, known) -> None:
    before = [each.invitee_email for each in await vendor.pending_invites(known.org_id)]
    await vendor.invite(known.org_id, "N@example.com", "Admin", ())
    found = {each.invitee_email: each for each in await vendor.pending_invites(known.org_id)}
    for _ in range(2):  # the second time it is gone
        await vendor.revoke_invite(known.org_id, "n@EXAMPLE.com")
    after = [each.invitee_email for each in await vendor.pending_invites(known.org_id)]

    assert before == after == [known.email]
    invite = found["N@example.com"]
    assert (invite.org_id, invite.role_in_org, invite.additional_roles_in_org) == (known.org_id, "Admin", ())
    assert (invite.expires_at - invite.created_at).days == 5
    assert (invite.inviter_user_id, invite.inviter_email) == (None, None)


async def test_a_second_invite_takes_the_place_of_the_first(vendor, known) -> None:
    await vendor.invite(known.org_id, known.email.upper(), "Admin", ())

    assert [each.role_in_org for each in await vendor.pending_invites(known.org_id)] == ["Admin"]


async def test_an_invite_names_who_made_it(emulator, vendor, known) -> None:
    emulator.pending_invite(known.org_id, known.email).inviter_user_id = known.member

    [invite] = await vendor.pending_invites(known.org_id)

    assert (invite.inviter_user_id, invite.inviter_email) == (known.member, emulator.user(known.member).email)


async def test_a_member_cannot_be_invited(emulator, vendor, known) -> None:
    with pytest.raises(RefusedByPropelAuth):
        await vendor.invite(known.org_id, emulator.user(known.member).email, "Member", ())


@pytest.mark.parametrize("email", ["nobody", ""])
async def test_what_is_no_address_is_refused(vendor, known, email) -> None:
    with pytest.raises(RefusedByPropelAuth):
        await vendor.invite(known.org_id, email, "Member", ())


@pytest.mark.parametrize("count", [0, 99, 100, 101, 200, 201])
async def test_every_page_is_read_and_none_too_many(vendor, emulator, count) -> None:
    org_id = emulator.add_org(f"Large {uuid4().hex}").org_id
    for number in range(count):
        email = f"{number}.{uuid4().hex}@example.com"
        now = emulator.clock.now()
        emulator.world.invites.append(Invite(email, org_id, "Member", now, now + 60))
        emulator.add_member(org_id, emulator.add_user(email).user_id, "Member")

    people = [person.user_id async for person in vendor.members(org_id)]
    assert people == [each.user_id for each in emulator.members(org_id)]
    assert len(emulator.emulator.asked("/user/org/")) == max(1, -(-count // 100))
    assert len(await vendor.pending_invites(org_id)) == count
    assert len(emulator.emulator.asked("/pending_org_invites")) == max(1, -(-count // 100))


async def test_all_organizations_are_walked_page_by_page(vendor, emulator) -> None:
    for number in range(150):
        emulator.add_org(f"Walked {number} {uuid4().hex}")
    emulator.emulator.forget()

    walked = [org_id async for org_id, _ in vendor.all()]

    assert set(walked) == set(emulator.world.orgs)
    assert len(emulator.emulator.requests) == -(-len(walked) // 100)


async def test_a_page_that_fails_ends_the_walk_with_an_error(vendor, emulator) -> None:
    for number in range(101 - len(emulator.world.orgs)):
        emulator.add_org(f"Walked {number} {uuid4().hex}")
    emulator.emulator.fail(Fault(path="/org/query", skip=1, status=500))
    walk = vendor.all()
    for _ in range(100):
        await anext(walk)

    with pytest.raises(PropelAuthUnavailable):
        await anext(walk)


async def test_a_page_that_promises_more_and_holds_nothing_is_the_last_one(vendor, emulator, org) -> None:
    empty = {"total_users": 5, "current_page": 0, "page_size": 100, "has_more_results": True, "users": []}
    emulator.emulator.fail(Fault(path="/user/org/", times=None, status=200, body=json.dumps(empty)))

    assert await collected(vendor.members(org.org_id)) == []
    assert len(emulator.emulator.requests) == 1


TROUBLE: dict[str, tuple[Fault, type[SwitchboardError]]] = {
    "wrong key": (Fault(status=401, body=KEY), Misconfigured),
    "lacking right": (Fault(status=403, body=KEY), Misconfigured),
    "organizations off": (Fault(status=426, body=KEY), Misconfigured),
    "busy, in text": (Fault(status=429, body=KEY, content_type="text/plain"), PropelAuthUnavailable),
    "busy, in JSON": (Fault(status=429, body=json.dumps({"wait_seconds": 3, "x": KEY})), PropelAuthUnavailable),
    "conflict": (Fault(status=409, body=KEY), PropelAuthUnavailable),
    "broken": (Fault(status=500, body=KEY), PropelAuthUnavailable),
    "bad gateway": (Fault(status=502, body=f"<html>{KEY}", content_type="text/html"), PropelAuthUnavailable),
    "no reason given": (Fault(status=503, empty_reason=True), PropelAuthUnavailable),
    "dropped": (Fault(drop=True), PropelAuthUnavailable),
    "page in place of an answer": (Fault(status=200, body=KEY, content_type="text/html"), PropelAuthUnavailable),
    "page that says not found": (Fault(status=404, body=KEY, content_type="text/html"), PropelAuthUnavailable),
    "redirect": (Fault(status=302, headers={"Location": "http://127.0.0.1:9/"}), PropelAuthUnavailable),
    "odd redirect": (Fault(status=302, headers={"Location": "http://[::1"}), PropelAuthUnavailable),
    "bad request without JSON": (Fault(status=400, body=KEY), SwitchboardError),
    "bad request as a list": (Fault(status=400, body="[]"), SwitchboardError),
    "bad request about nothing": (Fault(status=400, body="null"), SwitchboardError),
}


@pytest.mark.parametrize("method", CALLS)
async def test_a_vendor_in_trouble_is_one_of_our_errors(emulator, vendor, known, method, caplog) -> None:
    call, path = CALLS[method]
    for case, (fault, ours) in TROUBLE.items():
        emulator.emulator.forget()
        emulator.emulator.fail(Fault(**{**vars(fault), "path": path}))

        with caplog.at_level(logging.DEBUG, "propelauth"), pytest.raises(SwitchboardError) as caught:
            await call(vendor, known)

        assert isinstance(caught.value, ours), case
        assert len(emulator.emulator.requests) == 1, case
        told = f"{caught.value!r}{caught.value}{caught.value.__dict__}{caplog.text}"
        assert not any(secret in told for secret in (KEY, emulator.api_key, emulator.url)), case


async def test_every_method_ends_at_the_deadline(emulator, known) -> None:
    settings = settings_of(emulator, timeout=0.2)
    async with PropelAuthClient.opened(settings) as client:
        emulator.emulator.forget()
        emulator.emulator.fail(Fault(times=None, latency=1.5))
        started = time.monotonic()

        ended = await asyncio.gather(
            *(call(client.organizations, known) for call, _ in CALLS.values()), return_exceptions=True
        )

        assert {type(each) for each in ended} == {PropelAuthUnavailable}
        assert 0.2 <= time.monotonic() - started < 1.2
    # What was given up is done all the same, later: into the next test.
    await eventually(lambda: known.org_id not in emulator.world.orgs and known.stranger not in emulator.world.users)
    emulator.emulator.forget()


async def test_an_address_where_nobody_listens_is_an_outage(emulator, known, unused_address) -> None:
    async with PropelAuthClient.opened(settings_of(emulator, api_address=unused_address)) as client:
        for call, _ in CALLS.values():
            with pytest.raises(PropelAuthUnavailable):
                await call(client.organizations, known)


@pytest.fixture
async def unused_address() -> str:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    await server.wait_closed()
    return address


async def test_the_key_that_only_reads_changes_nothing_and_is_ours_to_repair(emulator, known) -> None:
    changes = ("create", "rename", "delete", "add", "change role", "remove", "invite", "revoke invite", *PEOPLE[2:])
    before = json.dumps(emulator.world.snapshot(), sort_keys=True)
    settings = settings_of(emulator, api_key=SecretStr(emulator.read_only_api_key))
    async with PropelAuthClient.opened(settings) as client:
        for method, (call, _) in CALLS.items():
            if method in changes or method == "update texts":
                with pytest.raises(Misconfigured):
                    await call(client.organizations, known)
            else:
                await call(client.organizations, known)

    assert json.dumps(emulator.world.snapshot(), sort_keys=True) == before


async def test_an_unknown_key_is_ours_to_repair(emulator, known) -> None:
    async with PropelAuthClient.opened(settings_of(emulator, api_key=SecretStr(KEY))) as client:
        for call, _ in CALLS.values():
            with pytest.raises(Misconfigured) as caught:
                await call(client.organizations, known)
            assert KEY not in f"{caught.value!r}{caught.value}"


async def test_a_project_without_organizations_is_ours_to_repair(emulator, vendor, known) -> None:
    emulator.settings.organizations_enabled = False
    try:
        for method in CALLS.keys() - set(PEOPLE):
            with pytest.raises(Misconfigured):
                await CALLS[method][0](vendor, known)
    finally:
        emulator.settings.organizations_enabled = True


ODD_VALUES: tuple[Any, ...] = (None, [], {}, "", "x", 5, -1, 2**70, True, [None], [[]], [5], ["x"], [{}], {"x": None})
ODD_BODIES = ("", "<html>", "{", "null", "[]", "5", '"x"', "true", "[null]", "[" * 5000, "\ud800", "\x00", "NaN")


@pytest.mark.parametrize("method", READING)
async def test_an_answer_that_is_no_object_is_as_good_as_none(emulator, vendor, known, method) -> None:
    call, path = CALLS[method]
    for body in ODD_BODIES:
        raw = body.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        emulator.emulator.faults = [Fault(path=path, times=None, status=200, body=raw)]

        with pytest.raises(SwitchboardError) as caught:
            await call(vendor, known)
        assert type(caught.value) is PropelAuthUnavailable, body[:20]


async def answer_of(emulator: PropelAuthEmulator, vendor: PropelAuthOrganizations, known: Known, method: str) -> Any:
    """What the emulator answers to this method."""
    await CALLS[method][0](vendor, known)
    asked = emulator.emulator.requests[0]
    headers = {"Authorization": f"Bearer {emulator.api_key}", "X-Propelauth-url": asked.headers["X-Propelauth-url"]}
    async with httpx.AsyncClient(base_url=emulator.url, trust_env=False) as client:
        return (await client.get(asked.path, params=asked.query, headers=headers)).json()


def damaged(answer: Any, places: tuple[str, ...] = ()) -> list[tuple[str, Any]]:
    """The answer with one of its parts gone or odd, for each part; of a list only the first item is looked into."""
    found: list[tuple[str, Any]] = []
    keys: list[Any] = list(answer) if isinstance(answer, dict) else [0] if isinstance(answer, list) and answer else []
    for key in keys:
        if isinstance(answer, dict):
            found.append((f"{'.'.join(places)} without {key}", {k: v for k, v in answer.items() if k != key}))
        for odd in ODD_VALUES:
            copy = dict(answer) if isinstance(answer, dict) else list(answer)
            copy[key] = odd
            found.append((f"{'.'.join([*places, str(key)])} = {odd!r:.20}", copy))
        for what, inner in damaged(answer[key], (*places, str(key))):
            copy = dict(answer) if isinstance(answer, dict) else list(answer)
            copy[key] = inner
            found.append((what, copy))
    return found


@pytest.mark.parametrize("method", ["find", "named", "members", "person", "pending invites"])
async def test_half_an_answer_is_read_or_refused_but_never_crashes(emulator, vendor, known, method) -> None:
    """Each part of a real answer, left out and replaced by something odd, at every depth."""
    call, path = CALLS[method]
    answer = await answer_of(emulator, vendor, known, method)
    cases = [(what, body) for what, body in damaged(answer) if "permissions" not in what and "metadata." not in what]
    assert len(cases) > 50
    refused = set()
    for what, body in cases:
        emulator.emulator.faults = [Fault(path=path, status=200, body=json.dumps(body))]
        try:
            await call(vendor, known)
        except PropelAuthUnavailable:
            refused.add(what)
        except SwitchboardError as error:
            pytest.fail(f"{what}: {error!r}")
    assert refused
    assert len(refused) < len(cases)


@pytest.mark.parametrize("body", [{}, {"email": "a@example.com"}, {"user_id": None}, {"user_id": "x"}, {"user_id": 5}])
async def test_an_answer_about_nobody_is_nobody(emulator, vendor, known, body) -> None:
    """Taken for a person without memberships, it would end all of theirs."""
    page = {"users": [body], "total_users": 1, "current_page": 0, "page_size": 100, "has_more_results": False}
    emulator.emulator.fail(Fault(path=r"/user/[0-9a-f-]{36}$", status=200, body=json.dumps(body)))
    emulator.emulator.fail(Fault(path="/user/org/", status=200, body=json.dumps(page)))

    with pytest.raises(PropelAuthUnavailable):
        await vendor.person(known.member)
    with pytest.raises(PropelAuthUnavailable):
        await collected(vendor.members(known.org_id))


@pytest.mark.parametrize("odd", [None, "x", 5, AN_ID.upper()])
async def test_an_invite_of_no_organization_is_no_invite(emulator, vendor, known, odd) -> None:
    invite = {
        "invitee_email": "n@example.com",
        "role_in_org": "Member",
        "created_at": 1,
        "expires_at": 2,
        "org_id": odd,
    }
    page = {"invites": [invite], "total_invites": 1, "current_page": 0, "page_size": 100, "has_more_results": False}
    emulator.emulator.fail(Fault(path="/pending_org_invites", status=200, body=json.dumps(page)))

    with pytest.raises(PropelAuthUnavailable):
        await vendor.pending_invites(known.org_id)


@pytest.mark.parametrize("body", [{}, {"org_id": None}, {"org_id": "x"}, {"org_id": 5}, {"org_id": AN_ID.upper()}])
async def test_a_new_organization_without_an_id_is_no_organization(emulator, vendor, body) -> None:
    emulator.emulator.fail(Fault(path="/org/$", status=200, body=json.dumps({"name": "x", **body})))

    with pytest.raises(PropelAuthUnavailable):
        await vendor.create(uuid4().hex)


async def test_a_new_person_has_every_detail_and_an_e_mail_to_confirm(emulator, vendor) -> None:
    new = new_person()

    user = emulator.user(await vendor.create_person(new))

    assert (user.email, user.username, user.first_name, user.last_name) == (new.email, new.username, "Grace", "Hopper")
    assert (user.has_password, user.email_confirmed) == (True, False)
    sent = json.loads(emulator.emulator.requests[0].body)
    assert (sent["password"], sent["send_email_to_confirm_email_address"]) == (new.password.get_secret_value(), True)


async def test_what_is_refused_of_a_person_is_named_with_a_sentence(emulator, vendor, known) -> None:
    taken = emulator.add_user(f"{uuid4().hex}@example.com", username=uuid4().hex)
    cases = {
        "email": {"email": taken.email.upper()},
        "username": {"username": taken.username},
        "password": {"password": SecretStr("short")},
    }
    for name, fields in cases.items():
        with pytest.raises(PersonRefused) as caught:
            await vendor.create_person(new_person(**fields))
        assert list(caught.value.fields) == [name]
        assert caught.value.message == caught.value.fields[name]
    with pytest.raises(PersonRefused) as caught:
        await vendor.rename_person(known.member, {"username": taken.username})
    assert list(caught.value.fields) == ["username"]


async def test_names_that_are_not_given_stay(emulator, vendor) -> None:
    user = emulator.add_user(f"{uuid4().hex}@example.com", first_name="Ada", last_name="Lovelace")

    await vendor.rename_person(user.user_id, {"last_name": "King"})

    assert (user.first_name, user.last_name) == ("Ada", "King")


@pytest.mark.parametrize("missing", [AN_ID, *NOT_IDS])
async def test_who_is_not_there_has_no_names_and_is_deleted_without_harm(emulator, vendor, missing) -> None:
    with pytest.raises(NotFound):
        await vendor.rename_person(missing, {"first_name": "Ada"})
    if missing == AN_ID:
        await vendor.delete_person(missing)
    else:
        with pytest.raises(NotFound):
            await vendor.delete_person(missing)
        assert emulator.emulator.requests == []


async def test_a_deleted_person_is_gone_with_their_memberships(emulator, vendor, known) -> None:
    await vendor.delete_person(known.member)

    assert known.member not in emulator.world.users
    assert emulator.members(known.org_id) == []


@pytest.mark.parametrize("body", [{}, {"user_id": None}, {"user_id": "x"}, {"user_id": 5}])
async def test_a_new_person_without_an_id_is_nobody(emulator, vendor, body) -> None:
    emulator.emulator.fail(Fault(path="/user/$", status=200, body=json.dumps(body)))

    with pytest.raises(PropelAuthUnavailable):
        await vendor.create_person(new_person())
