"""The client against the emulator. The traps are those of facts/google-calendar.md section 1."""

import asyncio
import copy
import json
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import pytest

from devstack.emulator import Fault
from switchboard.clients import google, google_calls, google_errors
from switchboard.clients.google import EventQuery, GoogleClient
from switchboard.clients.google_errors import CalendarNotFound, GoogleUnavailable
from switchboard.connections.model import SCOPES
from switchboard.errors import Misconfigured, SwitchboardError
from tests.world import Person, World

LISTING = r"/calendar/v3/calendars/.*/events$"
FIRST = EventQuery(time_min="2026-01-01T00:00:00+00:00", time_max="2028-01-01T00:00:00+00:00", page_size=2)


@asynccontextmanager
async def opened(world: World, **settings: Any) -> AsyncIterator[GoogleClient]:
    async with GoogleClient.opened(world.settings.google.model_copy(update=settings), backoff=0.01) as client:
        yield client


@pytest.fixture
async def client(world: World) -> AsyncIterator[GoogleClient]:
    async with opened(world) as found:
        yield found


def token_of(world: World, person: Person) -> str:
    token: str = world.google.grant(person.email, world.settings.google.client_id, list(SCOPES))["access_token"]
    return token


def hour(day: int, title: str = "Talk") -> dict[str, Any]:
    times = {"start": {"dateTime": f"2026-12-{day:02}T10:00:00Z"}, "end": {"dateTime": f"2026-12-{day:02}T11:00:00Z"}}
    return {"summary": title, **times}


async def every_page(client: GoogleClient, token: str, calendar_id: str) -> list[dict[str, Any]]:
    items, page_token = [], None
    while True:
        page = await client.event_page(token, calendar_id, FIRST, page_token)
        items += page.items
        page_token = page.next_page_token
        if page_token is None:
            return items


async def test_pages_share_one_connection(world, ada, monkeypatch) -> None:
    world.google.bulk_insert(ada.email, [hour(day) for day in range(1, 21)])
    made = []
    connect = google_calls.aiohttp.TCPConnector._create_connection

    async def counted(*arguments: Any, **more: Any) -> Any:
        made.append(1)
        return await connect(*arguments, **more)

    monkeypatch.setattr(google_calls.aiohttp.TCPConnector, "_create_connection", counted)
    async with opened(world) as client:
        assert len(await every_page(client, token_of(world, ada), ada.email)) == 20

    assert len(world.google.asked(LISTING)) >= 10
    assert len(made) == 1


async def test_one_session_serves_calendar_tokens_and_certificates(world, ada, monkeypatch) -> None:
    made = []
    begin = google_calls.aiohttp.ClientSession.__init__
    monkeypatch.setattr(
        google_calls.aiohttp.ClientSession, "__init__", lambda *a, **k: (made.append(1), begin(*a, **k))[1]
    )
    grant = world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))
    async with opened(world) as client:
        await client.primary_calendar(grant["access_token"])
        await client.oauth.refresh(grant["refresh_token"])
        await client.answers()

    assert len(made) == 1


async def test_no_token_of_one_person_goes_with_anothers_request(world, client) -> None:
    people = [world.person() for _ in range(8)]
    tokens = [token_of(world, person) for person in people]

    found = await asyncio.gather(*(client.primary_calendar(token) for token in tokens * 4))

    assert [calendar.google_calendar_id for calendar in found] == [person.email for person in people] * 4
    sent = [asked.headers["Authorization"] for asked in world.google.requests]
    assert sorted(sent) == sorted(f"Bearer {token}" for token in tokens * 4)


async def test_no_cookie_of_one_answer_goes_with_the_next_request(world, ada) -> None:
    address = world.google.url.replace("127.0.0.1", "localhost")
    token = token_of(world, ada)
    cookies = {"Set-Cookie": "who=ada; Path=/"}
    world.google.fail(Fault(status=200, headers=cookies, body=json.dumps({"id": ada.email})))
    async with opened(world, api_address=address) as client:
        await client.primary_calendar(token)
        await client.primary_calendar(token)

    assert ["Cookie" in asked.headers for asked in world.google.requests] == [False, False]


