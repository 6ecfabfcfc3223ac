"""The demo front end, clicked through as a person would."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from devstack import social_refresh
from devstack.front_end import FrontEnd
from switchboard.connections.model import SCOPES
from tests.world import Person, World


@pytest.fixture(scope="module")
async def front_end(whole_world: World) -> AsyncIterator[FrontEnd]:
    front_end = FrontEnd(whole_world.propelauth, whole_world.google, whole_world.url)
    await front_end.start()
    yield front_end
    await front_end.stop()


@pytest.fixture
async def browser(front_end: FrontEnd) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=front_end.url, trust_env=False, timeout=30) as browser:
        yield browser


async def signed_in(browser: httpx.AsyncClient, person: Person, target: str = "") -> httpx.Response:
    return await browser.post("/sign-in", data={"user_id": person.user_id, "next": target})


def asked_to_choose(answer: httpx.Response) -> bool:
    return answer.status_code == 303 and answer.headers["location"].startswith("/?next=")


async def back_from_google(browser: httpx.AsyncClient, world: World, ada: Person) -> str:
    """Press Connect, allow it at Google, follow the API's redirect: the path the browser is sent to here."""
    begun = await browser.post("/connect")
    location = await world.google.approve(begun.headers["location"], ada.email)
    callback = await world.api.get(f"/v1/calendar/callback?{urlsplit(location).query}")
    return f"/calendar?{urlsplit(callback.headers['location']).query}"


async def test_a_person_connects_google_and_sees_the_events_as_text(
    browser: httpx.AsyncClient, world: World, ada: Person
) -> None:
    soon = datetime.now(UTC) + timedelta(days=2)
    times = {"start": {"dateTime": soon.isoformat()}, "end": {"dateTime": (soon + timedelta(hours=1)).isoformat()}}
    world.google.insert_event(ada.email, {"summary": "<script>alert(1)</script> lunch", **times})
    world.google.insert_event(ada.email, {**times})
    assert (await signed_in(browser, ada)).headers["location"] == "/me"
    assert "Connect Google Calendar" in (await browser.get("/me")).text
    back = await back_from_google(browser, world, ada)
    done = await browser.get(back)
    assert done.headers["location"] == "/events"
    shown = (await browser.get("/events")).text
    assert "2 events" in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; lunch" in shown
    assert "<script" not in shown
    assert "(no title)" in shown
    assert "Disconnect" in (await browser.get("/me")).text
    assert (await browser.post("/disconnect")).headers["location"] == "/me"
    assert "Connect Google Calendar" in (await browser.get("/me")).text


@pytest.mark.parametrize(("reply", "members"), [("accept", 2), ("decline", 1)])
async def test_an_invite_is_answered_by_a_button(
    world: World, browser: httpx.AsyncClient, ada: Person, reply: str, members: int
) -> None:
    olivia = world.person(google=False)
    name = f"Org <{ada.user_id[:8]}>"
    org = (await world.api.post("/v1/orgs", headers=olivia.headers, json={"name": name})).json()
    at = f"/v1/orgs/{org['org_id']}/invites"
    invite = (await world.api.post(at, headers=olivia.headers, json={"email": ada.email})).json()
    await signed_in(browser, ada)

    page = (await browser.get("/me")).text
    answer = await browser.post(f"/invites/{invite['invite_id']}/{reply}", follow_redirects=True)

    assert f"Invite to Org &lt;{ada.user_id[:8]}&gt;" in page
    assert f"/invites/{invite['invite_id']}/{reply}" in page
    assert "Invite to" not in answer.text
    assert (f"seats taken: {members}" in answer.text) == (reply == "accept")
    assert len(world.propelauth.members(org["org_id"])) == members


async def test_who_comes_back_without_a_session_chooses_a_person_and_goes_on(
    browser: httpx.AsyncClient, world: World, ada: Person
) -> None:
    await signed_in(browser, ada)
    back = await back_from_google(browser, world, ada)
    await browser.post("/sign-out")
    asked = await browser.get(back)
    assert asked_to_choose(asked)
    page = (await browser.get(asked.headers["location"])).text
    found = re.search(r'name="next" value="([^"]+)"', page)
    assert found
    assert unescape(found.group(1)) == back
    assert (await signed_in(browser, ada, back)).headers["location"] == back
    assert (await browser.get(back)).headers["location"] == "/events"


async def test_a_consent_begun_by_somebody_else_is_shown_as_the_refusal_it_is(
    browser: httpx.AsyncClient, world: World, ada: Person
) -> None:
    await signed_in(browser, ada)
    back = await back_from_google(browser, world, ada)
    await signed_in(browser, world.person())
    refused = await browser.get(back)
    assert refused.status_code == 410
    assert "consent_expired" in refused.text


@pytest.mark.parametrize("outcome", ["denied", "failed", ""])
async def test_a_consent_that_was_not_given_is_told(browser: httpx.AsyncClient, ada: Person, outcome: str) -> None:
    await signed_in(browser, ada)
    told = await browser.get("/calendar", params={"calendar": outcome})
    assert told.status_code == 400
    assert "not connected" in told.text


async def test_a_person_who_signed_in_with_google_connects_by_that(
    browser: httpx.AsyncClient, world: World, ada: Person
) -> None:
    grant = world.google.grant(ada.email, world.settings.google.client_id, SCOPES)
    world.propelauth.link_social(ada.user_id, "google", social_refresh.social_token(grant))
    await signed_in(browser, ada)
    assert "Use my Google sign-in" in (await browser.get("/me")).text
    assert (await browser.post("/adopt")).headers["location"] == "/events"
    assert "0 events" in (await browser.get("/events")).text


async def test_everybody_is_listed_and_who_may_not_sign_in_cannot(
    browser: httpx.AsyncClient, world: World, ada: Person
) -> None:
    world.propelauth.disable_user(ada.user_id)
    listed = (await browser.get("/")).text
    assert ada.email in listed
    assert "disabled" in listed
    assert (await signed_in(browser, ada)).status_code == 403
    assert asked_to_choose(await browser.get("/me"))
    assert asked_to_choose(await browser.post("/connect"))


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x"])
async def test_signing_in_never_leads_to_another_site(browser: httpx.AsyncClient, ada: Person, target: str) -> None:
    assert (await signed_in(browser, ada, target)).headers["location"] == "/me"
    assert parse_qs(urlsplit((await browser.get("/")).headers.get("location", "")).query) == {}


async def test_an_api_that_does_not_answer_is_a_page_and_not_a_crash(world: World, ada: Person) -> None:
    front_end = FrontEnd(world.propelauth, world.google, "http://127.0.0.1:9")
    await front_end.start()
    try:
        async with httpx.AsyncClient(base_url=front_end.url, trust_env=False) as browser:
            await signed_in(browser, ada)
            told = await browser.get("/me")
    finally:
        await front_end.stop()
    assert told.status_code == 502
    assert "does not answer" in told.text
