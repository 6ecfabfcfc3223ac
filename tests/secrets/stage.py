"""An agent with keys that is shared, changed, copied and deleted; people and services around it; canaries in all."""

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from switchboard.runtime import service as service_keys
from switchboard.runtime.model import SCOPES, prefix_of
from switchboard.runtime.service import Grant
from tests.agents.conftest import Made, Team, complete
from tests.delivery.conftest import active, done, fresh, share
from tests.secrets.canaries import Canary, new
from tests.world import Person, World

Headers = dict[str, str]
EXPIRED = 1_600_000_000
KINDS = ("chatbot_key", "tts_api_key", "api_key")
TOKENS = ("Google's access token", "Google's refresh token")
FRESH = "Google's fresh access token"


@dataclass
class Stage:
    """`callers` are what each sends to say who it is, `places` the organizations that each asks about."""

    world: World
    teams: dict[str, Team]
    agent: Made
    deleted: Made
    ada: Person
    callers: dict[str, Headers] = field(repr=False)
    places: dict[str, tuple[str, ...]]
    canaries: list[Canary] = field(repr=False)
    invite_id: str
    event_id: str

    def names(self, org_id: str) -> dict[str, str]:
        """What stands in a path for its parameters."""
        return {
            "org_id": org_id,
            "agent_id": self.agent.agent_id,
            "user_id": self.ada.user_id,
            "invite_id": self.invite_id,
            "event_id": self.event_id,
            "grantee": self.teams["stranger"].org_id,
        }

    def keys(self) -> set[str]:
        """The canaries that are, or were, keys of the agent."""
        return {f"{kind} entered {when}" for kind in KINDS for when in ("first", "later")}


def keys_of(generation: str, canaries: list[Canary]) -> dict[str, Any]:
    """The three keys of an agent as they are sent, each a canary."""
    chatbot, speech, recognition = planted = [new(f"{kind} {generation}") for kind in KINDS]
    canaries += planted
    groups = {"tts_config": {"tts_api_key": speech.text}, "stt_config": {"api_key": recognition.text}}
    return {"chatbot_key": chatbot.text, **groups}


def with_keys(generation: str, canaries: list[Canary], **fields: Any) -> dict[str, Any]:
    """All that an agent needs, with canaries for keys."""
    planted, needed = keys_of(generation, canaries), complete(**fields)
    groups = {name: {**needed[name], **planted[name]} for name in ("tts_config", "stt_config")}
    return {**needed, "chatbot_key": planted["chatbot_key"], **groups}


async def staged(world: World, team: Callable[[], Awaitable[Team]]) -> Stage:
    canaries = of_settings(world)
    teams = {name: await team() for name in ("owner", "user", "editor", "stranger")}
    owner = teams["owner"]
    agent = await active(owner, **with_keys("entered first", canaries))
    await done(agent, "PATCH", json={**keys_of("entered later", canaries), "reason": "rotated"})
    await share(agent, teams["user"], "use")
    await share(agent, teams["editor"], "edit")
    await done(agent, "POST", "/copy")
    await older_shape(owner, canaries)
    deleted = await active(owner, **with_keys("of a deleted agent", canaries))
    await done(deleted, "DELETE")
    ada = await connected(owner, canaries)
    answer = await world.api.post(
        f"/v1/orgs/{owner.org_id}/invites",
        headers=owner.people["owner"].headers,
        json={"email": f"{uuid4().hex}@example.com"},
    )
    await fresh(agent)
    callers = await known(world, teams, ada, canaries)
    ours = (owner.org_id,)
    places = dict.fromkeys(callers, ours)
    for name in ("user", "editor", "stranger"):
        for caller in (f"{name} owner", f"service of {name}"):
            places[caller] = (teams[name].org_id, owner.org_id)
    invite_id = answer.json()["invite_id"]
    event_id = await booked(world, ada, callers["service"])
    return Stage(world, teams, agent, deleted, ada, callers, places, canaries, invite_id, event_id)


