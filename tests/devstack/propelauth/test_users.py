"""Users, through the unmodified propelauth-py."""

import json
from typing import Any

import httpx
import pytest
from propelauth_py import AsyncAuth
from propelauth_py.errors import (
    BadRequestException,
    CreateUserException,
    UpdateUserEmailException,
    UpdateUserMetadataException,
    UpdateUserPasswordException,
)

from devstack.propelauth import PropelAuthEmulator
from tests.devstack.propelauth.parts import NOBODY, event_types


async def test_a_created_user_is_fetched_with_what_it_was_created_with(auth: AsyncAuth) -> None:
    created = await auth.create_user(
        "ada@example.com",
        email_confirmed=True,
        password="correct horse",
        username="ada",
        first_name="Ada",
        last_name="Byron",
        properties={"plan": "pro"},
        ask_user_to_update_password_on_login=True,
    )
    user = await auth.fetch_user_metadata_by_user_id(created.user_id)
    shown = (user.email, user.username, user.first_name, user.last_name, user.properties)
    assert shown == ("ada@example.com", "ada", "Ada", "Byron", {"plan": "pro"})
    assert (user.email_confirmed, user.has_password, user.enabled, user.locked) == (True, True, True, False)
    assert user.org_id_to_org_info is None


async def test_a_user_without_password_is_unconfirmed_by_default(auth: AsyncAuth) -> None:
    created = await auth.create_user("ada@example.com")
    user = await auth.fetch_user_metadata_by_user_id(created.user_id)
    assert (user.email_confirmed, user.has_password) == (False, False)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"email": "ADA@example.com"}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": "new@example.com", "username": "Ada"}, "username"),
        ({"email": "new@example.com", "password": "short"}, "password"),
        ({"email": "new@example.com", "first_name": 7}, "first_name"),
        ({"email": "new@blocked.example"}, "email"),
    ],
)
async def test_a_user_that_cannot_be_created_names_the_field(
    propel: PropelAuthEmulator, auth: AsyncAuth, fields: dict[str, Any], field: str
) -> None:
    propel.settings.blocked_email_domains = ["blocked.example"]
    propel.add_user("ada@example.com", username="ada")
    with pytest.raises(CreateUserException) as raised:
        await auth.create_user(**fields)
    assert list(raised.value.field_to_errors) == [field]
    assert isinstance(raised.value.field_to_errors[field][0], str)
    assert len(propel.world.users) == 1