async def test_no_proxy_of_the_environment_is_used(world, ada, monkeypatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    grant = world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))
    async with opened(world) as client:
        assert (await client.primary_calendar(grant["access_token"])).google_calendar_id == ada.email
        assert await client.oauth.refresh(grant["refresh_token"])
        await client.answers()


@pytest.mark.parametrize("call", ["primary", "events", "refresh", "revoke", "exchange", "certificates"])
async def test_every_request_has_a_deadline(world, ada, call) -> None:
    grant = world.google.grant(ada.email, world.settings.google.client_id, list(SCOPES))
    world.google.fail(Fault(times=None, latency=5))
    async with opened(world, timeout=0.05) as client:
        token = grant["access_token"]
        calls = {
            "primary": lambda: client.primary_calendar(token),
            "events": lambda: client.event_page(token, ada.email, FIRST),
            "refresh": lambda: client.oauth.refresh(grant["refresh_token"]),
            "revoke": lambda: client.oauth.revoke(grant["refresh_token"]),
            "exchange": lambda: client.oauth.exchange("code", "verifier"),
            "certificates": lambda: client.oauth.account(grant["id_token"], ""),
        }
        async with asyncio.timeout(3):
            with pytest.raises(GoogleUnavailable):
                await calls[call]()


async def test_a_body_that_hangs_has_a_deadline_too(world, ada) -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
        await writer.drain()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with opened(world, api_address=address, timeout=0.05) as client:
            with pytest.raises(GoogleUnavailable):
                await client.primary_calendar("token")


async def test_nobody_listening_is_google_unavailable(world) -> None:
    async with opened(world, api_address="http://127.0.0.1:1") as client:
        with pytest.raises(GoogleUnavailable):
            await client.primary_calendar("token")


EXPIRED = json.dumps({"error": {"code": 410, "errors": [{"reason": "fullSyncRequired"}]}})
FAULTS: list[tuple[dict[str, Any], type[SwitchboardError]]] = [
    ({"drop": True}, GoogleUnavailable),
    ({"truncate": True}, GoogleUnavailable),
    ({"status": 502, "body": "<html>Bad Gateway</html>", "content_type": "text/html"}, GoogleUnavailable),
    ({"status": 200, "body": "<html>Sign in</html>", "content_type": "text/html"}, GoogleUnavailable),
    ({"status": 200, "body": "<html>", "content_type": "application/json"}, GoogleUnavailable),
    ({"status": 200, "body": ""}, GoogleUnavailable),
    ({"status": 200, "body": "[]"}, GoogleUnavailable),
    ({"status": 200, "body": "null"}, GoogleUnavailable),
    ({"status": 200, "body": "7"}, GoogleUnavailable),
    ({"status": 200, "body": '{"items": 5}'}, GoogleUnavailable),
    ({"status": 204}, GoogleUnavailable),
    ({"status": 500, "body": '[{"error": {}}]'}, GoogleUnavailable),
    ({"status": 410, "body": EXPIRED, "empty_reason": True}, google_errors.SyncTokenExpired),
    ({"status": 410, "body": f"[{EXPIRED}]"}, google_errors.SyncTokenExpired),
    ({"status": 404, "body": "<html>", "content_type": "text/html", "empty_reason": True}, SwitchboardError),
    ({"status": 400, "body": "[]", "empty_reason": True}, SwitchboardError),
    ({"status": 401, "body": "", "empty_reason": True}, google_errors.InvalidAccessToken),
]


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
async def test_every_broken_answer_has_a_kind(world, client, ada, fault, kind) -> None:
    world.google.fail(Fault(times=None, **fault))

    with pytest.raises(SwitchboardError) as raised:
        await client.event_page(token_of(world, ada), ada.email, FIRST)

    assert issubclass(raised.type, kind)
    assert raised.type is SwitchboardError or kind is not SwitchboardError


