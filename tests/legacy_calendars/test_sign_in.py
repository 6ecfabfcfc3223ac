"""What a sign-in keeps, and what it leaves: it happens on every load of the dashboard."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from switchboard.clients.google_oauth import TokenGrant
from switchboard.connections.model import SCOPES, Connection, grant_fingerprint
from switchboard.legacy_calendars.model import CALENDAR_SCOPES
from switchboard.users.model import UserToken
from tests.legacy_calendars import old
from tests.legacy_calendars.site import Site
from tests.users.raw import fields
from tests.world import Person, World

OF_TOKENS = ("access_token", "refresh_token", "token_expiration", "scope", "has_calendar_access")


@pytest.fixture
def prefix() -> str:
    """One of the two: that they answer alike is what the rows show."""
    return "/api/v1"


def tokens(world: World, person: Person) -> dict[str, Any]:
    stored = world.stored(person)
    return {name: stored.get(name) for name in OF_TOKENS}


async def test_the_first_sign_in_keeps_the_tokens_in_the_types_of_the_older_backend(
    world: World, site: Site, newcomer: Person
) -> None:
    kept = site.link(newcomer)

    answer = await site.sign_in(newcomer)

    told = {"success": True, "user_id": newcomer.user_id, "message": "User authenticated and tokens stored."}
    assert (answer.status_code, answer.json()) == (200, told)
    stored = world.stored(newcomer)
    assert {name: stored[name] for name in OF_TOKENS} == {
        "access_token": kept["access_token"],
        "refresh_token": kept["refresh_token"],
        "token_expiration": kept["token_expiration"],
        "scope": kept["authorized_scopes"],
        "has_calendar_access": True,
    }
    assert isinstance(stored["created_at"], datetime)
    assert "client_secret" not in stored
    old.check(stored)


async def test_a_sign_in_makes_the_calendar_due(world: World, site: Site, newcomer: Person) -> None:
    site.link(newcomer)
    await site.sign_in(newcomer)

    assert world.database["calendars"].find_one({"user_id": newcomer.user_id})["status"] == "new"


async def test_the_next_load_of_the_dashboard_changes_nothing(world: World, site: Site, newcomer: Person) -> None:
    site.link(newcomer)
    await site.sign_in(newcomer)
    await world.api.post("/v1/me/calendar/sync", headers=newcomer.headers)
    before, calendar = world.stored(newcomer), world.database["calendars"].find_one({"user_id": newcomer.user_id})

    assert (await site.sign_in(newcomer)).status_code == 200

    assert world.stored(newcomer) == before
    assert world.database["calendars"].find_one({"user_id": newcomer.user_id}) == calendar


@pytest.mark.parametrize("variant", old.VARIANTS)
async def test_a_sign_in_on_every_shape_of_document(world: World, site: Site, newcomer: Person, variant: str) -> None:
    world.database["users"].insert_one({**old.VARIANTS[variant](newcomer.user_id), "unknown": [1, {"a": 2.5}]})
    before = fields(world, newcomer.user_id)
    kept = site.link(newcomer, offline=False)

    assert (await site.sign_in(newcomer)).status_code == 200

    after = fields(world, newcomer.user_id)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert changed <= {*OF_TOKENS, "token_type", "client_id", "client_secret", "updated_at"} - {"refresh_token"}
    stored = world.stored(newcomer)
    assert (stored["access_token"], stored["scope"]) == (kept["access_token"], kept["authorized_scopes"])
    assert (await site.get("/calendar/access", newcomer)).json() == {"has_calendar_access": True}
    old.check(stored)


async def test_a_sign_in_without_the_calendar_takes_no_access_away(world: World, site: Site, eve: Person) -> None:
    before = tokens(world, eve)
    site.link(eve, scopes=old.BASIC)

    assert (await site.sign_in(eve)).status_code == 200

    assert tokens(world, eve) == before
    assert (await site.get("/calendar/access", eve)).json() == {"has_calendar_access": True}


async def test_a_sign_in_without_the_calendar_is_kept_where_there_is_no_access(
    world: World, site: Site, newcomer: Person
) -> None:
    world.database["users"].insert_one(old.VARIANTS["v1_narrowed"](newcomer.user_id))
    kept = site.link(newcomer, scopes=old.BASIC)

    assert (await site.sign_in(newcomer)).status_code == 200

    stored = world.stored(newcomer)
    assert (stored["access_token"], stored["has_calendar_access"]) == (kept["access_token"], False)
    assert stored["scope"] == list(old.BASIC)
    assert world.database["calendar_connections"].find_one({"user_id": newcomer.user_id}) is None


async def test_consent_given_later_is_taken_up_by_the_next_load(world: World, site: Site, bob: Person) -> None:
    site.link(bob)

    assert (await site.sign_in(bob)).status_code == 200

    assert (await site.get("/calendar/access", bob)).json() == {"has_calendar_access": True}
    assert world.stored(bob)["has_calendar_access"] is True


async def test_a_check_of_the_tokens_takes_consent_up_as_well(site: Site, bob: Person) -> None:
    site.link(bob)

    assert (await site.post("/auth/check-google-tokens", bob)).json()["has_calendar_access"] is True


async def test_an_older_token_never_takes_the_place_of_a_newer_one(world: World, site: Site, eve: Person) -> None:
    site.link(eve)
    await site.sign_in(eve)
    newer = {"access_token": "newer", "token_expiration": int(datetime.now(UTC).timestamp()) + 3600}
    world.database["users"].update_one({"user_id": eve.user_id}, {"$set": newer})

    await site.sign_in(eve)

    assert world.stored(eve)["access_token"] == "newer"


async def test_another_accounts_consent_takes_nothing_over_from_the_one_before(
    world: World, site: Site, eve: Person, hour: Any
) -> None:
    world.google.insert_event(eve.email, hour("Of the first account"))
    await world.api.post("/v1/me/calendar/sync", headers=eve.headers)
    other = world.person()
    world.google.insert_event(other.email, hour("Of the second account"))
    site.link(eve, account=other.email)

    await site.sign_in(eve)
    live = (await site.get("/calendar/events", eve)).json()
    await world.api.post("/v1/me/calendar/sync", headers=eve.headers)
    mirrored = (await site.get("/calendar/events", eve)).json()

    for told in (live, mirrored):
        assert [event["summary"] for event in told["events"]] == ["Of the second account"]
        assert told["calendars"][0]["id"] == other.email


async def test_a_token_that_was_only_renewed_starts_no_pull_over(world: World, site: Site, newcomer: Person) -> None:
    site.link(newcomer)
    await site.sign_in(newcomer)
    await world.api.post("/v1/me/calendar/sync", headers=newcomer.headers)
    before = world.database["calendars"].find_one({"user_id": newcomer.user_id})
    login = world.propelauth.social_logins(newcomer.user_id)[0]
    login.token |= {"access_token": "renewed", "token_expiration": login.token["token_expiration"] + 600}

    await site.sign_in(newcomer)

    assert world.stored(newcomer)["access_token"] == "renewed"
    assert world.database["calendars"].find_one({"user_id": newcomer.user_id}) == before


async def test_a_consent_of_the_persons_own_stays(world: World, site: Site, newcomer: Person) -> None:
    begun = await world.api.post("/v1/me/calendar/connect", headers=newcomer.headers)
    location = await world.google.approve(begun.json()["authorization_url"], newcomer.email)
    brought = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    body = {"state": brought["state"], "code": brought["code"]}
    await world.api.post("/v1/me/calendar/confirm", headers=newcomer.headers, json=body)
    before = world.stored(newcomer)
    site.link(newcomer)

    assert (await site.sign_in(newcomer)).status_code == 200

    assert world.stored(newcomer) == before


async def test_many_loads_at_once_leave_one_person(world: World, site: Site, newcomer: Person) -> None:
    site.link(newcomer)

    answers = await asyncio.gather(*(site.sign_in(newcomer) for _ in range(8)))

    assert {answer.status_code for answer in answers} == {200}
    assert world.database["users"].count_documents({"user_id": newcomer.user_id}) == 1
    assert world.database["calendar_connections"].count_documents({"user_id": newcomer.user_id}) == 1


NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
BROUGHT = TokenGrant("brought", 3000, CALENDAR_SCOPES, "refresh")
STORED = UserToken(
    access_token="stored", refresh_token="refresh", token_expiration=SECONDS + 3000, scope=list(CALENDAR_SCOPES)
)
ANY = Connection(user_id="u", source="propelauth", connected_at=NOW - timedelta(days=1))
OWN = ANY.model_copy(update={"source": "google", "google_subject": "1"})
BASIC_GRANT = replace(BROUGHT, scopes=("openid",))
LOST = ANY.model_copy(update={"lost_fingerprint": grant_fingerprint(STORED)})
LOST_OWN = OWN.model_copy(update={"lost_fingerprint": grant_fingerprint(STORED)})
NARROW = STORED.model_copy(update={"scope": ["openid"]})


@pytest.mark.parametrize(
    ("connection", "token", "grant", "stays"),
    [
        pytest.param(ANY, STORED, BROUGHT, True, id="the same grant with the same life"),
        pytest.param(ANY, STORED, replace(BROUGHT, expires_in=3001), False, id="the same grant renewed"),
        pytest.param(ANY, STORED, replace(BROUGHT, expires_in=2999), True, id="the same grant before it was renewed"),
        pytest.param(ANY, STORED, replace(BROUGHT, refresh_token="another", expires_in=9), False, id="a new consent"),
        pytest.param(ANY, STORED, replace(BROUGHT, refresh_token=None), True, id="no refresh token, no longer life"),
        pytest.param(ANY, STORED, replace(BROUGHT, scopes=SCOPES), False, id="other scopes"),
        pytest.param(ANY, STORED, replace(BASIC_GRANT, expires_in=9000), True, id="no calendar, where there is one"),
        pytest.param(ANY, UserToken(), BASIC_GRANT, False, id="no calendar, where there is nothing"),
        pytest.param(ANY, NARROW, BASIC_GRANT, True, id="no calendar, known"),
        pytest.param(ANY, NARROW, BROUGHT, False, id="the calendar, where there was none"),
        pytest.param(OWN, STORED, replace(BROUGHT, refresh_token="another", expires_in=9000), True, id="own consent"),
        pytest.param(OWN, NARROW, BROUGHT, False, id="own consent whose tokens somebody replaced"),
        pytest.param(LOST, STORED, replace(BROUGHT, expires_in=9000), True, id="lost, and the same again"),
        pytest.param(LOST, STORED, replace(BROUGHT, refresh_token="another", expires_in=9), False, id="lost, and new"),
        pytest.param(LOST_OWN, STORED, replace(BROUGHT, refresh_token="another"), False, id="own lost, and new"),
        pytest.param(LOST, STORED, BASIC_GRANT, True, id="lost, and no calendar"),
    ],
)
def test_what_is_stored_stays_when_it_serves_better(
    connection: Connection, token: UserToken, grant: TokenGrant, stays: bool
) -> None:
    assert connection.outlasts(token, grant, NOW) is stays


@pytest.mark.parametrize(
    ("connection", "token", "grant", "renews"),
    [
        pytest.param(ANY, STORED, replace(BROUGHT, expires_in=9000), True, id="the same consent"),
        pytest.param(ANY, STORED, replace(BROUGHT, refresh_token=None), True, id="no refresh token told"),
        pytest.param(ANY, STORED, replace(BROUGHT, refresh_token="another"), False, id="another consent"),
        pytest.param(ANY, NARROW, BROUGHT, False, id="the calendar for the first time"),
        pytest.param(LOST, STORED, BROUGHT, False, id="access was lost"),
        pytest.param(ANY.model_copy(update={"source": "stored"}), STORED, BROUGHT, False, id="of unknown origin"),
    ],
)
def test_what_only_renews_a_consent(connection: Connection, token: UserToken, grant: TokenGrant, renews: bool) -> None:
    assert connection.renews(token, grant) is renews
