"""Imports of agents: what is stored of a record, what is refused, and that a second time changes nothing."""

from dataclasses import replace

import pytest

from devstack.agents_service import NIGHT_DESK as NIGHT
from devstack.agents_service import variants
from switchboard.agents.model import Agent
from switchboard.clients.endpoint_connections import Endpoints
from tests.agent_imports.dumps import CANARY, Importer, Record, new_number, now, outcomes, row, stored_organization
from tests.organizations.conftest import Factory, organization
from tests.world import World

__all__ = ["organization"]  # a fixture

GOOD = variants(CANARY)["Nested"]


async def test_an_imported_agent_is_as_complete_as_one_that_was_made_here(importer: Importer) -> None:
    number = new_number()
    rows = await importer.imported({"status": "success", "agents": variants(CANARY, number=number)})

    stored, (run_id,) = importer.stored, importer.runs
    agent = stored.agent("Flat")
    (link,) = stored.beside("organization_agents", agent["agent_id"])
    (revision,) = stored.beside("agent_revisions", agent["agent_id"])
    changes = stored.beside("agent_changes", agent["agent_id"])
    entries = list(stored.database["audit_log"].find({"target.id": agent["agent_id"]}, sort=[("entry_id", 1)]))
    assert set(outcomes(rows).values()) == {"imported"}
    assert (agent["org_ids"], agent["phone_number"]) == ([stored.org_id], number)
    assert (agent["status"], agent["ready"], agent["waits_to_be_ready"]) == ("active", True, False)
    assert (link["org_id"], link["access"]) == (stored.org_id, "owner")
    assert (revision["number"], revision["reason"]) == (1, f"Imported by run {run_id}")
    assert revision["author"] == {"kind": "system", "id": "import-agents", "name": "Import of agents"}
    assert [change["kinds"] for change in changes] == [["created"], ["status"]]
    assert [entry["action"] for entry in entries] == ["agent.created", "agent.activated"]
    assert {entry["actor"]["kind"] for entry in entries} == {"system"}
    assert stored.secrets("Flat") == [f"{CANARY}-chatbot", f"{CANARY}-speech", f"{CANARY}-hearing"]
    night = stored.agent(NIGHT)
    assert (night["name"], night["status"], night["created_at"].year) == ("Night_Desk", "inactive", 2025)
    assert (night["waits_to_be_ready"], night["ready"]) == (True, False)
    assert row(rows, NIGHT).missing == ["phone_number_missing"]
    assert CANARY not in stored.everything()


async def test_a_dry_run_says_what_a_run_does_and_a_second_run_changes_nothing(importer: Importer) -> None:
    records = variants(CANARY, number=new_number())

    dry, real = await importer.dry(records), await importer.imported(records)
    with importer.operator.untouched():
        again = await importer.imported(records)

    assert dry == real
    assert set(outcomes(again).values()) == {"unchanged"}
    assert [each.status for each in again] == [each.status for each in real]
    assert CANARY not in repr((dry, real, again))


async def test_what_cannot_be_taken_is_refused_by_name_and_reason(importer: Importer) -> None:
    records = [
        {**GOOD, "agentId": "Unmapped", "organization_id": "Beta Ltd"},
        {**GOOD, "agentId": "Twice"},
        {**GOOD, "agentId": "Twice", "chatbot_key": f"{CANARY}-other"},
        GOOD,
        CANARY,
    ]
    dry, real = await importer.dry(records), await importer.imported(records)

    assert dry == real
    assert [(each.id, each.outcome, each.reason) for each in real] == [
        ("Unmapped", "refused", "organization_unmapped"),
        ("Twice", "imported", None),
        ("Twice", "refused", "listed_twice"),
        ("record 4", "refused", "id_missing"),
        ("record 5", "refused", "record_unreadable"),
    ]
    assert CANARY not in repr(real)