@pytest.mark.parametrize("fault", [{"drop": True}, {"truncate": True}, {"status": 503}, {"status": 200, "body": "<"}])
async def test_what_passes_is_tried_again_and_then_answers(world, client, ada, fault) -> None:
    world.google.fail(Fault(times=2, **fault))

    found = await client.primary_calendar(token_of(world, ada))

    assert found.google_calendar_id == ada.email
    assert len(world.google.requests) == 3


@pytest.mark.parametrize(
    ("body", "items"),
    [({}, 0), ({"items": None}, 0), ({"items": []}, 0), ({"items": [{"id": "a"}, None, 7, "x", []]}, 1)],
)
async def test_odd_pages_are_read(world, client, ada, body, items) -> None:
    odd = {"timeZone": 7, "nextPageToken": ["x"], "nextSyncToken": {}, **body}
    world.google.fail(Fault(status=200, body=json.dumps(odd)))

    page = await client.event_page(token_of(world, ada), ada.email, FIRST)

    assert (len(page.items), page.timezone, page.next_page_token, page.next_sync_token) == (items, "UTC", None, None)


async def test_a_page_that_names_itself_as_the_next_ends(world, client, ada) -> None:
    world.google.fail(Fault(times=None, status=200, body='{"nextPageToken": "again"}'))
    token = token_of(world, ada)
    page = await client.event_page(token, ada.email, FIRST)

    with pytest.raises(GoogleUnavailable):
        await client.event_page(token, ada.email, FIRST, page.next_page_token)


@pytest.mark.parametrize(
    "calendar_id",
    ["a/b", "en.usa#holiday@group.v.calendar.google.com", "x y+z", "../../o", "100%", "q?timeMin=1", "ü&b=c", "a%2Fb"],
)
async def test_calendar_ids_are_escaped(world, client, ada, calendar_id) -> None:
    world.google.add_calendar(ada.email, calendar_id, "Odd")
    world.google.insert_event(ada.email, hour(1), calendar_id)

    page = await client.event_page(token_of(world, ada), calendar_id, FIRST)

    assert len(page.items) == 1
    (asked,) = world.google.requests
    assert asked.path == f"/calendar/v3/calendars/{calendar_id}/events"
    assert set(asked.query) == {"singleEvents", "maxResults", "timeMin", "timeMax", "fields"}


async def test_errors_carry_no_address_and_no_token(world, ada, caplog, capfd) -> None:
    token = token_of(world, ada)
    faults: list[dict[str, Any]] = [
        {"drop": True},
        {"truncate": True},
        {"latency": 1.0},
        {"status": 403},
        {"status": 401},
    ]
    for fault in faults:
        world.google.emulator.faults.clear()
        world.google.fail(Fault(times=None, **fault))
        async with opened(world, timeout=0.1) as client:
            for call in (client.event_page(token, ada.email, FIRST), client.oauth.refresh("1//0g-secret")):
                with pytest.raises(SwitchboardError) as raised:
                    await call
                assert not _leaks(raised.value, world.google.url, token, "1//0g-secret", ada.email)
    said = caplog.text + "".join(capfd.readouterr())
    assert token not in said
    assert "127.0.0.1" not in said


def _leaks(error: BaseException, *secrets: str) -> list[str]:
    """Secrets in what is said about an error or any error it is linked to."""
    told, waiting, seen = [], [error], set()
    while waiting:
        linked = waiting.pop()
        if id(linked) in seen:
            continue
        seen.add(id(linked))
        shown = "".join(traceback.format_exception(linked))
        told += [str(linked), repr(linked), repr(linked.args), repr(vars(linked)), shown]
        waiting += [other for other in (linked.__cause__, linked.__context__) if other is not None]
    return [secret for secret in secrets for text in told if secret in text]


async def test_linked_errors_are_ours_alone(world, ada) -> None:
    world.google.fail(Fault(times=None, drop=True))
    async with opened(world) as client:
        with pytest.raises(GoogleUnavailable) as raised:
            await client.primary_calendar(token_of(world, ada))

    linked: BaseException | None = raised.value
    while linked is not None:
        assert isinstance(linked, SwitchboardError)
        linked = linked.__cause__ or linked.__context__


