"""What surrounds every route: limits, problems, request ids, headers, CORS, health, metrics, the description."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import httpx
import pytest
import structlog

from switchboard import errors
from switchboard.http.errors import STATUSES, problem_of, status_of
from switchboard.users import service
from tests.http.served import Served
from tests.world import FRONT_END, Person, World

LIMIT = 1_048_576


async def raw(world: World, request: bytes, *, close: bool = False) -> bytes:
    """What comes back for these bytes; with `close` we hang up after sending them."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(world.url.rpartition(":")[2]))
    writer.write(request)
    if close:
        writer.write_eof()
    try:
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


def head(ada: Person, *lines: str) -> bytes:
    fixed = ("PUT /v1/me/welcome-form HTTP/1.1", "Host: x", f"Authorization: Bearer {ada.token}", "Connection: close")
    return "\r\n".join([*fixed, "Content-Type: application/json", *lines, "", ""]).encode()


async def test_a_declared_body_beyond_the_limit_is_refused_before_it_is_sent(world: World, ada: Person) -> None:
    for declared in (LIMIT + 1, 10**15):
        assert b" 413 " in (await raw(world, head(ada, f"Content-Length: {declared}")))[:20]


async def test_an_undeclared_body_beyond_the_limit_is_refused(world: World, ada: Person) -> None:
    async def chunks() -> Any:
        for _ in range(LIMIT // 1000 + 2):
            yield b" " * 1000

    headers = {**ada.headers, "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=world.url, trust_env=False) as client:
        try:
            answer = await client.put("/v1/me/welcome-form", content=chunks(), headers=headers)
        except httpx.WriteError:  # refused and closed while we were still sending
            return
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_body_of_just_the_limit_passes(api: httpx.AsyncClient, ada: Person) -> None:
    body = b"1" + b" " * (LIMIT - 1)
    headers = {**ada.headers, "Content-Type": "application/json"}
    assert (await api.put("/v1/me/welcome-form", content=body, headers=headers)).status_code == 200
    assert (await api.put("/v1/me/welcome-form", content=body + b" ", headers=headers)).status_code == 413


async def test_half_a_body_is_not_taken_for_a_whole_one(world: World, ada: Person) -> None:
    """`12` of a declared `123456`, then the line goes dead: 12 is sound JSON, but it is not what was said."""
    await raw(world, head(ada, "Content-Length: 6") + b"12", close=True)
    await raw(world, head(ada, "Transfer-Encoding: chunked") + b"2\r\n12\r\n", close=True)
    await asyncio.sleep(0.1)
    assert world.stored(ada) is None


async def test_lengths_that_contradict_are_refused(world: World, ada: Person) -> None:
    for lines in (("Content-Length: -1",), ("Content-Length: x",), ("Content-Length: 2", "Content-Length: 3")):
        assert b" 400 " in (await raw(world, head(ada, *lines) + b"12"))[:20]


@pytest.mark.parametrize(
    "media", ["text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded", "x"]
)
async def test_another_content_type_is_refused(api: httpx.AsyncClient, world: World, ada: Person, media: str) -> None:
    for method, path in (("PATCH", "/v1/me"), ("PUT", "/v1/me/welcome-form")):
        sent = {**ada.headers, "Content-Type": media}
        answer = await api.request(method, path, content=b'{"first_name": "x"}', headers=sent)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert world.stored(ada) is None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        *(("TRACE", "/v1/me", 405), ("HEAD", "/v1/me", 405), ("OPTIONS", "/v1/me", 405), ("DELETE", "/v1/me", 405)),
        *(("PROPFIND", "/v1/me", 405), ("POST", "/health/live", 405), ("GET", "/v2/me", 404), ("GET", "/v1/me/", 404)),
        *(("GET", "/v1//me", 404), ("GET", "/V1/me", 404), ("GET", "/", 404), ("GET", "/v1/me%00", 404)),
        *(("GET", "/v1/../../etc/passwd", 404), ("GET", "/%ff%fe", 404), ("PROPFIND", "/nowhere", 404)),
    ],
)
async def test_what_is_not_there_is_a_problem(
    api: httpx.AsyncClient, ada: Person, method: str, path: str, status: int
) -> None:
    answer = await api.request(method, path, headers=ada.headers)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert ("allow" in answer.headers) == (status == 405)
    if method != "HEAD":
        assert answer.json()["code"] == {404: "not_found", 405: "method_not_allowed"}[status]


async def test_nothing_sent_is_repeated(own: Served) -> None:
    """A canary in every place a caller can write to; looked for in answers, and in the logs of a real process."""
    canary = f"canary_{uuid4().hex}"
    async with own.client() as api:
        await check_places(api, canary)
        metrics = (await api.get("/metrics")).text
    assert canary not in metrics + own.log.read_text()