async def test_a_number_that_others_have_too_is_left_out(importer: Importer) -> None:
    database, taken, shared = importer.stored.database, new_number(), new_number()
    other = stored_organization(database, "Other")
    times = dict.fromkeys(("created_at", "updated_at"), now())
    holder = Agent(agent_id=f"holder-{taken}", org_id=other, org_ids=[other], name="Theirs", etag="e", **times)
    database["agents"].insert_one({**holder.model_dump(), "phone_number": taken})
    numbers = {"First": shared, "Second": shared, "Third": taken, "Fourth": "nobody"}
    records = {name: {**GOOD, "phone_number": number} for name, number in numbers.items()}

    dry, real = await importer.dry(records), await importer.imported(records)

    assert dry == real
    notes = {each.id: [note for note in each.notes if note.startswith("phone")] for each in real}
    assert notes == {
        "First": ["phone_number_given_twice"],
        "Second": ["phone_number_given_twice"],
        "Third": ["phone_number_taken"],
        "Fourth": ["phone_number_invalid"],
    }
    assert {each.status for each in real} == {"inactive"}
    assert [importer.stored.agent(name)["phone_number"] for name in records] == [None] * 4
    assert "Theirs" not in repr(real)


@pytest.mark.parametrize("address", ["http://bot.example.com", "https://10.0.0.7/chat", "https://inside.example.com"])
async def test_an_address_that_must_not_be_called_is_left_out_with_the_key_for_it(
    importer: Importer, world: World, address: str
) -> None:
    async def resolve(host: str, _: int) -> list[str]:
        return ["10.0.0.7"] if host.startswith("inside") else ["93.184.216.34"]

    importer.services = replace(importer.services, endpoints=Endpoints(world.settings.agent, resolve=resolve))
    records = {
        "A": {**GOOD, "chatbot_api": address, "phone_number": new_number()},
        "B": {**GOOD, "chatbot_api": address},
    }

    dry, real = await importer.dry(records), await importer.imported(records)

    agent = importer.stored.agent("A")
    assert dry == real
    assert (agent["chatbot_api"], agent["chatbot_key"], agent["status"]) == (None, None, "inactive")
    assert row(real, "A").notes[-2:] == ("chatbot_api_refused", "chatbot_key_left_out")
    assert row(real, "A").missing == ["endpoint_missing", "chatbot_key_missing"]
    assert row(real, "B").notes[-2:] == ("chatbot_api_refused", "chatbot_key_left_out")


async def test_agents_that_are_here_follow_only_when_told(importer: Importer) -> None:
    records = {name: variants(CANARY, number=new_number())[name] for name in ("Flat", "Nested")}
    await importer.imported(records)
    importer.stored.database["agents"].update_one(
        {"org_id": importer.stored.org_id, "legacy_id": "Nested"}, {"$set": {"initial_message": "Set here"}}
    )
    records["Flat"] = {**records["Flat"], "initial_message": "Good morning!"}
    records["Nested"]["stt_config"]["whisper"]["api_key"] = f"{CANARY}-newer"

    dry = await importer.dry(records, update=True)
    with importer.operator.untouched():
        left = await importer.imported(records)
    updated = await importer.imported(records, update=True)

    assert outcomes(left) == {"Flat": "different", "Nested": "different"}
    assert row(left, "Flat").differing == ["initial_message"]
    assert row(left, "Nested").differing == ["initial_message", "stt_config.api_key"]
    assert dry == updated
    assert outcomes(updated) == {"Flat": "updated", "Nested": "updated"}
    assert importer.stored.agent("Flat")["initial_message"] == "Good morning!"
    assert importer.stored.secrets("Nested")[2] == f"{CANARY}-newer"


@pytest.mark.parametrize(
    ("speech", "reason"),
    [
        ({"api_key": f"{CANARY}-other", "model": "tts-1"}, "agent_not_ready"),
        ({"model": "tts-1", "voice": "nova"}, "key_needed_again"),
    ],
)
async def test_an_update_takes_no_agent_out_of_service_and_no_key_to_another_provider(
    importer: Importer, speech: Record, reason: str
) -> None:
    flat = variants(CANARY, number=new_number())["Flat"]
    await importer.imported({"Flat": flat})
    records = {"Flat": {**flat, "tts_config": {"provider": "openai", "openai": speech}}}

    (dry,) = await importer.dry(records, update=True)
    (real,) = await importer.imported(records, update=True)

    assert dry == real
    assert (real.outcome, real.reason) == ("refused", reason)
    assert importer.stored.agent("Flat")["status"] == "active"
    assert CANARY not in repr(real)


