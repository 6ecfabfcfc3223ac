"""The rows of facts/legacy.md section 1.2, one test each."""

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.legacy_calendars.site import Site, failed
from tests.world import Person, World

LOCKED = "Timezone cannot be changed after calendar access is granted to prevent scheduling conflicts"
UNKNOWN = "User not found"
NEEDS_A_TOKEN = [
    *(("POST", "/auth/check-google-tokens"), ("POST", "/update-user-names"), ("POST", "/update-user-timezone")),
    *(("GET", "/auth/user"), ("GET", "/calendar/access"), ("GET", "/calendar/events"), ("POST", "/calendar/events")),
    *(("POST", "/auth/logout"), ("GET", "/welcome-form/status"), ("POST", "/welcome-form/submit")),
]
NEEDS_A_USER = [row for row in NEEDS_A_TOKEN if row[1] not in ("/auth/logout",) and "welcome" not in row[1]]
BODIES: dict[str, Any] = {
    "/update-user-names": {"first_name": "Grace", "last_name": "Hopper"},
    "/update-user-timezone": {"timezone": "Europe/Berlin"},
    "/calendar/events": {"summary": "Talk"},
}


async def test_health(api: httpx.AsyncClient, site: Site) -> None:
    for answer in (await api.get("/health"), await site.get("/health")):
        told = answer.json()
        assert datetime.fromisoformat(told.pop("timestamp")).tzinfo is not None
        assert told == {"status": "healthy", "service": "calendar-backend", "version": "1.0.0"}


def check_address(address: str, world: World, scopes: str) -> None:
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}" == world.settings.propelauth.auth_url
    assert parts.path == "/google/login"
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    offline = {"external_param_access_type": "offline", "external_param_prompt": "consent"}
    assert asked == {"scope": scopes, **offline}


async def test_auth_google(world: World, site: Site) -> None:
    first, second = [(await site.get("/auth/google")).json() for _ in range(2)]

    assert set(first) == {"auth_url", "state"}
    check_address(first["auth_url"], world, "openid email profile")
    assert first["state"] != second["state"]


CALENDAR = (
    "openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile "
    "https://www.googleapis.com/auth/calendar https://www.googleapis.com/auth/calendar.events"
)


async def test_auth_google_calendar(world: World, site: Site) -> None:
    told = (await site.get("/auth/google/calendar")).json()

    assert told["message"] == "Calendar access OAuth URL"
    assert set(told) == {"auth_url", "message"}
    check_address(told["auth_url"], world, CALENDAR)


async def test_auth_google_redirect_is_an_answer_and_no_redirect(world: World, site: Site) -> None:
    answer = await site.get("/auth/google/redirect")

    assert (answer.status_code, set(answer.json())) == (200, {"auth_url"})
    check_address(answer.json()["auth_url"], world, "openid email profile")


async def test_the_address_to_sign_in_is_there_at_propelauth(world: World, site: Site) -> None:
    address = (await site.get("/auth/google/redirect")).json()["auth_url"]
    async with httpx.AsyncClient(trust_env=False) as browser:
        assert (await browser.get(address)).status_code == 302


async def test_buy_service_needs_neither_token_nor_body(world: World, site: Site) -> None:
    answer = await site.call("POST", "/buy-service")

    assert answer.json()["message"] == "Redirecting to Google for calendar access"
    assert set(answer.json()) == {"redirect_url", "message"}
    check_address(answer.json()["redirect_url"], world, CALENDAR)


async def test_check_google_tokens(site: Site, eve: Person) -> None:
    kept = site.link(eve)

    told = (await site.post("/auth/check-google-tokens", eve)).json()

    assert told.pop("message")
    scopes = kept["authorized_scopes"]
    assert told == {"has_google_tokens": True, "has_calendar_access": True, "authorized_scopes": scopes}


async def test_check_google_tokens_without_any(world: World, site: Site, eve: Person) -> None:
    world.propelauth.unlink_social(eve.user_id, "google")

    answer = await site.post("/auth/check-google-tokens", eve)

    told = answer.json()
    assert answer.status_code == 200
    assert isinstance(told.pop("error"), str)
    assert isinstance(told.pop("message"), str)
    assert told == {"has_google_tokens": False, "has_calendar_access": True}


async def test_update_user_names(world: World, site: Site, eve: Person) -> None:
    answer = await site.post("/update-user-names", eve, {"first_name": " Grace ", "last_name": "Hopper\n"})

    names = {"first_name": "Grace", "last_name": "Hopper"}
    assert answer.json() == {"message": "User names updated successfully", **names}
    assert {name: world.stored(eve)[name] for name in names} == names


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"last_name": "Hopper"}, "First name is required"),
        ({"first_name": "  ", "last_name": "Hopper"}, "First name is required"),
        ({"first_name": None, "last_name": "Hopper"}, "First name is required"),
        ({"first_name": "Grace"}, "Last name is required"),
        ({}, "First name is required"),
    ],
)
async def test_update_user_names_wants_both(site: Site, eve: Person, body: Any, sentence: str) -> None:
    failed(await site.post("/update-user-names", eve, body), 400, sentence)


@pytest.mark.parametrize("body", [[], "x", 7, {"first_name": 7, "last_name": "x"}, {"first_name": {"$gt": ""}}])
async def test_update_user_names_wants_texts(site: Site, eve: Person, body: Any) -> None:
    failed(await site.post("/update-user-names", eve, body), 422)


async def test_update_user_timezone(world: World, site: Site, bob: Person) -> None:
    answer = await site.post("/update-user-timezone", bob, {"timezone": " Europe/Berlin "})

    assert answer.json() == {"message": "User timezone updated successfully", "timezone": "Europe/Berlin"}
    assert world.stored(bob)["timezone"] == "Europe/Berlin"