async def check_places(api: httpx.AsyncClient, canary: str) -> None:
    spots: list[dict[str, Any]] = [
        *({"json": {canary: canary}}, {"json": {"first_name": {canary: canary}}}, {"json": [canary]}, {"json": canary}),
        *({"json": {"timezone": canary}}, {"json": {"timezone": [canary]}}, {"json": {"first_name": canary * 50}}),
        *({"json": {"state": canary, "code": [canary], canary: 1}}, {"json": {"state": canary, "code": canary}}),
        *({"content": f'{{"{canary}": '}, {"content": canary}, {"params": {canary: canary}, "json": {canary: 1}}),
        *(
            {"params": {"from": canary, "to": canary, "limit": canary, "cursor": canary}},
            {"params": {"cursor": canary}},
        ),
        *({"headers": {canary: canary}, "content": b"{"}, {"headers": {"Authorization": f"Bearer {canary}"}}),
        *({"headers": {"X-Request-ID": f"{canary}!"}}, {"headers": {"Cookie": f"a={canary}"}, "content": b"["}),
        *({"headers": {"Origin": f"https://{canary}"}}, {"headers": {"Content-Type": canary}, "content": canary}),
    ]
    for method, path in (("PATCH", "/v1/me"), ("POST", "/v1/me/calendar/confirm"), ("GET", "/v1/me/events")):
        for spot in spots:
            sent = {"Content-Type": "application/json", **spot.get("headers", {})}
            answer = await api.request(method, path, **{**spot, "headers": sent})
            if answer.status_code >= 400:
                assert canary not in answer.text, (method, path, spot)
                assert canary not in str(answer.headers), (method, path, spot)
    answer = await api.get(f"/v1/{canary}")
    assert canary not in answer.text


KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_of_error_is_a_problem_with_its_code(kind: type[errors.SwitchboardError]) -> None:
    answer = problem_of(kind())
    problem = json.loads(bytes(answer.body))

    assert answer.status_code == status_of(kind) == problem["status"]
    assert (problem["code"], problem["type"]) == (kind.code, "about:blank")
    assert ("retry-after" in answer.headers) == issubclass(kind, (errors.RateLimited, errors.Unavailable))
    assert ("www-authenticate" in answer.headers) == issubclass(kind, errors.Unauthenticated)


def test_the_statuses_are_these_and_a_failure_of_ours_keeps_its_words() -> None:
    assert set(STATUSES.values()) == {400, 401, 403, 404, 409, 410, 412, 413, 422, 428, 429, 500, 503}
    told = bytes(problem_of(errors.Misconfigured("the key is s3cret")).body)
    assert b"s3cret" not in told


@pytest.fixture
def crashing() -> Iterator[None]:
    with patch.object(service, "current", side_effect=ZeroDivisionError("CANARY in a message")):
        yield


@pytest.mark.usefixtures("crashing")
async def test_a_crash_is_a_problem_without_detail_inside_all_headers(
    api: httpx.AsyncClient, ada: Person, capfd: Any
) -> None:
    sent = {**ada.headers, "Origin": FRONT_END, "X-Request-ID": "crash-request-1"}

    with structlog.testing.capture_logs() as logs:
        answer = await api.get("/v1/me", headers=sent)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (500, "error")
    assert problem["request_id"] == answer.headers["x-request-id"] == "crash-request-1"
    assert answer.headers["access-control-allow-origin"] == FRONT_END
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not any(word in answer.text for word in ("CANARY", "ZeroDivision", "service.py"))
    assert [line["event"] for line in logs] == ["request.crashed", "request.answered"]
    assert (logs[1]["route"], logs[1]["status"]) == ("/v1/me", 500)


@pytest.mark.parametrize("path", ["/v1/me", "/v1/nowhere", "/health/live", "/metrics"])
async def test_every_answer_has_its_id_and_security_headers(api: httpx.AsyncClient, path: str) -> None:
    given = {"X-Request-ID": "0123456789abcdef"}
    answer, other = await api.get(path, headers=given), await api.get(path, headers={"X-Request-ID": "a b\tc"})

    assert answer.headers["x-request-id"] == given["X-Request-ID"]
    assert len(other.headers["x-request-id"]) == 32
    assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")


async def test_the_front_end_may_call_from_a_browser_and_nobody_else(api: httpx.AsyncClient) -> None:
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}
    ours = await api.options("/v1/me", headers={"Origin": FRONT_END, **asked})
    refused = await api.get("/v1/me", headers={"Origin": FRONT_END})
    for origin in ("http://evil.example", "null", FRONT_END + ".evil.example", "http://127.0.0.1:90"):
        theirs = await api.options("/v1/me", headers={"Origin": origin, **asked})
        assert "access-control-allow-origin" not in theirs.headers
        assert "access-control-allow-origin" not in (await api.get("/v1/me", headers={"Origin": origin})).headers

    assert (ours.status_code, ours.headers["access-control-allow-origin"]) == (200, FRONT_END)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, FRONT_END)


async def test_metrics_name_routes_by_their_templates(api: httpx.AsyncClient, ada: Person) -> None:
    unknown = str(uuid4())
    for path in ("/v1/me", f"/v1/{unknown}", "/v1/me?x=1"):
        await api.get(path, headers=ada.headers)
    await api.request("PROPFIND", "/v1/me")
    text = (await api.get("/metrics")).text
    routes = {line.split('route="')[1].split('"')[0] for line in text.splitlines() if 'route="' in line}

    assert "/v1/me" in routes
    assert "none" in routes
    assert not any(unknown in route for route in routes)
    assert not any(character in route for route in routes for character in "?%")
    assert 'method="OTHER"' in text
    assert "PROPFIND" not in text


async def test_the_description_names_every_problem_and_hides_the_frameworks(api: httpx.AsyncClient) -> None:
    described = (await api.get("/openapi.json")).json()
    assert "ValidationError" not in json.dumps(described)
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            if path.startswith("/v1/me"):
                assert operation["responses"].keys() >= {"401", "413", "422", "503"}, (method, path)
                assert operation["security"], (method, path)
            for status, response in operation["responses"].items():
                if status >= "400" and path != "/health/ready":
                    assert list(response["content"]) == ["application/problem+json"], (method, path, status)
