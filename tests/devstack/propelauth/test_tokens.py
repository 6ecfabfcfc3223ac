"""Access tokens: what the vendor's verifier accepts of them, and what it must not."""

import time
from typing import Any

import httpx
import jwt
import pytest
from propelauth_py import AsyncAuth, UnauthorizedException
from propelauth_py.errors import BadRequestException, UserNotFoundException

from devstack.propelauth import PropelAuthEmulator, SigningKey, User
from devstack.propelauth.roles import DEFAULT_ROLES
from tests.devstack.propelauth.parts import NOBODY


@pytest.fixture
def ada(propel: PropelAuthEmulator) -> User:
    return propel.add_user("ada@example.com", first_name="Ada", username="ada", properties={"plan": "pro"})


def validate(auth: AsyncAuth, token: str) -> Any:
    return auth.validate_access_token_and_get_user(f"Bearer {token}")


async def test_a_token_of_two_organizations_carries_both_with_roles_and_permissions(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    acme, beta = propel.add_org("Acme", legacy_org_id="legacy-1"), propel.add_org("Beta", metadata={"tier": 2})
    propel.add_member(acme.org_id, ada.user_id, "Owner")
    propel.add_member(beta.org_id, ada.user_id, "Member")
    user = validate(auth, propel.access_token(ada.user_id))
    assert (user.user_id, user.email, user.active_org_id) == (ada.user_id, "ada@example.com", None)
    owner, member = user.get_org(acme.org_id), user.get_org(beta.org_id)
    assert owner.user_inherited_roles_plus_current_role == ["Owner", "Admin", "Member"]
    assert owner.user_permissions == DEFAULT_ROLES["Owner"]
    assert owner.legacy_org_id == "legacy-1"
    assert (member.user_assigned_role, member.user_permissions, member.org_metadata) == ("Member", [], {"tier": 2})
    assert owner.user_is_at_least_role("Admin")
    assert not member.user_is_at_least_role("Admin")


async def test_a_token_has_the_claims_of_a_real_one_in_their_order(propel: PropelAuthEmulator, ada: User) -> None:
    token = propel.access_token(ada.user_id)
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    assert header == {"alg": "RS256", "typ": "JWT", "kid": propel.key.key_id}
    assert list(claims) == ["sub", "iat", "exp", "user_id", "iss", "email", "org_id_to_org_member_info"]
    assert claims["exp"] - claims["iat"] == 1800
    assert claims["iss"] == propel.auth_url.replace("http://", "https://")


async def test_a_token_with_an_active_organization_has_only_that_one(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    acme, beta = propel.add_org("Acme"), propel.add_org("Beta")
    for org in (acme, beta):
        propel.add_member(org.org_id, ada.user_id, "Admin")
    created = await auth.create_access_token(ada.user_id, 10, active_org_id=beta.org_id)
    user = validate(auth, created.access_token)
    assert user.active_org_id == beta.org_id
    assert list(user.org_id_to_org_member_info) == [beta.org_id]
    other = propel.add_org("Gamma")
    with pytest.raises(BadRequestException) as raised:
        await auth.create_access_token(ada.user_id, 10, active_org_id=other.org_id)
    assert list(raised.value.field_to_errors) == ["active_org_id"]


async def test_a_created_token_lasts_as_long_as_asked(propel: PropelAuthEmulator, auth: AsyncAuth, ada: User) -> None:
    created = await auth.create_access_token(ada.user_id, 1440)
    claims = jwt.decode(created.access_token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 24 * 60 * 60
    with pytest.raises(BadRequestException) as raised:
        await auth.create_access_token(ada.user_id, 0)
    assert list(raised.value.field_to_errors) == ["duration_in_minutes"]


async def test_no_token_is_created_for_the_unknown_the_disabled_or_when_it_is_switched_off(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    with pytest.raises(UserNotFoundException):
        await auth.create_access_token(NOBODY, 10)
    propel.disable_user(ada.user_id)
    with pytest.raises(UserNotFoundException):
        await auth.create_access_token(ada.user_id, 10)
    propel.settings.access_token_creation = False
    with pytest.raises(RuntimeError, match="not enabled"):
        await auth.create_access_token(ada.user_id, 10)


async def test_optional_claims_appear_when_the_project_puts_them_into_tokens(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    plain = validate(auth, propel.access_token(ada.user_id))
    assert (plain.first_name, plain.username, plain.properties) == (None, None, None)
    propel.settings.properties_in_token = ["first_name", "last_name", "username", "properties"]
    propel.settings.login_method_in_token = True
    user = validate(auth, (await auth.create_access_token(ada.user_id, 10)).access_token)
    assert (user.first_name, user.username, user.properties) == ("Ada", "ada", {"plan": "pro"})
    assert user.login_method.login_method == "generated_from_backend_api"


async def test_an_impersonated_token_names_who_impersonates(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    user = validate(auth, propel.access_token(ada.user_id, impersonator_user_id=NOBODY))
    assert user.is_impersonated()


async def test_a_token_is_good_for_a_minute_after_it_expired_and_no_longer(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    now = time.time()
    assert validate(auth, propel.access_token(ada.user_id, minutes=1, issued_at=now - 60 - 30))
    with pytest.raises(UnauthorizedException):
        validate(auth, propel.access_token(ada.user_id, minutes=1, issued_at=now - 60 - 90))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://somewhere.else"},
        {"iss": "http://127.0.0.1"},
        {"exp": 1},
        {"iat": 4_000_000_000},
        {"nbf": 4_000_000_000},
        {"sub": 7},
        {"user_id": None},
        {"login_method": None},
        {"login_method": {"login_method": "social_sso", "provider": "Apple"}},
        {"org_id_to_org_member_info": {"x": {"org_id": "x", "user_role": "Owner"}}},
    ],
    ids=lambda claims: next(iter(claims)),
)
async def test_a_token_with_wrong_claims_is_refused(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User, claims: dict[str, Any]
) -> None:
    assert validate(auth, propel.access_token(ada.user_id))
    with pytest.raises(UnauthorizedException):
        validate(auth, propel.access_token(ada.user_id, **claims))


async def test_a_token_signed_with_a_foreign_key_is_refused(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    claims = propel.claims(ada.user_id)
    assert validate(auth, propel.sign(claims))
    with pytest.raises(UnauthorizedException):
        validate(auth, propel.sign(claims, SigningKey()))


async def test_memberships_that_ended_stay_in_tokens_issued_before(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    org = propel.add_org("Acme")
    propel.add_member(org.org_id, ada.user_id, "Owner")
    before = propel.access_token(ada.user_id)
    propel.remove_member(org.org_id, ada.user_id)
    assert validate(auth, before).get_org(org.org_id) is not None
    assert validate(auth, propel.access_token(ada.user_id)).get_org(org.org_id) is None


async def test_without_organizations_switched_on_tokens_say_nothing_of_them(
    propel: PropelAuthEmulator, auth: AsyncAuth, ada: User
) -> None:
    propel.add_member(propel.add_org("Acme").org_id, ada.user_id, "Owner")
    propel.settings.organizations_enabled = False
    assert validate(auth, propel.access_token(ada.user_id)).org_id_to_org_member_info is None


async def test_userinfo_answers_the_bearer_of_a_good_token_only(
    propel: PropelAuthEmulator, client: httpx.AsyncClient, ada: User
) -> None:
    async def status_and_body(token: str) -> tuple[int, dict[str, Any]]:
        url = f"{propel.url}/propelauth/oauth/userinfo"
        answer = await client.get(url, headers={"Authorization": f"Bearer {token}"})
        return answer.status_code, answer.json()

    status, body = await status_and_body(propel.access_token(ada.user_id))
    assert (status, body["sub"], body["email"]) == (200, ada.user_id, "ada@example.com")
    assert (await status_and_body(propel.access_token(ada.user_id, issued_at=1)))[0] == 401
    assert (await status_and_body(propel.sign(propel.claims(ada.user_id), SigningKey())))[0] == 401
    assert (await status_and_body("garbage"))[0] == 401
