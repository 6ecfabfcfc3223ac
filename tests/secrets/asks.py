"""What is asked of each route: as it should be, and with secrets in every place where none belongs."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from tests.agents.conftest import number
from tests.secrets.canaries import misplaced

Route = tuple[str, str]
Json = dict[str, Any]

AGENTS = "/v1/orgs/{org_id}/agents"
AGENT = f"{AGENTS}/{{agent_id}}"
GRANT = f"{AGENT}/grants/{{grantee}}"
REVISION = f"{AGENT}/revisions/{{number}}"
ORG = "/v1/orgs/{org_id}"
RUNTIME = "/internal/v1/agents/{agent_id}/runtime"
AT_NUMBER = "/internal/v1/agents/by-phone/{number}/runtime"
TOKEN = "/internal/v1/users/{user_id}/calendar-token"
BOOKING = "/internal/v1/users/{user_id}/events"
NOW = datetime.now(UTC)
RANGE = {"from": NOW.isoformat(), "to": (NOW + timedelta(days=1)).isoformat()}

SLOTS = {"all_of": ["{user_id}"], "duration_minutes": 30, **RANGE}

NEW = ("/v1/", "/internal/", "/health", "/metrics", "/openapi.json", "/docs")  # others are for older front ends

HERE = (AGENTS, "/internal/")  # what deals with keys of agents

# Asked last and in this order: what each of them leaves behind is less than it found.
LAST: tuple[Route, ...] = (
    ("DELETE", GRANT),
    ("POST", f"{AGENT}/deactivate"),
    ("DELETE", AGENT),
    ("POST", f"{AGENT}/restore"),
    ("DELETE", f"{ORG}/invites/{{invite_id}}"),
    ("DELETE", "/internal/v1/users/{user_id}/events/{event_id}"),
    ("DELETE", "/v1/me/calendar"),
    ("POST", f"{ORG}/leave"),
    ("DELETE", f"{ORG}/members/{{user_id}}"),
    ("DELETE", ORG),
)


@dataclass(frozen=True)
class Sent:
    """A request. `canary` is the misplaced secret in it; `names` are for its path, over those of the stage."""

    names: Json = field(default_factory=dict)
    params: Json | None = None
    json: Any = None
    content: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    canary: str = ""


def is_last(route: Route) -> bool:
    method, path = route
    return route in LAST or method == "DELETE" or any(word in path for word in ("remove", "delete", "logout"))


def is_new(route: Route) -> bool:
    return route[1].startswith(NEW)


def right(route: Route, keys: Json) -> list[Sent]:
    """Requests as they should be; `keys` are an agent's, to be entered."""
    found = {
        ("POST", AGENTS): [Sent(json={"name": "Another", "phone_number": number(), **keys})],
        ("GET", AGENTS): [Sent(), Sent(params={"name": "e", "status": "active", "limit": "1"})],
        ("PATCH", AGENT): [Sent(json={"initial_message": uuid4().hex, "reason": "tidier", **keys})],
        ("GET", AGENT): [Sent(), Sent(headers={"If-None-Match": "*"})],
        ("POST", f"{AGENT}/grants"): [Sent(json={"org_id": "{grantee}", "access": "use"})],
        ("PATCH", GRANT): [Sent(json={"access": "edit"}), Sent(json={"access": "use"})],
        ("GET", f"{AGENT}/revisions/in-force"): [Sent(params={"as_of": datetime.now(UTC).isoformat()})],
        ("GET", REVISION): [Sent({"number": 1}), Sent({"number": 2})],
        ("GET", f"{REVISION}/differences"): [Sent({"number": 1}, {"to": "2"})],
        ("POST", f"{REVISION}/restore"): [Sent({"number": 1})],
        ("GET", RUNTIME): [Sent(), Sent(headers={"If-None-Match": "*"})],
        ("GET", AT_NUMBER): [Sent(), Sent(headers={"If-None-Match": "*"})],
        ("GET", "/internal/v1/changes"): [Sent(params={"wait": "0"})],
        ("GET", "/v1/me/events"): [Sent(params=RANGE)],
        ("PUT", "/v1/me/working-hours"): [Sent(json={"weekly": {"monday": [{"from": "09:00", "to": "17:00"}]}})],
        ("POST", f"{ORG}/free-busy"): [Sent(json={"people": ["{user_id}"], **RANGE})],
        ("POST", f"{ORG}/availability"): [Sent(json=SLOTS)],
        ("POST", "/internal/v1/availability"): [Sent(json={"org_id": "{org_id}", **SLOTS})],
        ("POST", BOOKING): [Sent(json=_event())],
        ("PATCH", f"{BOOKING}/{{event_id}}"): [Sent(json={"title": uuid4().hex})],
        ("PATCH", "/v1/me"): [Sent(json={"first_name": "Ada"})],
        ("PUT", "/v1/me/welcome-form"): [Sent(json={"is_doctor": False})],
        ("POST", "/v1/orgs"): [Sent(json={"name": f"Org {uuid4().hex[:8]}"})],
        ("PATCH", ORG): [Sent(json={"description": uuid4().hex})],
        ("POST", f"{ORG}/invites"): [Sent(json={"email": f"{uuid4().hex}@example.com"})],
        ("POST", f"{ORG}/invites/bulk"): [Sent(json={"invites": [{"email": f"{uuid4().hex}@example.com"}]})],
    }
    if "/agents/update/" in route[1]:
        return [Sent(json=_older(keys)), Sent({"agent_id": uuid4().hex}, json=_older(keys))]
    return found.get(route, [Sent()])