async def test_the_zone_is_locked_by_the_scopes_before_anything_is_looked_at(site: Site, eve: Person) -> None:
    for body in ({"timezone": "Europe/Berlin"}, {"timezone": "Mars/Olympus"}, {}):
        failed(await site.post("/update-user-timezone", eve, body), 403, LOCKED)


async def test_a_flag_without_scopes_locks_nothing(world: World, site: Site, bob: Person) -> None:
    world.database["users"].update_one({"user_id": bob.user_id}, {"$set": {"has_calendar_access": True}})

    assert (await site.post("/update-user-timezone", bob, {"timezone": "Asia/Tokyo"})).status_code == 200


@pytest.mark.parametrize("body", [{}, {"timezone": ""}, {"timezone": " "}, {"timezone": None}])
async def test_update_user_timezone_wants_one(site: Site, bob: Person, body: Any) -> None:
    failed(await site.post("/update-user-timezone", bob, body), 400, "Timezone is required")


async def test_a_zone_must_be_a_real_one(world: World, site: Site, bob: Person) -> None:
    told = failed(await site.post("/update-user-timezone", bob, {"timezone": "Mars/Olympus"}), 422)

    assert told["code"] == "unknown_timezone"
    assert "Mars" not in str(told)


async def test_auth_user(site: Site, eve: Person, filled: bool) -> None:
    told = (await site.get("/auth/user", eve)).json()

    assert set(told) == {"user", "authenticated", "has_calendar_access", "timezone"}
    assert (told["authenticated"], told["has_calendar_access"], told["timezone"]) == (True, True, "Asia/Kolkata")
    shown = told["user"]
    assert (shown["id"], shown["user_id"], shown["email"]) == (eve.user_id, eve.user_id, eve.email)
    assert (shown["name"], shown["first_name"], shown["last_name"]) == ("Ada Lovelace", "Ada", "Lovelace")
    assert shown["has_custom_name"] is not filled


async def test_calendar_access(site: Site, eve: Person, bob: Person) -> None:
    assert (await site.get("/calendar/access", eve)).json() == {"has_calendar_access": True}
    assert (await site.get("/calendar/access", bob)).json() == {"has_calendar_access": False}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_calendar_events_without_access(site: Site, bob: Person, method: str) -> None:
    failed(await site.call(method, "/calendar/events", bob, {"summary": "x"}), 403, "Calendar access not granted")


async def test_logout_answers_with_json_that_is_not_empty(site: Site, eve: Person) -> None:
    assert (await site.post("/auth/logout", eve)).json() == {"message": "Logged out successfully"}


async def test_welcome_form_status_and_submit(world: World, site: Site, eve: Person) -> None:
    path, form = "/welcome-form/status", {"is_doctor": False, "aliases": ["a"], "a.b": {"$set": 1}}

    before = (await site.get(path, eve)).json()
    answer = (await site.post("/welcome-form/submit", eve, form)).json()

    assert before == {"has_completed_welcome_form": False}
    assert answer == {"message": "Welcome form submitted successfully", "welcome_form_data": form}
    assert (await site.get(path, eve)).json() == {"has_completed_welcome_form": True}
    assert world.stored(eve)["welcome_form_data"] == form


@pytest.mark.parametrize("form", [[], [1, "x"], "text", 0, False, {}])
async def test_any_json_is_a_welcome_form(site: Site, eve: Person, form: Any) -> None:
    told = (await site.call("POST", "/welcome-form/submit", eve, form)).json()

    assert told["welcome_form_data"] == form


async def test_the_welcome_form_needs_no_document(world: World, site: Site, newcomer: Person) -> None:
    assert (await site.get("/welcome-form/status", newcomer)).json() == {"has_completed_welcome_form": False}
    assert world.stored(newcomer) is None
    assert (await site.post("/welcome-form/submit", newcomer, {"a": 1})).status_code == 200
    assert world.stored(newcomer)["welcome_form_completed"] is True


async def test_timezone_options(site: Site) -> None:
    told = (await site.get("/timezone/options")).json()

    options = [(option["label"], option["value"], option["description"]) for option in told["timezones"]]
    assert options == [
        ("IST", "Asia/Kolkata", "India Standard Time"),
        ("EST", "America/New_York", "Eastern Standard Time"),
        ("PST", "America/Los_Angeles", "Pacific Standard Time"),
    ]


@pytest.mark.parametrize("path", ["/users/{}/tokens", "/auth/verify/{}"])
async def test_what_leaked_is_gone_for_everyone(site: Site, eve: Person, path: str) -> None:
    for asked in (path.format(eve.user_id), path.format("anything")):
        for person in (None, eve):
            told = failed(await site.get(asked, person), 410)
            assert eve.user_id not in str(told)


@pytest.mark.parametrize("path", ["/", "/oauth2callback", "/calendar/oauth2callback", "/services/calendar"])
async def test_what_later_versions_no_longer_had_is_not_here(site: Site, path: str) -> None:
    failed(await site.get(path), 404)


@pytest.mark.parametrize(("method", "path"), NEEDS_A_TOKEN)
async def test_a_route_about_a_person_needs_their_token(site: Site, eve: Person, method: str, path: str) -> None:
    answer = await site.call(method, f"{path}?token={eve.token}", None, BODIES.get(path, {}))

    failed(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), NEEDS_A_USER)
async def test_somebody_never_seen_is_not_found_and_not_inserted(
    world: World, site: Site, newcomer: Person, method: str, path: str
) -> None:
    failed(await site.call(method, path, newcomer, BODIES.get(path, {})), 401, UNKNOWN)

    assert world.stored(newcomer) is None
