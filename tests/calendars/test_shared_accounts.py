"""One Google account behind two people, and what the older backend leaves or brings."""

import contextlib
from datetime import UTC, datetime

from switchboard.connections import service as connections
from switchboard.connections.model import SCOPES
from switchboard.pulls import service


async def test_disconnecting_does_not_revoke_an_account_another_person_pulls_by_other_tokens(
    world, api, ada, connect, event
) -> None:
    world.google.insert_event(ada.email, event())
    await connect(ada)
    await api.post("/v1/me/calendar/sync", headers=ada.headers)
    grace = world.person(google=False)
    grant = world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))
    tokens = {name: grant[name] for name in ("access_token", "refresh_token")}
    expiry = int(datetime.now(UTC).timestamp()) + 3000
    world.user_document(grace, **tokens, token_expiration=expiry, scope=list(SCOPES))
    assert (await api.post("/v1/me/calendar/sync", headers=grace.headers)).status_code == 200

    assert (await api.delete("/v1/me/calendar", headers=ada.headers)).status_code == 204

    assert not world.google.asked("/revoke")
    assert (await api.post("/v1/me/calendar/sync", headers=grace.headers)).status_code == 200


async def test_tokens_emptied_elsewhere_take_the_events_with_them(world, api, ada, event) -> None:
    world.grant_tokens(ada)
    world.google.insert_event(ada.email, event())
    await api.post("/v1/me/calendar/sync", headers=ada.headers)
    world.database["users"].update_one({"user_id": ada.user_id}, {"$set": {"scope": [], "access_token": ""}})
    world.database["calendars"].update_one({"user_id": ada.user_id}, {"$set": {"next_sync_at": datetime.now(UTC)}})

    calendar = await service.CalendarDocument.claim(service.primary_calendar_id(ada.user_id), "worker")
    with contextlib.suppress(service.NotConnected):
        await service.pull(world.services, calendar, datetime.now(UTC))

    assert world.database["calendar_events"].count_documents({"user_id": ada.user_id}) == 0


async def test_adopting_while_an_own_consent_works_is_refused(world, api, ada, connect) -> None:
    await connect(ada)
    before = world.stored(ada)
    grant = world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))
    kept = {"access_token": grant["access_token"], "refresh_token": None, "token_provider": "google"}
    expiry = int(datetime.now(UTC).timestamp()) + 3000
    world.propelauth.link_social(
        ada.user_id, "google", {**kept, "token_expiration": expiry, "authorized_scopes": list(SCOPES)}
    )

    answer = await api.post("/v1/me/calendar/connect/propelauth", headers=ada.headers)

    assert (answer.status_code, answer.json()["code"]) == (409, "other_google_account")
    assert world.stored(ada) == before


async def test_states_of_a_newer_version_are_read_as_unknown(world, api, ada) -> None:
    world.grant_tokens(ada)
    await api.post("/v1/me/calendar/sync", headers=ada.headers)
    world.database["calendars"].update_one({"user_id": ada.user_id}, {"$set": {"status": "paused"}})
    newer = {"$set": {"source": "import"}}
    world.database["calendar_connections"].update_one({"user_id": ada.user_id}, newer, upsert=True)

    answer = await api.get("/v1/me/calendar", headers=ada.headers)

    assert (answer.status_code, answer.json()["state"], answer.json()["source"]) == (200, "waiting", "stored")


async def test_a_new_grant_by_the_older_backend_makes_a_lost_calendar_due(world, api, ada) -> None:
    world.grant_tokens(ada, token_expiration=1)
    world.google.revoke(ada.email)
    assert (await api.post("/v1/me/calendar/sync", headers=ada.headers)).status_code == 409
    grant = world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))
    fresh = {"access_token": grant["access_token"], "refresh_token": grant["refresh_token"]}
    fresh["token_expiration"] = int(datetime.now(UTC).timestamp()) + 3000
    world.database["users"].update_one({"user_id": ada.user_id}, {"$set": fresh})

    shown = (await api.get("/v1/me/calendar", headers=ada.headers)).json()

    assert shown["state"] == "waiting"
    assert datetime.fromisoformat(shown["next_sync_at"]) <= datetime.now(UTC)


async def test_a_disconnect_between_the_writes_of_a_connect_wins(world, ada, connect, monkeypatch) -> None:
    store = connections._store

    async def interrupted(*arguments) -> None:
        await store(*arguments)
        await connections.ConnectionDocument.remove(ada.user_id)

    monkeypatch.setattr(connections, "_store", interrupted)

    answer = await connect(ada)

    assert (answer.status_code, answer.json()["code"]) == (404, "calendar_not_connected")
    stored = world.stored(ada)
    assert (stored["access_token"], stored["refresh_token"], stored["scope"]) == ("", None, [])