def _event() -> Json:
    times = {"start": (NOW + timedelta(days=3)).isoformat(), "end": (NOW + timedelta(days=3, hours=1)).isoformat()}
    return {"title": "Call", "on_conflict": "allow", **times}


def _older(keys: Json) -> Json:
    """An agent as older front ends send it."""
    tts, stt = keys["tts_config"], keys["stt_config"]
    speech = {"voice_id": "v", "model": "sonic-2", "tts_api_key": tts["tts_api_key"], "speed": 0, "language": "en"}
    recognition = {"model": "nova-3", "language": "en", "api_key": stt["api_key"]}
    return {
        "organization_id": "{org_id}",
        "chatbot_api": "https://bot.northwind.example/chat",
        "chatbot_key": keys["chatbot_key"],
        "tts_config": {"provider": "cartesian", "cartesian": speech, "openai": None},
        "stt_config": {"provider": "deepgram", "deepgram": recognition},
    }


def wrong(route: Route, described: Json, schemas: Json) -> Iterator[Sent]:
    """Requests with a secret where none belongs, each with another one."""
    yield from _in_path_and_query(route, described)
    if is_new(route):
        yield from _in_headers(route)
    body = described.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        yield from _in_body(_resolved(body["schema"], schemas), schemas)
    if route in (("POST", AGENTS), ("PATCH", AGENT)):
        yield from _in_an_agent()


def _in_path_and_query(route: Route, described: Json) -> Iterator[Sent]:
    parameters = described.get("parameters", [])
    if "{" in route[1]:
        canary = misplaced()
        names = [each["name"] for each in parameters if each["in"] == "path"]
        yield Sent(dict.fromkeys(names, canary), canary=canary)
        yield from (Sent({name: f"{canary}{'x' * 300}"}, canary=canary) for name in names)
    for name in ("secret", *(each["name"] for each in parameters if each["in"] == "query")):
        canary = misplaced()
        yield Sent(nowhere(route), {name: canary}, canary=canary)
    canary = misplaced()
    yield Sent(nowhere(route), {canary: canary}, canary=canary)


def _in_headers(route: Route) -> Iterator[Sent]:
    """In those that say who is calling one by one, as each hides what comes after; in all others at once."""
    canary, others = misplaced(), ("If-None-Match", "If-Match", "X-Request-ID", "User-Agent", "Referer", "Accept")
    headers = {"Cookie": f"session={canary}", "Origin": f"https://{canary}.example", canary: canary}
    headers |= dict.fromkeys((*others, "X-Forwarded-For", "Range", "Accept-Language"), canary)
    yield Sent(nowhere(route), headers=headers, canary=canary)
    texts = {"Authorization": "Bearer {}", "X-API-Key": "{}", "Idempotency-Key": "{}", "Content-Type": "application/{}"}
    for name, text in texts.items():
        canary = misplaced()
        yield Sent(nowhere(route), headers={name: text.format(canary)}, canary=canary)
    canary = misplaced()
    yield Sent(nowhere(route), headers={"Authorization": canary, "Idempotency-Key": f"{canary} é"}, canary=canary)