async def booked(world: World, ada: Person, service: Headers) -> str:
    """An event that a service has made in her calendar."""
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)
    event = {"title": "Call", "start": begin.isoformat(), "end": (begin + timedelta(hours=1)).isoformat()}
    answer = await world.api.post(f"/internal/v1/users/{ada.user_id}/events", headers=service, json=event)
    return str(answer.json()["event_id"])


async def older_shape(team: Team, canaries: list[Canary]) -> None:
    """An agent as another program sends it; the key of a provider that is not chosen is kept nowhere at all."""
    speech, recognition, unused = (
        new(f"{name} in an older shape") for name in ("tts_api_key", "api_key", "unused key")
    )
    canaries += [speech, recognition, unused]
    chosen = {"api_key": speech.text, "voice": "nova", "response_format": "mp3", "model": "tts-1"}
    tts = {"provider": "openai", "openai": chosen, "elevenlabs": {"api_key": unused.text, "voice_id": "v"}}
    stt = {"provider": "whisper", "whisper": {"api_key": recognition.text, "model": "whisper-1", "language": None}}
    await team.made(tts_config=tts, stt_config=stt)


async def connected(team: Team, canaries: list[Canary]) -> Person:
    """A member whose calendar is connected, by a token that has expired."""
    world, ada = team.world, team.world.person()
    world.propelauth.add_member(team.org_id, ada.user_id, "Member", ())
    stored = world.grant_tokens(ada, token_expiration=EXPIRED)
    ada.token = world.propelauth.access_token(ada.user_id)
    tokens = stored["access_token"], stored["refresh_token"]
    canaries += [Canary(name, text, text[-12:]) for name, text in zip(TOKENS, tokens, strict=True)]
    return ada


async def known(world: World, teams: dict[str, Team], ada: Person, canaries: list[Canary]) -> dict[str, Headers]:
    """Every kind of caller."""
    owner = teams["owner"].people
    people = {"owner": owner["owner"], "member": owner["member"], "ada": ada}
    people |= {f"{name} owner": teams[name].people["owner"] for name in ("user", "editor", "stranger")}
    callers = {name: person.headers for name, person in people.items()}
    for name, person in people.items():
        canaries.append(Canary(f"access token of {name}", person.token, person.token.rpartition(".")[2][:12]))
    grants = {"service": Grant(list(SCOPES)), "service of no use": Grant(["organizations"])}
    grants |= {f"service of {name}": Grant(list(SCOPES), team.org_id, "Owner") for name, team in teams.items()}
    for name, grant in grants.items():
        _, text = await service_keys.create(name, grant, datetime.now(UTC))
        canaries.append(Canary(f"key of {name}", text, text.removeprefix(prefix_of(text))[1:13]))
        callers[name] = {"X-API-Key": text}
    await world.api.post(f"/internal/v1/users/{ada.user_id}/calendar-token", headers=callers["service"])
    fresh_token = world.stored(ada)["access_token"]
    canaries.append(Canary(FRESH, fresh_token, fresh_token[-12:]))
    return {**callers, "nobody": {}}


def of_settings(world: World) -> list[Canary]:
    """What the process itself must keep to itself."""
    settings = world.settings
    sealing = settings.sealing.keys.get_secret_value().partition(":")[2]
    others = {
        "PropelAuth's API key": settings.propelauth.api_key,
        "PropelAuth's webhook secret": settings.propelauth.webhook_secret,
        "Google's client secret": settings.google.client_secret,
    }
    secrets = {name: each.get_secret_value() for name, each in others.items()}
    found = [Canary(name, text, text.rstrip("=")[-12:]) for name, text in secrets.items()]
    raw = base64.b64decode(sealing).decode("latin-1")
    return [*found, Canary("the sealing key", sealing), RawKey("the sealing key in bytes", raw)]


class RawKey(Canary):
    """A key in bytes, one character each."""

    @property
    def forms(self) -> set[bytes]:
        raw = self.text.encode("latin-1")
        return {raw[:12], raw[:12].hex().encode(), repr(raw[:12])[2:-1].encode()}
