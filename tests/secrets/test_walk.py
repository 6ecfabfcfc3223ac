"""No secret shows where it is not due: a walk over every route as every caller, and over all that it leaves behind."""

import base64
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import structlog

from switchboard.agents.schemas import AgentShown
from switchboard.configurations.model import Safe
from switchboard.http import bodies, errors, requests
from tests.secrets import asks
from tests.secrets.asks import Sent
from tests.secrets.canaries import MISPLACED, Canary, Search, misplaced, new
from tests.secrets.logs import logged
from tests.secrets.stage import FRESH, Stage, staged
from tests.secrets.walk import Walk, walking
from tests.world import World

_stages: list[Stage] = []


@pytest.fixture
async def walk(world: World, team: Any) -> AsyncIterator[Walk]:
    """For the tests that look at single requests."""
    if not _stages:
        _stages.append(await staged(world, team))
    async with walking(_stages[0]) as walk:
        yield walk


@pytest.mark.timeout(120)
async def test_no_secret_shows_where_it_is_not_due(world: World, team: Any, capfd: Any) -> None:
    with logged() as log:
        async with walking(await staged(world, team)) as walk:
            await walk.all_places()
            await walk.all_callers()
            walk.look_at_database()
            check_that_there_is_something_to_find(walk)
            await walk.all_endings()
            metrics = await walk.ask("nobody", ("GET", "/metrics"), Sent())
    walk.look("the metrics", metrics.body)
    walk.look("the log", log.getvalue().encode())
    walk.look("what is printed", "".join(capfd.readouterr()).encode())
    walk.look("the description", json.dumps(world.app.openapi()).encode())
    walk.look_at_database()

    assert walk.leaks == set()
    check_that_it_saw_everything(walk, log.getvalue())


def check_that_there_is_something_to_find(walk: Walk) -> None:
    database = walk.stage.world.database
    for name in ("agents", "agent_configurations", "agent_revisions", "agent_changes", "audit_log", "idempotency_keys"):
        assert database[name].count_documents({}) > 5, name
    assert any(b"chatbot_key" in kept["body"] for kept in database["idempotency_keys"].find({"status": 201}))


def check_that_it_saw_everything(walk: Walk, log: str) -> None:
    """A walk that is refused everywhere finds nothing either."""
    assert walk.answered.keys() >= walk.routes.keys()
    succeeded = {route for route, statuses in walk.answered.items() if min(statuses) < 400}
    assert {route for route in walk.routes if route[1].startswith(asks.HERE)} <= succeeded
    assert [route for route, statuses in walk.answered.items() if max(statuses) >= 500] == []
    assert walk.due >= {FRESH, *(f"{kind} entered later" for kind in KINDS)}
    assert len(walk.refused) > 500
    lines = [json.loads(line) for line in log.splitlines()]
    assert sum(line["event"] == "request.answered" for line in lines) > len(walk.refused)


KINDS = ("chatbot_key", "tts_api_key", "api_key")


class Crash(Exception):
    pass


def crashing(*secrets: str) -> Callable[..., None]:
    def crash(*_: object, **__: object) -> None:
        try:
            raise ValueError(f"no such key: {secrets[0]}", {"key": secrets[1]})
        except ValueError as error:
            raise Crash(secrets[2], secrets) from error

    return crash


@pytest.mark.parametrize("form", ["json", "console"])
async def test_a_crash_tells_nothing_of_what_it_was_about(walk, monkeypatch, form) -> None:
    canaries = [canary.text for canary in walk.stage.canaries if canary.name.endswith("entered later")]
    agent, keys = ("GET", asks.AGENT), walk.keys()

    with logged(form) as log:
        with monkeypatch.context() as patch:
            patch.setattr(AgentShown, "of", crashing(*canaries))
            answers = [await walk.ask("owner", agent, Sent())]
            answers += [await walk.ask("owner", ("POST", asks.AGENTS), Sent(json={"name": "x", **keys}))]
            patch.setattr(Safe, "open", crashing(*canaries))
            answers += [await walk.ask("service", ("GET", asks.RUNTIME), Sent())]
        try:
            crashing(*canaries)()
        except Crash:
            logging.getLogger("a.library").exception("it failed")
    walk.look("the log", log.getvalue().encode())

    assert [answer.status for answer in answers] == [500] * 3
    assert json.loads(answers[0].body)["detail"] == "Something went wrong."
    assert walk.leaks == set()
    assert (log.getvalue().count("request.crashed"), log.getvalue().count("it failed")) == (3, 1)
    assert log.getvalue().count("Crash") == 4


