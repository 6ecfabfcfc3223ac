"""Organizations, members and invites, through the unmodified propelauth-py."""

from typing import Any

import httpx
import pytest
from propelauth_py import AsyncAuth
from propelauth_py.errors import BadRequestException, UpdateUserMetadataException

from devstack.propelauth import PropelAuthEmulator, Refused, User
from tests.devstack.propelauth.parts import NOBODY, event_types

DAY = 24 * 60 * 60


@pytest.fixture
def ada(propel: PropelAuthEmulator) -> User:
    return propel.add_user("ada@acme.example")


@pytest.fixture
def org_id(propel: PropelAuthEmulator) -> str:
    return propel.add_org("Acme").org_id


async def test_a_created_organization_has_no_members(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    created = await auth.create_org(
        "Acme",
        domain="acme.example",
        enable_auto_joining_by_domain=True,
        members_must_have_matching_domain=True,
        max_users=3,
        legacy_org_id="legacy-1",
    )
    assert created.name == "Acme"
    org = await auth.fetch_org(created.org_id)
    assert (org.name, org.url_safe_org_slug, org.domain, org.max_users) == ("Acme", "acme", "acme.example", 3)
    assert (org.domain_autojoin, org.domain_restrict, org.legacy_org_id) == (True, True, "legacy-1")
    assert (org.metadata, org.extra_domains, org.can_setup_saml) == ({}, [], False)
    assert (await auth.fetch_users_in_org(created.org_id)).users == []
    assert event_types(propel) == ["org.created"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": "acme"}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "New", "custom_role_mapping_name": "unknown"}, "custom_role_mapping_name"),
        ({"name": "New", "max_users": "many"}, "max_users"),
        ({"name": "New", "members_must_have_matching_domain": True}, "domain"),
    ],
)
async def test_an_organization_that_cannot_be_created_names_the_field(
    auth: AsyncAuth, org_id: str, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadRequestException) as raised:
        await auth.create_org(**fields)
    assert list(raised.value.field_to_errors) == [field]


async def test_an_organization_is_updated_as_far_as_sent(
    propel: PropelAuthEmulator, auth: AsyncAuth, org_id: str
) -> None:
    assert await auth.update_org_metadata(
        org_id,
        name="Acme Two",
        metadata={"tier": 2},
        max_users=9,
        can_join_on_email_domain_match=True,
        domain="acme.example",
    )
    org = await auth.fetch_org(org_id)
    assert (org.name, org.metadata, org.max_users, org.domain_autojoin) == ("Acme Two", {"tier": 2}, 9, True)
    assert org.domain_restrict is False
    other = propel.add_org("Beta")
    with pytest.raises(UpdateUserMetadataException) as raised:
        await auth.update_org_metadata(other.org_id, name="ACME two")
    assert list(raised.value.field_to_errors) == ["name"]


async def test_role_mappings_are_subscribed_to_by_name(
    propel: PropelAuthEmulator, auth: AsyncAuth, org_id: str
) -> None:
    propel.settings.custom_role_mappings = ["Free", "Paid"]
    assert await auth.subscribe_org_to_role_mapping(org_id, "Paid")
    mappings = (await auth.fetch_custom_role_mappings()).custom_role_mappings
    assert [(one.custom_role_mapping_name, one.num_orgs_subscribed) for one in mappings] == [("Free", 0), ("Paid", 1)]
    with pytest.raises(UpdateUserMetadataException):
        await auth.subscribe_org_to_role_mapping(org_id, "Gold")


async def test_a_deleted_organization_takes_members_and_invites_along(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User, org_id: str
) -> None:
    propel.add_member(org_id, ada.user_id, "Owner")
    propel.invite("bob@acme.example", org_id, "Member")
    assert await auth.delete_org(org_id)
    assert await auth.fetch_org(org_id) is None
    assert (await auth.fetch_user_metadata_by_user_id(ada.user_id, include_orgs=True)).org_id_to_org_info == {}
    assert (await auth.fetch_pending_invites()).total_invites == 0
    assert event_types(propel)[-1] == "org.deleted"


