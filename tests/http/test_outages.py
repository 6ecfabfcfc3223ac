"""MongoDB stalls, fails on order, or holds poison: requests end in time with a problem that says what to do."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from bson import DatetimeMS
from pymongo import MongoClient

from tests.fail_points import failing
from tests.http.served import Served
from tests.world import eventually

TIMEOUT = 1.0
REQUESTS: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/v1/me", None),
    ("PATCH", "/v1/me", {"first_name": "Ada"}),
    ("PUT", "/v1/me/welcome-form", {"a": 1}),
    ("GET", "/v1/me/bootstrap", None),
    ("GET", "/v1/me/calendar", None),
    ("GET", "/v1/me/events?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z", None),
)


@contextmanager
def broken(own: Served, **fault: Any) -> Iterator[None]:
    """Commands of the API fail as ordered."""
    assert own.mongod is not None
    commands, ours = ("find", "findAndModify", "update", "aggregate"), {"appName": "switchboard", **fault}
    with MongoClient[dict[str, Any]](own.mongod.uri) as mongo, failing(mongo, *commands, **ours):
        yield


async def test_during_a_pause_every_request_ends_in_time_and_after_it_all_is_well(own: Served) -> None:
    assert own.mongod is not None
    async with own.client() as client:
        assert (await client.get("/v1/me")).status_code == 200

        async def timed(method: str, path: str, body: Any) -> tuple[httpx.Response, float]:
            started = time.monotonic()
            answer = await client.request(method, path, json=body)
            return answer, time.monotonic() - started

        own.mongod.pause()
        try:
            results = await asyncio.gather(*(timed(*request) for request in REQUESTS * 10))
            ready, seconds = await timed("GET", "/health/ready", None)
            live = await client.get("/health/live")
        finally:
            own.mongod.resume()
        for answer, took in results:
            assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
            assert int(answer.headers["retry-after"]) >= 1
            assert took < TIMEOUT + 0.5
        assert (ready.status_code, ready.json()["mongodb"], live.status_code) == (503, "unavailable", 200)
        assert seconds < 2.5
        assert max(took for _, took in results) > 0.8

        deadline = time.monotonic() + 1.0
        for method, path, body in REQUESTS:
            answer, _ = await timed(method, path, body)
            assert answer.status_code in (200, 404), (path, answer.text)
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"errorCode": 14031}, 503, "unavailable"),
        ({"errorCode": 10107}, 503, "unavailable"),
        ({"errorCode": 11602}, 503, "unavailable"),
        ({"errorCode": 112}, 503, "unavailable"),
        ({"errorCode": 50}, 503, "unavailable"),
        ({"errorCode": 91}, 503, "unavailable"),
        ({"closeConnection": True}, 503, "unavailable"),
        ({"blockConnection": True, "blockTimeMS": 1500}, 503, "unavailable"),
        ({"errorCode": 13}, 500, "misconfigured"),
        ({"errorCode": 18}, 500, "misconfigured"),
        ({"errorCode": 2}, 500, "error"),
    ],
    ids=str,
)
async def test_a_fault_is_told_by_its_kind(own: Served, fault: dict[str, Any], status: int, code: str) -> None:
    async with own.client() as client:
        await client.get("/v1/me")
        with broken(own, **fault):
            answers = await asyncio.gather(*(client.request(m, path, json=body) for m, path, body in REQUESTS[:4]))
        for answer in answers:
            problem = answer.json()
            assert (answer.status_code, problem["code"]) == (status, code)
            assert answer.headers["content-type"] == "application/problem+json"
            assert ("retry-after" in answer.headers) == (status == 503)
            assert not any(word in answer.text.lower() for word in ("mongo", "failpoint", "127.0.0.1", "command"))
        async with asyncio.timeout(10):  # the driver may have to find the primary again first
            while (await client.get("/v1/me")).status_code != 200:  # noqa: ASYNC110  (the state is the driver's)
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("fault", [{"errorCode": 10107}, {"closeConnection": True}], ids=str)
async def test_a_fault_that_passes_at_once_is_not_noticed(own: Served, fault: dict[str, Any]) -> None:
    async with own.client() as client:
        await client.get("/v1/me")
        with broken(own, times=1, **fault):
            assert (await client.get("/v1/me")).status_code == 200
        with broken(own, times=1, **fault):
            assert (await client.patch("/v1/me", json={"first_name": "Ada"})).status_code == 200


async def test_vendors_that_are_down_are_told_apart(own: Served) -> None:
    async with own.client() as client:
        answer = await client.get("/health/ready")

    states = answer.json()
    assert answer.status_code == 200
    assert (states["mongodb"], states["propelauth"], states["google"]) == ("ok", "ok", "unavailable")


async def test_a_poisoned_document_shuts_nobody_out(own: Served) -> None:
    assert own.mongod is not None
    assert own.propelauth is not None
    user = own.propelauth.add_user("poisoned@example.com")
    headers = {"Authorization": f"Bearer {own.propelauth.access_token(user.user_id)}"}
    with MongoClient[dict[str, Any]](own.mongod.uri) as mongo:
        odd = {"created_at": DatetimeMS(2**62), "token": 5, "revision_id": "x", "user_info": {"first_name": {"a": 1}}}
        mongo["switchboard"]["users"].insert_one({"_id": {"odd": 1}, "user_id": user.user_id, "timezone": [], **odd})
    async with own.client() as client:
        for path in ("/v1/me", "/v1/me/welcome-form", "/v1/me/bootstrap", "/v1/me/calendar"):
            assert (await client.get(path, headers=headers)).status_code == 200


async def test_the_log_of_all_this_is_lines_of_json_without_data(own: Served) -> None:
    assert own.propelauth is not None
    async with own.client() as client:
        await client.get("/v1/me", headers={"X-Request-ID": "known-request-1"})
    await eventually(lambda: "known-request-1" in own.log.read_text())
    text = own.log.read_text()
    assert all(line.startswith("{") for line in text.splitlines())
    assert {line["request_id"] for line in own.lines() if line["event"] == "request.answered"} >= {"known-request-1"}
    assert not any(secret in text for secret in (own.propelauth.api_key, "Traceback", "Bearer", "eyJ"))