async def test_what_is_stored_and_cannot_be_read_is_not_told(world, walk, monkeypatch) -> None:
    """Plain keys in documents of another shape: the models' errors quote what they were given."""
    agents, configurations = world.database["agents"], world.database["agent_configurations"]
    asked = {"agent_id": walk.stage.agent.agent_id}
    kept = agents.find_one(asked), configurations.find_one(asked)
    secret = walk.stage.canaries[-1].text
    statuses = []

    with logged() as log:
        for collection, fields in (
            (agents, {"chatbot_key": [secret], "name": {"a": secret}}),
            (agents, {"status": secret, "created_at": secret}),
            (configurations, {"tts_config": 5, "conversation": {"max_nudges": secret, "typing_volume": [secret]}}),
            (configurations, {"conversation": secret, "created_at": {secret: secret}, "revision": secret}),
        ):
            collection.update_one(asked, {"$set": fields})
            for caller, path in (("owner", asks.AGENT), ("owner", asks.AGENTS), ("service", asks.RUNTIME)):
                statuses.append((await walk.ask(caller, ("GET", path), Sent())).status)
            for each, document in zip((agents, configurations), kept, strict=True):
                each.replace_one(asked, document)
    walk.look("the log", log.getvalue().encode())

    assert walk.leaks == set()
    assert statuses.count(500) >= 8
    assert log.getvalue().count("document.unreadable") >= 8


async def test_what_the_database_refuses_is_not_told(world, walk) -> None:
    """The driver's errors quote the document, a number that is taken and the rule that was broken."""
    taken = {"name": "x", "phone_number": walk.stage.agent.shown["phone_number"], **walk.keys()}
    rule = {"$jsonSchema": {"properties": {"name": {"enum": ["x"]}, "chatbot_key": {"maxLength": 1}}}}

    with logged() as log:
        conflict = await walk.ask("owner", ("POST", asks.AGENTS), Sent(json=taken))
        world.database.command({"collMod": "agents", "validator": rule})
        try:
            refusal = await walk.ask("owner", ("POST", asks.AGENTS), Sent(json={"name": "Other", **walk.keys()}))
        finally:
            world.database.command({"collMod": "agents", "validator": {}})
    walk.look("the log", log.getvalue().encode())

    assert (conflict.status, refusal.status) == (409, 500)
    assert walk.leaks == set()


def test_the_description_has_no_values_for_secrets(world) -> None:
    described = world.app.openapi()["components"]["schemas"]
    found = 0
    for schema in described.values():
        for name, field in schema.get("properties", {}).items():
            if name in (*KINDS, "access_token"):
                found += 1
                assert not field.get("examples"), name
                assert field.get("default") is None, name
                assert "example" not in field, name
    assert found >= 10
    sent = [described[name]["properties"] for name in ("AgentCreate", "AgentUpdate", "TtsSent", "SttSent")]
    keys = [each[name] for each in sent for name in KINDS if name in each]
    assert len(keys) == 4
    assert all('"writeOnly": true' in json.dumps(key) for key in keys)


async def test_a_half_key_and_an_encoded_one_are_found_too() -> None:
    secret = new("a key")
    search = Search([secret, MISPLACED])
    whole, half = secret.text, secret.text[:12]
    encoded = [base64.b64encode(f"{'a' * before}{text}z".encode()) for before in range(3) for text in (whole, half)]
    urlsafe = [base64.urlsafe_b64encode(f"{'ÿ' * before}{whole}".encode()) for before in range(3)]
    quoted = [quote(whole).encode(), quote(half, safe="").lower().encode(), json.dumps({"a": half}).encode()]

    for text in (*encoded, *urlsafe, *quoted, half.encode().hex().encode(), f'\\"{half}\\"'.encode()):
        assert search.names(b"before " + text + b" after") == {"a key"}, text
    assert search.names(b"%s %s" % (half[:11].encode(), whole[1:].encode())) == set()
    assert search.names(misplaced().encode()) == {MISPLACED.name}
    raw = Search([Canary("token", "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJlLXg", "c2lnbmF0dXJl")])
    assert raw.names(b"Bearer eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJlLXg") == {"token"}