def nowhere(route: Route) -> Json:
    """Names for a path that nothing is at: a secret in a header or a query alone keeps no change from being made."""
    names = ("org_id", "agent_id", "user_id", "invite_id", "event_id")
    return {} if route[0] == "GET" else dict.fromkeys(names, "00000000")


def _in_body(schema: Json, schemas: Json) -> Iterator[Sent]:
    names = list(schema.get("properties", {}))
    for shape in (_plain, _listed, _named, _long):
        canary = misplaced()
        yield Sent(json={name: shape(canary) for name in names}, canary=canary)
    for name in names:
        canary = misplaced()
        yield Sent(json={name: canary}, canary=canary)
        inner = _resolved(schema["properties"][name], schemas)
        for field_name in inner.get("properties", {}):
            canary = misplaced()
            yield Sent(json={name: {field_name: _listed(canary)}}, canary=canary)
    for value in (_plain, _listed, _named):
        canary = misplaced()
        yield Sent(json=value(canary), canary=canary)
    canary = misplaced()
    for text in (f'{{"chatbot_key": "{canary}"', f"chatbot_key={canary}", f'{{"a": "{canary}\\ud800"}}'):
        yield Sent(content=text.encode(), canary=canary)
    yield Sent(content=f'{{"name": "{canary}\xff"}}'.encode("latin-1"), canary=canary)


def _in_an_agent() -> Iterator[Sent]:
    """What only the rules of agents refuse."""
    for text in (
        *("http://{}.example", "https://user:{}@bot.example", "https://bot.example/{} x", "https://127.0.0.1/?key={}"),
        *("https://bot.example#{}", "https://bot.example:1/{}", "{}", "https://[{}]/"),
    ):
        canary = misplaced()
        yield Sent(json={"name": "x", "chatbot_api": text.format(canary)}, canary=canary)
    for fields in (
        *({"chatbot_key": "••••••••{}"}, {"chatbot_key": "{}\n"}, {"phone_number": "{}"}, {"name": " " * 300 + "{}"}),
        *({"tts_config": {"provider": "{}"}}, {"tts_config": {"provider": "Open AI", "openai": "{}"}}),
        *({"tts_config": {"provider": "other", "options": {"Api-Key": "{}"}}}, {"tts_config": {"speed": "{}"}}),
        *({"tts_config": {"options": {"{}": 1}}}, {"tts_config": {"provider": "other", "options": {"${}": 1}}}),
        *({"tts_config": {"provider": "elevenlabs", "options": {"stability": "{}"}}}, {"stt_config": ["{}"]}),
        *({"stt_config": {"provider": "deepgram", "deepgram": {"api_key": ["{}"], "x": "{}"}}},),
        *({"stt_config": {"options": {"punctuate": "{}"}}}, {"conversation": {"max_nudges": "{}"}}),
    ):
        canary = misplaced()
        yield Sent(json={"name": "x", **_filled(fields, canary)}, canary=canary)


def _filled(pattern: Any, canary: str) -> Any:
    if isinstance(pattern, dict):
        return {_filled(name, canary): _filled(value, canary) for name, value in pattern.items()}
    if isinstance(pattern, list):
        return [_filled(value, canary) for value in pattern]
    return pattern.replace("{}", canary) if isinstance(pattern, str) else pattern


def _plain(canary: str) -> Any:
    return canary


def _listed(canary: str) -> Any:
    return [canary, {canary: 1}]


def _named(canary: str) -> Any:
    return {canary: canary}


def _long(canary: str) -> Any:
    return canary + "x" * 110_000


def _resolved(schema: Json, schemas: Json) -> Json:
    """The object that a schema describes, through references and alternatives."""
    for inner in schema.get("anyOf", schema.get("allOf", [])):
        found = _resolved(inner, schemas)
        if found.get("properties"):
            return found
    name = schema.get("$ref", "").rpartition("/")[2]
    return _resolved(schemas[name], schemas) if name else schema
