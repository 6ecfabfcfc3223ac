"""Planted keys are nowhere but sealed: not in any document of the database, answer, log line or description."""

import secrets
from typing import Any

import httpx

from switchboard.configurations.model import MASK
from tests.agents.conftest import Json, Made, Team, Teams, complete


class Planter:
    """Keys that can be told from everything else, and all that was answered to them."""

    def __init__(self) -> None:
        self.planted: list[str] = []
        self.answers: list[str] = []

    def key(self) -> str:
        end = "".join(secrets.choice("ghjkmnpqrstvwxyz") for _ in range(8))  # as no id and no hash ends
        self.planted.append(f"planted{len(self.planted):04d}-{end}")
        return self.planted[-1]

    def complete(self, **fields: Any) -> Json:
        speech = {"voice_id": "anna", "tts_api_key": self.key(), "model": "sonic-2"}
        recognition = {"api_key": self.key(), "model": "nova-3"}
        return complete(**{"chatbot_key": self.key(), "tts_config": speech, "stt_config": recognition, **fields})

    def note(self, answer: httpx.Response) -> httpx.Response:
        self.answers.append(f"{answer.status_code} {answer.headers} {answer.text}")
        return answer

    def check(self, text: str, what: str) -> None:
        """The last four characters of a key may be shown, and no more of it."""
        for key in self.planted:
            assert key not in text, what
            assert key[:11] not in text, what
            assert key[-6:] not in text, what


async def a_life(plant: Planter, here: Team, there: Team) -> Made:
    """Everything that can be done with keys, done."""
    once = {"Idempotency-Key": plant.key()}
    plant.planted.pop()  # not a secret
    answer = plant.note(await here.ask("owner", "POST", json=plant.complete(), headers=once))
    made = Made(here, answer.json(), answer.headers["etag"])
    for variant in (
        {"provider": "openai", "openai": {"api_key": plant.key(), "voice": "mp3", "response_format": "alloy"}},
        {"provider": "cartesian", "cartesian": {"tts_api_key": plant.key(), "apiKey": plant.key(), "voice_id": "a"}},
        {"provider": "acme", "acme": {"api_key": plant.key(), "auth_token": plant.key(), "voice": "b"}},
        {"tts_api_key": plant.key(), "model": "m"},
    ):
        assert plant.note(await made.ask("editor", "PATCH", json={"tts_config": variant})).status_code == 200
    moved = {"chatbot_api": "https://elsewhere.example/", "chatbot_key": plant.key(), "reason": "Moved"}
    plant.note(await made.ask("admin", "PATCH", json=moved))
    given = await made.given(there, "edit")
    plant.note(await given.ask("owner", "PATCH", json={"stt_config": {"api_key": plant.key()}}))
    await made.ok("owner", "GET")
    for method, path in (
        *(("POST", "/copy"), ("POST", "/revisions/1/restore"), ("POST", "/activate"), ("GET", "/readiness")),
        *(("GET", "/revisions"), ("GET", "/revisions/1"), ("GET", "/revisions/1/differences?to=5"), ("GET", "/grants")),
        *(("POST", "/deactivate"), ("DELETE", ""), ("POST", "/restore"), ("GET", "")),
    ):
        assert plant.note(await made.ask("owner", method, path)).status_code < 300, path
    plant.note(await given.ask("owner", "POST", "/copy"))
    return made


async def refusals(plant: Planter, made: Made) -> None:
    """What is refused is not repeated either."""
    for body in (
        {"chatbot_key": f"{MASK}{plant.key()}"},
        {"chatbot_key": [plant.key()]},
        {"chatbot_key": f"{plant.key()}\n"},
        {"chatbot_kye": plant.key()},
        {plant.key(): 1},
        {"tts_config": {"tts_api_key": {"value": plant.key()}}},
        {"tts_config": {"options": {"api_key": plant.key()}}},
        {"tts_config": {"provider": "acme", "tts_api_key": plant.key(), "options": {"token": plant.key()}}},
        {"stt_config": plant.key()},
        {"stt_config": {"api_key": plant.key(), "provider": f"No {plant.key()}"}},
        {"phone_number": plant.key()},
        {"chatbot_api": f"https://user:{plant.key()}@bot.example/"},
        {"chatbot_api": f"http://bot.example/?key={plant.key()}"},
    ):
        assert plant.note(await made.ask("owner", "PATCH", json=body)).status_code == 422, body
    raw = f'{{"chatbot_key": "{plant.key()}"'
    assert plant.note(await made.ask("owner", "PATCH", content=raw)).status_code == 422
    assert plant.note(await made.team.ask("member", "POST", json=plant.complete())).status_code == 403
    lists = await made.team.ask("owner", "GET", params={plant.key(): plant.key()})
    assert plant.note(lists).status_code == 422


async def test_planted_keys_are_found_nowhere(team: Teams, capfd) -> None:
    plant = Planter()
    here, there = await team(), await team()

    made = await a_life(plant, here, there)
    await refusals(plant, made)

    api = here.world.api
    for each in (here, there):
        log = f"/v1/orgs/{each.org_id}/audit?limit=1000"
        plant.note(await api.get(log, headers=each.people["owner"].headers))
    plant.note(await api.get("/openapi.json"))
    assert len(plant.planted) > 30
    assert len(plant.answers) > 35
    for answer in plant.answers:
        plant.check(answer, "an answer")
    database = here.world.database
    for name in database.list_collection_names():
        documents = [*database[name].find()]
        plant.check(repr(documents), f"the collection {name}")
    logged = "".join(capfd.readouterr())
    assert "request.answered" in logged
    plant.check(logged, "the log")
    assert len(made.stored()["chatbot_key"]) > 60  # they are there, sealed


async def test_an_audit_entry_tells_that_a_key_changed_and_not_even_its_mask(team: Teams) -> None:
    made = await (await team()).made()

    await made.ok("owner", "PATCH", json={"tts_config": {"tts_api_key": None}, "chatbot_key": "another-key-7777"})

    entry = made.team.entries()[-1]
    assert entry["before"] == {"chatbot_key": MASK, "tts_config.tts_api_key": MASK}
    assert entry["after"] == {"chatbot_key": MASK, "tts_config.tts_api_key": None}


async def test_the_examples_of_the_description_hold_no_key(team: Teams) -> None:
    described = (await (await team()).world.api.get("/openapi.json")).json()

    schemas = described["components"]["schemas"]
    for name in ("AgentCreate", "AgentUpdate", "TtsSent", "SttSent"):
        for field in ("chatbot_key", "tts_api_key", "api_key"):
            found = schemas[name]["properties"].get(field, {})
            assert not found.keys() & {"example", "examples"}
            assert not found or {"string", "null"} == {each["type"] for each in found["anyOf"]}
            assert not found or found["anyOf"][0]["writeOnly"]