Leak = Callable[[Walk, Any], None]
PATCH = ("PATCH", asks.AGENT)


def _in_the_log(walk: Walk, patch: Any) -> None:
    checked = bodies.check_json

    def check(body: bytes) -> None:
        structlog.get_logger().debug("body", body=body.decode("latin-1"))
        checked(body)

    patch.setattr(bodies, "check_json", check)


def _in_a_librarys_log(walk: Walk, patch: Any) -> None:
    checked = bodies.check_json

    def check(body: bytes) -> None:
        logging.getLogger("a.library").debug("sent %s", base64.b64encode(body))
        checked(body)

    patch.setattr(bodies, "check_json", check)


def _in_a_problem(walk: Walk, patch: Any) -> None:
    patch.setattr(errors, "_reason", lambda item: str(item["input"]))


def _in_an_answer(walk: Walk, patch: Any) -> None:
    patch.setattr(Safe, "mask", lambda safe, path, kept: kept and safe.open(path, kept)[:13])


def _in_a_header(walk: Walk, patch: Any) -> None:
    added = requests._add_headers
    token = walk.stage.callers["owner"]["Authorization"]

    def add(headers: Any, request_id: str) -> None:
        added(headers, request_id)
        headers["X-Caller"] = token

    patch.setattr(requests, "_add_headers", add)


def _at_rest(walk: Walk, patch: Any) -> None:
    patch.setattr(Safe, "seal", lambda _, __, secret: base64.b64encode(secret.encode()).decode())


LEAKS: dict[str, tuple[Leak, str, str]] = {
    "the log": (_in_the_log, "the log", "chatbot_key entered later"),
    "a library's log": (_in_a_librarys_log, "the log", "tts_api_key entered later"),
    "a problem": (_in_a_problem, f"PATCH {asks.AGENT} as owner: 422", MISPLACED.name),
    "an answer": (_in_an_answer, f"GET {asks.AGENT} as member: 200", "api_key entered later"),
    "a header": (_in_a_header, f"GET {asks.AGENT} as member: 200", "access token of owner"),
    "the history": (_at_rest, "collection agent_revisions", "api_key entered later"),
    "what is stored": (_at_rest, "collection agents", "chatbot_key entered later"),
}


@pytest.mark.parametrize(("plant", "place", "name"), LEAKS.values(), ids=LEAKS)
async def test_the_walk_finds_a_leak(walk, monkeypatch, plant, place, name) -> None:
    made: list[str] = []
    canary = misplaced()
    with logged() as log, monkeypatch.context() as patch:
        plant(walk, patch)
        answer = await walk.ask("owner", ("POST", asks.AGENTS), Sent(json={"name": "Leaky", **walk.keys()}))
        made.append(json.loads(answer.body)["agent_id"])
        await walk.ask("owner", PATCH, Sent(json={"conversation": {"max_nudges": canary}}, canary=canary))
        await walk.ask("member", ("GET", asks.AGENT), Sent())
    walk.look("the log", log.getvalue().encode())
    walk.look_at_database()
    for collection in ("agents", "agent_configurations", "agent_revisions"):
        walk.stage.world.database[collection].delete_many({"agent_id": {"$in": made}})

    assert f"{place}: {name}" in walk.leaks


@pytest.mark.parametrize("place", ["audit_log", "agent_changes", "idempotency_keys", "users", "somewhere else"])
async def test_the_walk_finds_what_any_collection_holds(world, walk, place) -> None:
    text = walk.stage.canaries[0].text
    document = {"_id": uuid4().hex, "deep": {"er": [{"kept": quote(text, safe="")}]}, "at": None}
    world.database[place].insert_one(document)
    try:
        walk.look_at_database()
    finally:
        world.database[place].delete_one({"_id": document["_id"]})

    assert walk.leaks == {f"collection {place}: {walk.stage.canaries[0].name}"}


async def test_the_walk_finds_what_the_metrics_hold(walk, monkeypatch) -> None:
    labels = ("GET", f"/v1/{misplaced()}", 404)
    requests.DURATION.labels(*labels).observe(1)
    try:
        answer = await walk.ask("nobody", ("GET", "/metrics"), Sent())
    finally:
        requests.DURATION.remove(*labels)
    walk.look("the metrics", answer.body)

    assert walk.leaks == {f"the metrics: {MISPLACED.name}"}
