"""Connecting and disconnecting, as a browser, the front end and Google see it."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from switchboard.connections.model import SCOPES
from tests.world import FRONT_END, Person, World

EVENTS_ONLY = ["openid", "email", "https://www.googleapis.com/auth/calendar.events"]


async def begin(api: httpx.AsyncClient, person: Person) -> str:
    answer = await api.post("/v1/me/calendar/connect", headers=person.headers)
    assert answer.status_code == 200
    address: str = answer.json()["authorization_url"]
    return address


async def consented(world: World, api: httpx.AsyncClient, person: Person) -> dict[str, str]:
    location = await world.google.approve(await begin(api, person), person.email)
    query = parse_qs(urlsplit(location).query)
    return {"state": query["state"][0], "code": query["code"][0]}


async def test_a_person_connects_and_sees_the_calendar_waiting_for_its_first_pull(world, connect, ada) -> None:
    answer = await connect(ada)

    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "waiting"
    assert answer.json()["google_email"] == ada.email


async def test_the_consent_asks_for_offline_access_with_pkce_and_a_nonce(api, ada) -> None:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(await begin(api, ada)).query).items()}

    assert asked["access_type"] == "offline"
    assert asked["prompt"] == "consent"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert asked["nonce"]
    assert asked["login_hint"] == ada.email
    assert set(asked["scope"].split()) == set(SCOPES)


async def test_the_state_is_kept_as_a_hash_only(world, api, ada) -> None:
    asked = parse_qs(urlsplit(await begin(api, ada)).query)

    kept = world.database["calendar_consents"].find_one({"user_id": ada.user_id})
    assert asked["state"][0] not in str(kept)


async def test_tokens_are_stored_flat_on_the_user_in_the_types_already_there(world, connect, ada) -> None:
    await connect(ada)

    stored = world.stored(ada)
    assert isinstance(stored["token_expiration"], int)
    assert isinstance(stored["scope"], list)
    assert stored["has_calendar_access"] is True
    assert stored["access_token"]
    assert stored["refresh_token"]
    assert "client_id" not in stored
    assert "client_secret" not in stored


async def test_an_older_document_gets_the_client_its_new_tokens_belong_to(world, connect, ada) -> None:
    world.user_document(ada, client_id="older-client", client_secret="older-secret", email=ada.email)

    await connect(ada)

    assert world.stored(ada)["client_id"] == world.settings.google.client_id


async def test_a_state_works_once(world, api, ada) -> None:
    body = await consented(world, api, ada)

    first = await api.post("/v1/me/calendar/confirm", headers=ada.headers, json=body)
    second = await api.post("/v1/me/calendar/confirm", headers=ada.headers, json=body)

    assert (first.status_code, second.status_code) == (200, 410)
    assert second.json()["code"] == "consent_expired"


async def test_a_consent_that_someone_else_began_is_refused_and_stays_theirs(world, api, ada) -> None:
    body = await consented(world, api, ada)
    mallory = world.person()

    stolen = await api.post("/v1/me/calendar/confirm", headers=mallory.headers, json=body)
    own = await api.post("/v1/me/calendar/confirm", headers=ada.headers, json=body)

    assert stolen.status_code == 410
    assert own.status_code == 200
    assert not (world.stored(mallory) or {}).get("access_token")


async def test_a_consent_older_than_ten_minutes_is_refused(world, api, ada) -> None:
    body = await consented(world, api, ada)
    consents = world.database["calendar_consents"]
    kept = consents.find_one({"user_id": ada.user_id})
    consents.update_one({"_id": kept["_id"]}, {"$set": {"expires_at": kept["expires_at"].replace(year=2000)}})

    answer = await api.post("/v1/me/calendar/confirm", headers=ada.headers, json=body)

    assert answer.status_code == 410
    assert not world.google.asked("/token")


async def test_rule_48_a_consent_without_the_calendar_changes_nothing_and_says_so(world, connect, ada) -> None:
    before = world.user_document(ada, email=ada.email)

    answer = await connect(ada, EVENTS_ONLY)

    assert answer.status_code == 409
    assert answer.json()["code"] == "calendar_scope_missing"
    assert world.stored(ada) == before


async def test_a_made_up_code_is_refused(world, api, ada) -> None:
    body = {**await consented(world, api, ada), "code": "4/0Amadeup"}

    answer = await api.post("/v1/me/calendar/confirm", headers=ada.headers, json=body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_consent"


async def test_switching_to_another_google_account_is_a_step_of_its_own(world, api, connect, ada) -> None:
    await connect(ada)
    world.google.add_account(f"other-{ada.email}")
    location = await world.google.approve(await begin(api, ada), f"other-{ada.email}")
    query = parse_qs(urlsplit(location).query)
    body = {"state": query["state"][0], "code": query["code"][0]}
    before = world.stored(ada)

    answer = await api.post("/v1/me/calendar/confirm", headers=ada.headers, json=body)

    assert answer.status_code == 409
    assert answer.json()["code"] == "other_google_account"
    assert world.stored(ada) == before


@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        ({"state": "s", "code": "4/c"}, {"calendar": ["confirm"], "state": ["s"], "code": ["4/c"]}),
        ({"error": "access_denied", "state": "s"}, {"calendar": ["denied"]}),
        ({"error": "server_error"}, {"calendar": ["failed"]}),
        ({}, {"calendar": ["failed"]}),
        ({"state": "s", "code": "c", "next": "https://evil.example"}, None),
        ({"state": "//evil.example\r\nX: y", "code": "c"}, None),
    ],
)
async def test_the_callback_leads_only_to_the_front_end(api, query, outcome) -> None:
    answer = await api.get("/v1/calendar/callback", params=query)

    assert answer.status_code == 303
    to = urlsplit(answer.headers["location"])
    assert f"{to.scheme}://{to.netloc}" == FRONT_END
    assert outcome is None or parse_qs(to.query) == outcome
    assert "evil" not in to.netloc


async def test_a_person_who_signed_in_with_google_connects_by_what_propelauth_keeps(
    world, api, ada, titles, event
) -> None:
    grant = world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))
    world.propelauth.link_social(ada.user_id, "google", _as_propelauth_keeps(grant))
    world.google.insert_event(ada.email, event("From sign-in"))

    answer = await api.post("/v1/me/calendar/connect/propelauth", headers=ada.headers)
    synced = await api.post("/v1/me/calendar/sync", headers=ada.headers)

    assert answer.status_code == 200, answer.text
    assert answer.json()["source"] == "propelauth"
    assert synced.json()["state"] == "synced"
    assert await titles(ada) == ["From sign-in"]


async def test_without_google_tokens_at_propelauth_there_is_nothing_to_connect_by(api, ada) -> None:
    answer = await api.post("/v1/me/calendar/connect/propelauth", headers=ada.headers)

    assert answer.status_code == 404


async def test_google_tokens_at_propelauth_without_the_calendar_are_not_enough(world, api, ada) -> None:
    grant = world.google.grant(ada.email, world.settings.google.client_id, ["openid", "email"])
    world.propelauth.link_social(ada.user_id, "google", _as_propelauth_keeps(grant))

    answer = await api.post("/v1/me/calendar/connect/propelauth", headers=ada.headers)

    assert answer.status_code == 409
    assert answer.json()["code"] == "calendar_scope_missing"


async def test_rule_50_a_login_without_a_refresh_token_keeps_the_stored_one(world, api, ada) -> None:
    world.user_document(ada, email=ada.email, refresh_token="kept")
    grant = world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))
    token = {**_as_propelauth_keeps(grant), "refresh_token": None}
    world.propelauth.link_social(ada.user_id, "google", token)

    await api.post("/v1/me/calendar/connect/propelauth", headers=ada.headers)

    assert world.stored(ada)["refresh_token"] == "kept"
    assert world.stored(ada)["access_token"] == grant["access_token"]


async def test_disconnecting_revokes_our_own_grant_and_forgets_the_events(world, api, connect, ada, event) -> None:
    world.google.insert_event(ada.email, event())
    await connect(ada)
    await api.post("/v1/me/calendar/sync", headers=ada.headers)
    token = world.stored(ada)["refresh_token"]

    answer = await api.delete("/v1/me/calendar", headers=ada.headers)

    assert answer.status_code == 204
    assert [token in asked.body or "token=" in asked.body for asked in world.google.asked("/revoke")] == [True]
    assert world.database["calendar_events"].count_documents({"user_id": ada.user_id}) == 0
    stored = world.stored(ada)
    assert (stored["access_token"], stored["refresh_token"], stored["scope"]) == ("", None, [])
    assert (await api.get("/v1/me/calendar", headers=ada.headers)).json()["state"] == "disconnected"


async def test_disconnecting_again_finds_nothing(api, connect, ada) -> None:
    await connect(ada)
    await api.delete("/v1/me/calendar", headers=ada.headers)

    answer = await api.delete("/v1/me/calendar", headers=ada.headers)

    assert answer.status_code == 404
    assert answer.json()["code"] == "calendar_not_connected"


async def test_rule_51_what_signing_in_rests_on_is_not_revoked(world, api, connect, ada) -> None:
    await connect(ada)
    grant = world.google.grant(ada.email, world.settings.google.client_id, ["openid", "email"])
    world.propelauth.link_social(ada.user_id, "google", _as_propelauth_keeps(grant))

    answer = await api.delete("/v1/me/calendar", headers=ada.headers)

    assert answer.status_code == 204
    assert not world.google.asked("/revoke")


async def test_rule_51_a_google_account_that_another_person_uses_too_is_not_revoked(world, api, connect, ada) -> None:
    await connect(ada)
    subject = world.database["calendar_connections"].find_one({"user_id": ada.user_id})["google_subject"]
    other = world.person()
    world.database["calendar_connections"].insert_one({"user_id": other.user_id, "google_subject": subject})

    await api.delete("/v1/me/calendar", headers=ada.headers)

    assert not world.google.asked("/revoke")


async def test_tokens_of_unknown_origin_are_not_revoked(world, api, ada) -> None:
    world.grant_tokens(ada)

    answer = await api.delete("/v1/me/calendar", headers=ada.headers)

    assert answer.status_code == 204
    assert not world.google.asked("/revoke")


async def test_when_google_can_not_be_asked_disconnecting_changes_nothing_and_can_be_repeated(
    world, api, connect, ada
) -> None:
    from devstack.emulator import Fault

    await connect(ada)
    before = world.stored(ada)
    world.google.fail(Fault(path="/revoke", status=503))

    refused = await api.delete("/v1/me/calendar", headers=ada.headers)
    unchanged = world.stored(ada) == before
    repeated = await api.delete("/v1/me/calendar", headers=ada.headers)

    assert (refused.status_code, unchanged, repeated.status_code) == (503, True, 204)


def _as_propelauth_keeps(grant: dict[str, object]) -> dict[str, object]:
    import time

    return {
        "access_token": grant["access_token"],
        "token_provider": "google",
        "refresh_token": grant.get("refresh_token"),
        "token_expiration": int(time.time()) + 3000,
        "authorized_scopes": str(grant["scope"]).split(),
    }