async def test_organizations_are_queried_by_name_domain_and_legacy_id(
    propel: PropelAuthEmulator, auth: AsyncAuth
) -> None:
    for name in ("Beta", "Acme", "Acorn"):
        propel.add_org(name, domain=f"{name.lower()}.example", legacy_org_id=f"legacy-{name}")
        propel.clock.advance(5)
    assert [org.name for org in (await auth.fetch_org_by_query(name="AC", order_by="NAME")).orgs] == ["Acme", "Acorn"]
    assert (await auth.fetch_org_by_query(order_by="CREATED_AT_DESC")).orgs[0].name == "Acorn"
    assert [org.name for org in (await auth.fetch_org_by_query(domain="beta.example")).orgs] == ["Beta"]
    assert [org.name for org in (await auth.fetch_org_by_query(legacy_org_id="legacy-Acme")).orgs] == ["Acme"]
    page = await auth.fetch_org_by_query(page_size=2, page_number=1)
    assert ([org.name for org in page.orgs], page.total_orgs, page.has_more_results) == (["Acorn"], 3, False)
    with pytest.raises(ValueError, match="order_by"):
        await auth.fetch_org_by_query(order_by="SIZE")


async def test_the_documented_post_form_of_the_query_answers_the_same(
    propel: PropelAuthEmulator, client: httpx.AsyncClient, org_id: str
) -> None:
    headers = {"Authorization": f"Bearer {propel.api_key}"}
    path = f"{propel.url}/api/backend/v1/org/query"
    posted = await client.post(path, json={"name": "Acme"}, headers=headers)
    got = await client.get(path, params={"name": "Acme"}, headers=headers)
    assert posted.json() == got.json()
    assert posted.json()["orgs"][0]["org_id"] == org_id


async def test_members_are_added_changed_and_removed(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User, org_id: str
) -> None:
    assert await auth.add_user_to_org(ada.user_id, org_id, "Member")
    assert await auth.change_user_role_in_org(ada.user_id, org_id, "Owner")
    assert (await auth.fetch_users_in_org(org_id, role="Owner")).users[0].user_id == ada.user_id
    assert (await auth.fetch_users_in_org(org_id, role="owner")).users == []
    assert await auth.remove_user_from_org(ada.user_id, org_id)
    assert (await auth.fetch_users_in_org(org_id)).users == []
    assert [delivery.event for delivery in propel.deliveries][2:] == [
        {"event_type": "user.added_to_org", "user_id": ada.user_id, "org_id": org_id, "role": "Member"},
        {"event_type": "user.role_changed_within_org", "user_id": ada.user_id, "org_id": org_id, "new_role": "Owner"},
        {"event_type": "user.removed_from_org", "removed_user_id": ada.user_id, "org_id": org_id},
    ]


@pytest.mark.parametrize("method", ["add_user_to_org", "change_user_role_in_org"])
async def test_an_unknown_role_is_a_bad_request(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User, org_id: str, method: str
) -> None:
    if method.startswith("change"):
        propel.add_member(org_id, ada.user_id, "Member")
    with pytest.raises(BadRequestException) as raised:
        await getattr(auth, method)(ada.user_id, org_id, "Emperor")
    assert list(raised.value.field_to_errors) == ["role"]


@pytest.mark.parametrize("method", ["add_user_to_org", "change_user_role_in_org"])
async def test_an_unknown_user_or_organization_is_false_even_with_an_unknown_role(
    auth: AsyncAuth, ada: User, org_id: str, method: str
) -> None:
    assert await getattr(auth, method)(NOBODY, org_id, "Emperor") is False
    assert await getattr(auth, method)(ada.user_id, NOBODY, "Emperor") is False
    assert await auth.remove_user_from_org(ada.user_id, org_id) is False


