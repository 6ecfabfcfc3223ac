"""The emulator over restarts."""

import json

import httpx
from propelauth_py import AsyncAuth, TokenVerificationMetadata, init_base_async_auth

from devstack.propelauth import PropelAuthEmulator
from tests.devstack.propelauth.parts import Loopback, Receiver


def populate(propel: PropelAuthEmulator) -> tuple[str, str]:
    user = propel.add_user("ada@example.com", properties={"plan": "pro"}, metadata={"a": [1]})
    org = propel.add_org("Acme", metadata={"tier": 1}, max_users=5)
    propel.settings.custom_role_mappings = ["Paid"]
    propel.settings.token_minutes = 5
    propel.add_member(org.org_id, user.user_id, "Owner")
    propel.invite("bob@example.com", org.org_id, "Admin")
    propel.link_social(user.user_id, "google", {"access_token": "a"})
    propel.sign_in(user.user_id)
    propel.add_magic_link("ada@example.com")
    propel.clock.advance(3600)
    return user.user_id, org.org_id


def test_a_snapshot_is_json_and_restores_everything() -> None:
    before, after = PropelAuthEmulator(auth_url="https://auth.example.com"), PropelAuthEmulator()
    populate(before)
    text = json.dumps(before.snapshot())
    after.restore(json.loads(text))
    assert json.dumps(after.snapshot()) == text
    assert after.api_key == before.api_key
    assert after.read_only_api_key == before.read_only_api_key
    assert after.verifier_key_pem == before.verifier_key_pem
    assert after.webhook_secret == before.webhook_secret
    assert after.clock.offset == 3600


def test_a_restored_emulator_shares_nothing_with_the_snapshot() -> None:
    propel = PropelAuthEmulator()
    user_id, _ = populate(propel)
    snapshot = propel.snapshot()
    text = json.dumps(snapshot)
    propel.restore(snapshot)
    propel.user(user_id).properties = {"plan": "free"}
    propel.world.orgs.clear()
    propel.settings.custom_role_mappings.append("Gold")
    assert json.dumps(snapshot) == text


async def test_tokens_and_keys_from_before_a_restart_are_good_after_it() -> None:
    auth_url = "https://auth.example.com"
    async with PropelAuthEmulator(auth_url=auth_url) as before:
        user_id, org_id = populate(before)
        token, snapshot = before.access_token(user_id), json.loads(json.dumps(before.snapshot()))
    restored = PropelAuthEmulator(auth_url=auth_url)
    restored.restore(snapshot)
    async with restored, httpx.AsyncClient(transport=Loopback(restored.url), trust_env=False) as client:
        metadata = TokenVerificationMetadata(restored.verifier_key_pem, restored.issuer)
        auth: AsyncAuth = init_base_async_auth(auth_url, before.api_key, metadata, httpx_client=client)
        assert restored.issuer == "https://auth.example.com"
        assert auth.validate_access_token_and_get_user(f"Bearer {token}").user_id == user_id
        assert (await auth.fetch_users_in_org(org_id)).users[0].user_id == user_id
        assert (await auth.fetch_pending_invites()).invites[0].invitee_email == "bob@example.com"
        assert (await auth.fetch_user_oauth_tokens(user_id))["google"].access_token == "a"


async def test_webhooks_that_were_waiting_are_sent_after_the_restart() -> None:
    before = PropelAuthEmulator()
    async with Receiver(before.webhook_secret) as receiver:
        before.webhook_url = receiver.url
        before.add_org("Acme")
        after = PropelAuthEmulator()
        after.restore(json.loads(json.dumps(before.snapshot())))
        async with after:
            await after.drain()
        assert receiver.types == ["org.created"]
        assert after.deliveries[0].id == receiver.arrivals[0].id == before.deliveries[0].id


async def test_an_emulator_restarts_on_the_same_port() -> None:
    propel = PropelAuthEmulator()
    url = await propel.start()
    await propel.stop()
    assert await propel.start(int(url.rpartition(":")[2])) == url
    await propel.stop()
