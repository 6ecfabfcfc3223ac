"""The hostile corpus against every body and every text there is: refused in words, quickly, and nothing is kept."""

import json
import time
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.http import hostile
from tests.world import Person, World

JSON = {"Content-Type": "application/json"}
BODIES = (("PATCH", "/v1/me"), ("PUT", "/v1/me/welcome-form"), ("POST", "/v1/me/calendar/confirm"))
RANGE = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}


def check_problem(answer: httpx.Response, sent: object) -> None:
    assert 400 <= answer.status_code < 500, (answer.status_code, str(sent)[:200], answer.text[:300])
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem.keys() == {"type", "title", "status", "detail", "code", "request_id", "errors"}
    assert (problem["status"], problem["request_id"]) == (answer.status_code, answer.headers["x-request-id"])


async def test_there_are_enough_of_them() -> None:
    assert len(hostile.REFUSED) + len(hostile.OPERATORS) + len(hostile.ZONES) + len(hostile.DATES) >= 160


@pytest.mark.parametrize(("method", "path"), BODIES)
@pytest.mark.parametrize(
    "media", ["application/json", "APPLICATION/JSON; charset=UTF-8", "application/merge-patch+json"]
)
async def test_no_hostile_body_is_taken(
    api: httpx.AsyncClient, world: World, ada: Person, method: str, path: str, media: str
) -> None:
    await api.get("/v1/me", headers=ada.headers)
    before = world.stored(ada)
    for body in hostile.REFUSED:
        started = time.monotonic()
        answer = await api.request(method, path, content=body, headers={**ada.headers, "Content-Type": media})
        check_problem(answer, body)
        assert time.monotonic() - started < 2.0
    assert world.stored(ada) == before


@pytest.mark.parametrize(("method", "path"), BODIES)
async def test_no_hostile_value_is_taken_inside_a_body(
    api: httpx.AsyncClient, world: World, ada: Person, method: str, path: str
) -> None:
    await api.get("/v1/me", headers=ada.headers)
    before = world.stored(ada)
    values = [value for value in hostile.REFUSED if value.strip() and len(value) < 50_000]
    for value in values[::2]:
        for wrapped in (b'{"first_name":%b}' % value, b'{"state":"s","code":%b}' % value, b"[1,%b]" % value):
            if b"x" * 1000 not in value:
                check_problem(
                    await api.request(method, path, content=wrapped, headers={**ada.headers, **JSON}), wrapped
                )
    assert world.stored(ada) == before


@pytest.mark.parametrize("value", hostile.OPERATORS, ids=str)
async def test_an_operator_is_no_text(api: httpx.AsyncClient, world: World, ada: Person, value: Any) -> None:
    await api.get("/v1/me", headers=ada.headers)
    before = world.stored(ada)
    for field in ("first_name", "last_name", "timezone"):
        check_problem(await api.patch("/v1/me", json={field: value}, headers=ada.headers), value)
    for body in ({"state": value, "code": "c"}, {"state": "s", "code": value}, value):
        check_problem(await api.post("/v1/me/calendar/confirm", json=body, headers=ada.headers), body)
    assert world.stored(ada) == before


@pytest.mark.parametrize("zone", hostile.ZONES, ids=range(len(hostile.ZONES)))
async def test_only_a_zone_is_a_zone(api: httpx.AsyncClient, ada: Person, zone: str) -> None:
    check_problem(await api.patch("/v1/me", json={"timezone": zone}, headers=ada.headers), zone)


@pytest.mark.parametrize("date", hostile.DATES, ids=range(len(hostile.DATES)))
@pytest.mark.parametrize("name", ["from", "to"])
async def test_only_a_date_is_a_date(api: httpx.AsyncClient, ada: Person, name: str, date: str) -> None:
    check_problem(await api.get("/v1/me/events", params={**RANGE, name: date}, headers=ada.headers), date)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "from[$gt]=",
            "limit=0",
            "limit=1001",
            "limit=NaN",
            "limit=1e9",
            "limit=" + "9" * 400,
            "limit[$ne]=1",
            "limit=",
        ),
        *("cursor=x", "cursor=%00", "cursor=" + "A" * 2000, "cursor=" + "A" * 2001, "cursor=%ff", "cursor=W10", "x=1"),
        *(
            "cursor=" + quote("W3siJGd0IjoiIn1d"),
            "cursor=bnVsbA",
            "from=%ff",
            "to=%00",
            "user_id=x",
            "cursor=MTIz&cursor=1",
        ),
    ],
)
async def test_no_parameter_reaches_a_query_unread(api: httpx.AsyncClient, ada: Person, query: str) -> None:
    path = f"/v1/me/events?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&{query}"
    check_problem(await api.get(path, headers=ada.headers), query)


@pytest.mark.parametrize("name", ["state", "code", "error"])
async def test_the_callback_hands_texts_on_and_nothing_else(api: httpx.AsyncClient, name: str) -> None:
    for value in [
        *hostile.ZONES,
        *hostile.DATES,
        "\r\nSet-Cookie: a=b",
        "//evil.example",
        "javascript:alert(1)",
        "&a=b#",
    ]:
        answer = await api.get("/v1/calendar/callback", params={"state": "s", "code": "c", name: value})
        if answer.status_code == 303:
            assert answer.headers["location"].startswith("http://127.0.0.1:9/")
            assert "set-cookie" not in answer.headers
        else:
            check_problem(answer, value)
    repeated = await api.get("/v1/calendar/callback?state=a&state=b&code=c&code=d&error[$gt]=")
    assert repeated.status_code == 303


async def test_a_form_takes_operators_as_data(api: httpx.AsyncClient, ada: Person) -> None:
    for value in hostile.OPERATORS:
        if value is not None:
            answer = await api.put("/v1/me/welcome-form", content=json.dumps(value), headers={**ada.headers, **JSON})
            assert answer.json()["data"] == value