async def test_additional_roles_need_the_multi_role_structure(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User, org_id: str
) -> None:
    with pytest.raises(BadRequestException) as raised:
        await auth.add_user_to_org(ada.user_id, org_id, "Member", ["Admin"])
    assert list(raised.value.field_to_errors) == ["additional_roles"]
    propel.settings.multi_role = True
    assert await auth.add_user_to_org(ada.user_id, org_id, "Member", ["Admin"])
    user = auth.validate_access_token_and_get_user(f"Bearer {propel.access_token(ada.user_id)}")
    member = user.get_org(org_id)
    assert (member.org_role_structure, member.assigned_additional_roles) == ("multi_role", ["Admin"])
    assert member.user_is_role("Admin")
    assert not member.user_is_at_least_role("Owner")
    assert member.user_permissions == ["propelauth::can_invite"]
    with pytest.raises(BadRequestException):
        await auth.change_user_role_in_org(ada.user_id, org_id, "Member", ["Emperor"])


async def test_an_organization_takes_no_more_than_max_users(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    org = propel.add_org("Tiny", max_users=1)
    assert await auth.add_user_to_org(ada.user_id, org.org_id, "Owner")
    with pytest.raises(BadRequestException) as raised:
        await auth.add_user_to_org(ada.user_id, org.org_id, "Owner")
    assert list(raised.value.field_to_errors) == ["user_id"]
    bob = propel.add_user("bob@acme.example")
    with pytest.raises(BadRequestException) as raised:
        await auth.add_user_to_org(bob.user_id, org.org_id, "Member")
    assert list(raised.value.field_to_errors) == ["org_id"]
    assert await auth.update_org_metadata(org.org_id, max_users=2)
    assert await auth.add_user_to_org(bob.user_id, org.org_id, "Member")


async def test_a_user_is_in_ten_organizations_at_most(propel: PropelAuthEmulator, auth: AsyncAuth, ada: User) -> None:
    for number in range(10):
        propel.add_member(propel.add_org(f"Org {number}").org_id, ada.user_id, "Member")
    with pytest.raises(BadRequestException) as raised:
        await auth.add_user_to_org(ada.user_id, propel.add_org("Eleventh").org_id, "Member")
    assert list(raised.value.field_to_errors) == ["user_id"]


async def test_a_restricted_organization_keeps_other_domains_out(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    org = propel.add_org("Acme", domain="acme.example", extra_domains=["acme.test"], domain_restrict=True)
    outsider, insider = propel.add_user("eve@other.example"), propel.add_user("bob@ACME.test")
    assert await auth.add_user_to_org(ada.user_id, org.org_id, "Owner")
    assert await auth.add_user_to_org(insider.user_id, org.org_id, "Member")
    with pytest.raises(BadRequestException):
        await auth.add_user_to_org(outsider.user_id, org.org_id, "Member")
    with pytest.raises(BadRequestException):
        await auth.invite_user_to_org("eve@other.example", org.org_id, "Member")


async def test_a_confirmed_email_joins_by_domain_while_there_is_room(
    propel: PropelAuthEmulator, auth: AsyncAuth
) -> None:
    org = propel.add_org("Acme", domain="acme.example", domain_autojoin=True, max_users=2)
    await auth.create_user("one@acme.example", email_confirmed=True)
    late = await auth.create_user("two@acme.example")
    assert (await auth.fetch_users_in_org(org.org_id, role="Member")).total_users == 1
    propel.confirm_email(late.user_id)
    await auth.create_user("three@acme.example", email_confirmed=True)
    members = await auth.fetch_users_in_org(org.org_id)
    assert [user.email for user in members.users] == ["one@acme.example", "two@acme.example"]


async def test_an_invite_is_pending_for_five_days(propel: PropelAuthEmulator, auth: AsyncAuth, org_id: str) -> None:
    assert await auth.invite_user_to_org("bob@acme.example", org_id, "Admin")
    page = await auth.fetch_pending_invites(org_id=org_id)
    invite = page.invites[0]
    assert (invite.invitee_email, invite.org_id, invite.org_name) == ("bob@acme.example", org_id, "Acme")
    assert (invite.role_in_org, invite.additional_roles_in_org, invite.inviter_email) == ("Admin", [], None)
    assert invite.expires_at - invite.created_at == 5 * DAY
    propel.clock.advance(5 * DAY - 60)
    assert (await auth.fetch_pending_invites(org_id=org_id)).total_invites == 1
    propel.clock.advance(60)
    assert (await auth.fetch_pending_invites(org_id=org_id)).total_invites == 0
    propel.add_user("bob@acme.example")
    with pytest.raises(Refused, match="404"):
        propel.accept_invite(org_id, "bob@acme.example")


async def test_an_accepted_invite_makes_a_member_of_its_role(
    propel: PropelAuthEmulator, auth: AsyncAuth, org_id: str
) -> None:
    bob = propel.add_user("bob@acme.example")
    assert await auth.invite_user_to_org_by_user_id(bob.user_id, org_id, "Admin")
    assert propel.deliveries[-1].event == {
        "event_type": "user.invited_to_org",
        "user_id": bob.user_id,
        "email": "bob@acme.example",
        "org_id": org_id,
        "role": "Admin",
    }
    propel.accept_invite(org_id, "BOB@acme.example")
    assert (await auth.fetch_users_in_org(org_id, role="Admin")).users[0].user_id == bob.user_id
    assert (await auth.fetch_pending_invites()).total_invites == 0
    with pytest.raises(BadRequestException):
        await auth.invite_user_to_org("bob@acme.example", org_id, "Admin")


async def test_inviting_again_replaces_the_role(propel: PropelAuthEmulator, auth: AsyncAuth, org_id: str) -> None:
    await auth.invite_user_to_org("bob@acme.example", org_id, "Admin")
    propel.clock.advance(DAY)
    await auth.invite_user_to_org("Bob@acme.example", org_id, "Member")
    page = await auth.fetch_pending_invites(org_id=org_id)
    assert [(invite.role_in_org, invite.created_at) for invite in page.invites] == [
        ("Member", propel.world.invites[0].created_at)
    ]
    assert propel.world.invites[0].expires_at > propel.clock.now() + 4 * DAY


async def test_invites_are_refused_for_unknown_roles_users_and_organizations(auth: AsyncAuth, org_id: str) -> None:
    with pytest.raises(BadRequestException):
        await auth.invite_user_to_org("bob@acme.example", org_id, "Emperor")
    assert await auth.invite_user_to_org("bob@acme.example", NOBODY, "Member") is False
    assert await auth.invite_user_to_org_by_user_id(NOBODY, org_id, "Member") is False


async def test_an_invite_is_revoked_by_a_delete_with_a_body(auth: AsyncAuth, org_id: str) -> None:
    await auth.invite_user_to_org("bob@acme.example", org_id, "Member")
    assert await auth.revoke_pending_org_invite(org_id, "bob@acme.example") == {}
    assert (await auth.fetch_pending_invites(org_id=org_id)).invites == []
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        await auth.revoke_pending_org_invite(org_id, "bob@acme.example")


@pytest.mark.parametrize(
    "call",
    [
        lambda auth: auth.fetch_org(NOBODY),
        lambda auth: auth.fetch_org_by_query(),
        lambda auth: auth.fetch_users_in_org(NOBODY),
        lambda auth: auth.fetch_pending_invites(),
        lambda auth: auth.fetch_custom_role_mappings(),
    ],
)
async def test_without_organizations_switched_on_the_answer_is_426(
    propel: PropelAuthEmulator, auth: AsyncAuth, call: Any
) -> None:
    propel.settings.organizations_enabled = False
    with pytest.raises(RuntimeError, match="B2B support"):
        await call(auth)


async def test_without_organizations_they_cannot_be_created(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    propel.settings.organizations_enabled = False
    with pytest.raises(httpx.HTTPStatusError, match="426"):
        await auth.create_org("Acme")