async def test_nothing_is_asked_to_start_and_the_document_is_never_changed(world) -> None:
    before = google_calls.discovery_document("https://example.com")
    async with opened(world), opened(world):
        pass

    assert world.google.requests == []
    assert google_calls.discovery_document("https://example.com") == before


async def test_two_clients_of_different_addresses_do_not_redirect_each_other(world, ada) -> None:
    async with opened(world, api_address="http://127.0.0.1:1"), opened(world) as client:
        assert await client.primary_calendar(token_of(world, ada))


async def test_a_project_that_may_not_use_the_api_is_ours_to_repair(world, client, ada) -> None:
    body = json.dumps({"error": {"errors": [{"reason": "accessNotConfigured"}]}})
    world.google.fail(Fault(status=403, body=body))

    with pytest.raises(Misconfigured):
        await client.primary_calendar(token_of(world, ada))


async def test_a_calendar_one_may_not_see_is_not_found(world, client, ada) -> None:
    with pytest.raises(CalendarNotFound):
        await client.event_page(token_of(world, ada), world.person().email, FIRST)


async def test_whether_google_answers(world) -> None:
    async with opened(world) as client:
        await client.answers()
    world.google.fail(Fault(status=500))
    async with opened(world, certificates_address=f"{world.google.url}/oauth2/v1/certs") as client:
        with pytest.raises(GoogleUnavailable):
            await client.answers()
    async with opened(world, certificates_address="http://127.0.0.1:1/") as client:
        with pytest.raises(GoogleUnavailable):
            await client.answers()


def _published() -> dict[str, Any]:
    text = files("googleapiclient").joinpath("discovery_cache/documents/calendar.v3.json").read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def _own() -> dict[str, Any]:
    return copy.deepcopy(google_calls.discovery_document("https://www.googleapis.com"))


METHODS = [
    (resource, method, part)
    for resource, found in _own()["resources"].items()
    for method in found["methods"]
    for part in ("id", "path", "httpMethod", "scopes", "parameterOrder")
]
PARAMETERS = [
    (resource, method, name)
    for resource, found in _own()["resources"].items()
    for method, told in found["methods"].items()
    for name in told["parameters"]
]
SAID = ("type", "format", "location", "required", "minimum", "maximum", "default", "repeated", "enum", "pattern")


@pytest.mark.parametrize(("resource", "method", "part"), METHODS)
def test_our_methods_are_the_published_ones(resource, method, part) -> None:
    own, published = (found["resources"][resource]["methods"][method] for found in (_own(), _published()))

    assert own.get(part, []) == published.get(part, [])


@pytest.mark.parametrize(("resource", "method", "name"), PARAMETERS)
def test_our_parameters_are_the_published_ones(resource, method, name) -> None:
    own, published = (
        found["resources"][resource]["methods"][method]["parameters"][name] for found in (_own(), _published())
    )

    assert {part: own.get(part) for part in SAID} == {part: published.get(part) for part in SAID}


@pytest.mark.parametrize("name", ["rootUrl", "servicePath", "name", "version"])
def test_our_document_leads_where_the_published_one_does(name) -> None:
    assert _own()[name] == _published()[name]


def test_our_global_parameters_are_the_published_ones() -> None:
    published = _published()["parameters"]

    for name, own in _own()["parameters"].items():
        assert {part: own.get(part) for part in ("type", "location")} == {
            part: published[name].get(part) for part in ("type", "location")
        }


def test_the_fields_asked_for_exist_in_the_published_schema() -> None:
    from devstack.google.mask import parsed

    def check(mask: dict[str, Any], schema: dict[str, Any]) -> None:
        for name, below in mask.items():
            found = schema["properties"][name]
            found = found.get("items", found)
            if below:
                check(below, schemas[found["$ref"]] if "$ref" in found else found)

    schemas = _published()["schemas"]
    check(parsed(google.EVENT_FIELDS), schemas["Events"])


def test_our_scopes_open_every_method_we_use() -> None:
    for resource in _own()["resources"].values():
        for method in resource["methods"].values():
            assert set(SCOPES) & set(method["scopes"])