async def test_what_a_run_made_and_changed_is_taken_back_unless_somebody_changed_it_since(importer: Importer) -> None:
    stored, records = importer.stored, variants(CANARY, number=new_number())
    await importer.imported(records)
    records["Nested"] = {**records["Nested"], "initial_message": "Good morning!"}
    await importer.imported(records, update=True)
    first, second = importer.runs

    back = await importer.taken_back(second)
    message = stored.agent("Nested")["initial_message"]
    gone = await importer.taken_back(first)
    repeated = await importer.taken_back(first)
    agents = {each["name"]: each for each in stored.database["agents"].find({"org_id": stored.org_id})}

    assert (back, message) == (["put_back"], "Hello!")
    assert gone == ["changed_since", *["deleted"] * 4]
    assert repeated == ["changed_since", *["gone"] * 4]
    assert (agents["Flat"]["status"], agents["Flat"]["legacy_id"]) == ("deleted", None)
    assert agents["Nested"]["status"] == "inactive"


async def test_what_was_taken_back_can_be_imported_again_and_what_people_deleted_stays_deleted(
    importer: Importer,
) -> None:
    stored, records = importer.stored, variants(CANARY, number=new_number())
    await importer.imported(records)
    before = stored.agent("Flat")
    await importer.taken_back(importer.runs[0])
    audit = stored.database["audit_log"]
    which = {"org_id": stored.org_id, "action": "agent.deleted", "target.id": row_id(importer, "Nested")}
    audit.update_one(which, {"$set": {"actor": {"kind": "user", "id": "ada", "name": None}}})

    dry, real = await importer.dry(records), await importer.imported(records)

    assert dry == real
    assert row(real, "Nested").reason == "deleted_here"
    assert [each.outcome for each in real].count("imported") == 4
    after = stored.agent("Flat")
    assert (after["agent_id"], after["status"]) == (before["agent_id"], "active")
    assert (after["phone_number"], after["revision"]) == (before["phone_number"], 2)
    assert stored.secrets("Flat")[0] == f"{CANARY}-chatbot"


def row_id(importer: Importer, name: str) -> str:
    found = importer.stored.database["agents"].find_one({"org_id": importer.stored.org_id, "name": name})
    return str(found["agent_id"])


async def test_a_run_that_is_gone_on_with_tells_of_what_its_first_start_made(importer: Importer) -> None:
    records = variants(CANARY, number=new_number())
    first = await importer.imported({name: records[name] for name in ("Flat", "Nested")})
    agents, flat = importer.stored.database["agents"], importer.stored.agent("Flat")
    killed_before_it_was_activated = {"status": "inactive", "waits_to_be_ready": True}
    agents.update_one({"agent_id": flat["agent_id"]}, {"$set": killed_before_it_was_activated})

    rows = await importer.resumed(records)

    assert set(outcomes(rows).values()) == {"imported"}
    assert [row(rows, each.id) for each in first] == first
    assert importer.stored.agent("Flat")["status"] == "active"


async def test_an_agent_that_an_older_front_end_made_under_this_id_is_not_made_again(importer: Importer) -> None:
    flat = variants(CANARY, number=new_number())["Flat"]
    await importer.imported({"Flat": flat})
    agents, which = importer.stored.database["agents"], {"org_id": importer.stored.org_id}
    agents.update_one(which, {"$set": {"legacy_id": "Front Desk", "name": "Front Desk"}})

    rows = await importer.imported({"Front Desk": {name: value for name, value in flat.items() if name != "agentId"}})

    assert outcomes(rows) == {"Front Desk": "unchanged"}
    assert agents.count_documents(which) == 1


async def test_older_front_ends_find_imported_agents_by_what_they_call_them(
    world: World, importer: Importer, organization: Factory
) -> None:
    org = await organization("Owner")
    importer.stored.org_id = org.org_id

    await importer.imported(variants(CANARY, number=new_number()))
    answer = await world.api.get(f"/agents/info/{NIGHT}", headers=org.owner.headers)

    assert answer.status_code == 200
    assert answer.json()["agent"]["system_prompt"] == "You are kind."
    assert CANARY not in answer.text