async def test_domain_restrictions_can_be_ignored_by_the_backend(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    propel.settings.blocked_email_domains = ["blocked.example"]
    assert await auth.create_user("new@blocked.example", ignore_domain_restrictions=True)


async def test_users_are_found_by_email_and_username_whatever_the_case(
    propel: PropelAuthEmulator, auth: AsyncAuth
) -> None:
    user = propel.add_user("Ada@Example.com", username="Ada")
    assert (await auth.fetch_user_metadata_by_email("ada@example.COM")).user_id == user.user_id
    assert (await auth.fetch_user_metadata_by_username("aDA")).user_id == user.user_id
    assert await auth.fetch_user_metadata_by_email("nobody@example.com") is None
    assert await auth.fetch_user_metadata_by_username("nobody") is None
    assert await auth.fetch_user_metadata_by_user_id(NOBODY) is None
    with pytest.raises(BadRequestException):
        await auth.fetch_user_metadata_by_email("")


async def test_organizations_are_included_only_on_request(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    user, org = propel.add_user("ada@example.com"), propel.add_org("Acme Corp.", metadata={"tier": 1})
    propel.add_member(org.org_id, user.user_id, "Admin")
    plain = await auth.fetch_user_metadata_by_user_id(user.user_id)
    full = await auth.fetch_user_metadata_by_user_id(user.user_id, include_orgs=True)
    assert plain.org_id_to_org_info is None
    member = full.org_id_to_org_info[org.org_id]
    assert (member.org_name, member.url_safe_org_name, member.org_metadata) == ("Acme Corp.", "acme-corp", {"tier": 1})
    assert member.user_assigned_role == "Admin"
    assert member.user_inherited_roles_plus_current_role == ["Admin", "Member"]
    assert member.user_permissions == ["propelauth::can_invite"]


async def test_batches_return_those_that_exist(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    ada = propel.add_user("ada@example.com", username="ada")
    bob = propel.add_user("bob@example.com", username="bob")
    by_id = await auth.fetch_batch_user_metadata_by_user_ids([bob.user_id, NOBODY, ada.user_id, bob.user_id])
    assert set(by_id) == {ada.user_id, bob.user_id}
    assert set(await auth.fetch_batch_user_metadata_by_emails(["ada@example.com", "x@example.com"])) == {ada.email}
    by_name = await auth.fetch_batch_user_metadata_by_usernames(["bob", "eve"], include_orgs=True)
    assert by_name["bob"]["org_id_to_org_info"] == {}
    with pytest.raises(BadRequestException):
        await auth.fetch_batch_user_metadata_by_user_ids([7])


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ("CREATED_AT_ASC", ["b", "c", "a"]),
        ("CREATED_AT_DESC", ["a", "c", "b"]),
        ("EMAIL", ["a", "b", "c"]),
        ("USERNAME", ["c", "b", "a"]),
        ("LAST_ACTIVE_AT_ASC", ["c", "a", "b"]),
        ("LAST_ACTIVE_AT_DESC", ["b", "a", "c"]),
    ],
)
async def test_a_query_is_ordered(propel: PropelAuthEmulator, auth: AsyncAuth, order: str, names: list[str]) -> None:
    for name, username in (("b", "m"), ("c", "l"), ("a", None)):
        propel.add_user(f"{name}@example.com", username=username)
        propel.clock.advance(10)
    first = propel.user_by_email("b@example.com")
    assert first is not None
    propel.sign_in(first.user_id)
    middle = propel.user_by_email("c@example.com")
    assert middle is not None
    middle.last_active_at = 1
    page = await auth.fetch_users_by_query(order_by=order)
    assert [user.email[0] for user in page.users] == names


async def test_a_query_is_paged_from_zero(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    for number in range(25):
        propel.add_user(f"user{number:02}@example.com")
    pages = [await auth.fetch_users_by_query(page_number=number) for number in range(4)]
    assert [len(page.users) for page in pages] == [10, 10, 5, 0]
    assert [page.has_more_results for page in pages] == [True, True, False, False]
    assert {(page.total_users, page.page_size) for page in pages} == {(25, 10)}
    assert [page.current_page for page in pages] == [0, 1, 2, 3]
    assert pages[1].users[0].email == "user10@example.com"


async def test_a_page_that_ends_with_the_last_user_is_the_last(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    for number in range(4):
        propel.add_user(f"user{number}@example.com")
    pages = [await auth.fetch_users_by_query(page_size=2, page_number=number) for number in range(2)]
    assert [page.has_more_results for page in pages] == [True, False]


@pytest.mark.parametrize(
    "query", [{"page_size": 0}, {"page_size": 101}, {"page_number": -1}, {"page_size": "x"}, {"order_by": "AGE"}]
)
async def test_a_query_outside_its_limits_is_refused(auth: AsyncAuth, query: dict[str, Any]) -> None:
    with pytest.raises(BadRequestException) as raised:
        await auth.fetch_users_by_query(**query)
    assert list(json.loads(raised.value.field_to_errors)) == list(query)


async def test_a_query_filters_by_part_of_a_name_and_by_legacy_id(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    propel.add_user("ada@example.com", username="countess")
    propel.add_user("bob@example.com", legacy_user_id="42")
    assert [user.email for user in (await auth.fetch_users_by_query(email_or_username="COUNT")).users] == [
        "ada@example.com"
    ]
    assert [user.email for user in (await auth.fetch_users_by_query(legacy_user_id="42")).users] == ["bob@example.com"]
    assert (await auth.fetch_users_by_query(legacy_user_id="4")).users == []


async def test_updating_a_user_changes_what_was_sent_and_nothing_else(
    propel: PropelAuthEmulator, auth: AsyncAuth
) -> None:
    user = propel.add_user("ada@example.com", first_name="Ada", properties={"a": 1, "b": 2}, metadata={"old": 1})
    assert await auth.update_user_metadata(
        user.user_id, last_name="Byron", properties={"b": 3}, metadata={"new": 1}, picture_url="https://p.example/a.png"
    )
    fetched = await auth.fetch_user_metadata_by_user_id(user.user_id)
    assert (fetched.first_name, fetched.last_name) == ("Ada", "Byron")
    assert fetched.properties == {"a": 1, "b": 3}
    assert fetched.metadata == {"new": 1}
    assert fetched.picture_url == "https://p.example/a.png"
    assert event_types(propel) == ["user.created", "user.updated"]


async def test_a_username_of_somebody_else_is_refused(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    propel.add_user("ada@example.com", username="ada")
    bob = propel.add_user("bob@example.com", username="bob")
    with pytest.raises(UpdateUserMetadataException) as raised:
        await auth.update_user_metadata(bob.user_id, username="ADA")
    assert list(raised.value.field_to_errors) == ["username"]
    assert await auth.update_user_metadata(bob.user_id, username="bob")


async def test_an_email_changes_at_once_or_after_confirmation(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    user = propel.add_user("ada@example.com")
    assert await auth.update_user_email(user.user_id, "two@example.com", require_email_confirmation=False)
    assert (await auth.fetch_user_metadata_by_user_id(user.user_id)).email == "two@example.com"
    assert await auth.update_user_email(user.user_id, "three@example.com", require_email_confirmation=True)
    assert (await auth.fetch_user_metadata_by_user_id(user.user_id)).email == "two@example.com"
    propel.confirm_email(user.user_id)
    assert (await auth.fetch_user_metadata_by_user_id(user.user_id)).email == "three@example.com"


async def test_an_email_in_use_is_refused(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    ada, bob = propel.add_user("ada@example.com"), propel.add_user("bob@example.com")
    with pytest.raises(UpdateUserEmailException) as raised:
        await auth.update_user_email(bob.user_id, ada.email, require_email_confirmation=False)
    assert list(raised.value.field_to_errors) == ["new_email"]


async def test_passwords_are_set_and_cleared(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    user = propel.add_user("ada@example.com", password=False)
    with pytest.raises(UpdateUserPasswordException) as raised:
        await auth.update_user_password(user.user_id, "short")
    assert list(raised.value.field_to_errors) == ["password"]
    assert await auth.update_user_password(user.user_id, "correct horse")
    assert (await auth.fetch_user_metadata_by_user_id(user.user_id)).has_password
    assert await auth.clear_user_password(user.user_id)
    assert not (await auth.fetch_user_metadata_by_user_id(user.user_id)).has_password


async def test_switches_of_a_user_are_thrown_and_announced(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    user = propel.add_user("ada@example.com", mfa_enabled=True)
    assert (await auth.fetch_user_mfa_methods(user.user_id)).mfa_setup is not None
    assert await auth.disable_user_2fa(user.user_id)
    assert await auth.disable_user(user.user_id)
    assert await auth.disable_user_can_create_orgs(user.user_id)
    fetched = await auth.fetch_user_metadata_by_user_id(user.user_id)
    assert (fetched.mfa_enabled, fetched.enabled, fetched.can_create_orgs) == (False, False, False)
    assert (await auth.fetch_user_mfa_methods(user.user_id)).mfa_setup is None
    assert await auth.enable_user(user.user_id)
    assert await auth.enable_user_can_create_orgs(user.user_id)
    fetched = await auth.fetch_user_metadata_by_user_id(user.user_id)
    assert (fetched.enabled, fetched.can_create_orgs) == (True, True)
    assert [kind for kind in event_types(propel) if kind in ("user.disabled", "user.enabled")] == [
        "user.disabled",
        "user.enabled",
    ]


async def test_a_deleted_user_is_gone_with_its_memberships(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    user, org = propel.add_user("ada@example.com"), propel.add_org("Acme")
    propel.add_member(org.org_id, user.user_id, "Owner")
    assert await auth.delete_user(user.user_id)
    assert await auth.fetch_user_metadata_by_user_id(user.user_id) is None
    assert (await auth.fetch_users_in_org(org.org_id)).total_users == 0
    assert event_types(propel)[-1] == "user.deleted"
    assert await auth.delete_user(user.user_id) is False


@pytest.mark.parametrize(
    "call",
    [
        lambda auth: auth.update_user_metadata(NOBODY, first_name="X"),
        lambda auth: auth.update_user_email(NOBODY, "x@example.com", False),
        lambda auth: auth.update_user_password(NOBODY, "correct horse"),
        lambda auth: auth.clear_user_password(NOBODY),
        lambda auth: auth.enable_user(NOBODY),
        lambda auth: auth.disable_user(NOBODY),
        lambda auth: auth.disable_user_2fa(NOBODY),
        lambda auth: auth.enable_user_can_create_orgs(NOBODY),
        lambda auth: auth.disable_user_can_create_orgs(NOBODY),
        lambda auth: auth.logout_all_user_sessions(NOBODY),
        lambda auth: auth.delete_user(NOBODY),
        lambda auth: auth.resend_email_confirmation(NOBODY),
    ],
)
async def test_changing_nobody_is_false(propel: PropelAuthEmulator, auth: AsyncAuth, call: Any) -> None:
    assert await call(auth) is False
    assert len(propel.emulator.requests) == 1
    assert propel.deliveries == []


@pytest.mark.parametrize(
    "call",
    [
        lambda auth: auth.fetch_user_signup_query_params_by_user_id(NOBODY),
        lambda auth: auth.fetch_user_mfa_methods(NOBODY),
        lambda auth: auth.fetch_user_mfa_methods("no-id"),
        lambda auth: auth.fetch_user_oauth_tokens(NOBODY),
    ],
)
async def test_reading_nobody_is_none(propel: PropelAuthEmulator, auth: AsyncAuth, call: Any) -> None:
    assert await call(auth) is None
    assert len(propel.emulator.requests) == 1


async def test_a_confirmation_mail_is_sent_only_while_it_is_needed(propel: PropelAuthEmulator, auth: AsyncAuth) -> None:
    user = propel.add_user("ada@example.com", email_confirmed=False)
    assert await auth.resend_email_confirmation(user.user_id)
    propel.confirm_email(user.user_id)
    with pytest.raises(BadRequestException) as raised:
        await auth.resend_email_confirmation(user.user_id)
    assert "user_facing_error" in raised.value.field_to_errors


async def test_a_migrated_user_keeps_its_legacy_id(auth: AsyncAuth) -> None:
    created = await auth.migrate_user_from_external_source(
        "ada@example.com", True, existing_user_id="legacy-7", existing_password_hash="$2b$12$x", first_name="Ada"
    )
    user = await auth.fetch_user_metadata_by_user_id(created.user_id)
    assert (user.legacy_user_id, user.has_password, user.first_name, user.enabled) == ("legacy-7", True, "Ada", True)
    assert await auth.migrate_user_password(created.user_id, "$2b$12$y")
    with pytest.raises(httpx.HTTPStatusError, match="404"):
        await auth.migrate_user_password(NOBODY, "$2b$12$y")
    with pytest.raises(BadRequestException) as raised:
        await auth.migrate_user_from_external_source("ada@example.com", True)
    assert list(raised.value.field_to_errors) == ["email"]


async def test_a_magic_link_signs_in_the_user_it_made(
    propel: PropelAuthEmulator, auth: AsyncAuth, client: httpx.AsyncClient
) -> None:
    with pytest.raises(BadRequestException) as raised:
        await auth.create_magic_link("ada@example.com")
    assert list(raised.value.field_to_errors) == ["email"]
    link = await auth.create_magic_link(
        "ada@example.com",
        redirect_to_url="http://localhost:3000/after",
        create_new_user_if_one_doesnt_exist=True,
        user_signup_query_parameters={"campaign": "spring"},
        expire_after_first_use=True,
    )
    answer = await client.get(link.url)
    assert (answer.status_code, answer.headers["location"]) == (302, "http://localhost:3000/after")
    user = propel.user_by_email("ada@example.com")
    assert user is not None
    assert user.email_confirmed
    parameters = await auth.fetch_user_signup_query_params_by_user_id(user.user_id)
    assert parameters.user_signup_query_parameters == {"campaign": "spring"}
    assert (await client.get(link.url)).status_code == 404
