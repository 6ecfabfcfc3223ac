"""`switchboard import-agents` and `take-back-agents` as an operator meets them."""

import asyncio
import signal
from dataclasses import replace
from datetime import timedelta

import pytest

from devstack.agents_service import AgentsServiceEmulator, variants
from devstack.emulator import Fault
from switchboard.crypto import KeyRing
from tests.agent_imports.dumps import CANARY, Stored, mapping, now, stored_organization, written
from tests.operators import Ended, Operator
from tests.sealing.test_checks import new_key
from tests.world import eventually, let_go

MANY = 80


@pytest.fixture
def stored(operator: Operator) -> Stored:
    keys = new_key("imports")
    operator.variables |= {"SEALING_KEYS": keys, "AGENT_ENDPOINT_TIMEOUT": "0.05"}
    return Stored(operator.database, stored_organization(operator.database, "Acme"), KeyRing.read(keys))


async def run(operator: Operator, stored: Stored, *arguments: str, **variables: str) -> Ended:
    file = mapping(operator.folder, stored.org_id)
    return await operator.run("import-agents", *arguments, "--organizations", file, **variables)


async def test_a_dump_is_tried_imported_and_taken_back(operator: Operator, stored: Stored) -> None:
    good = [{"agentId": name, **record} for name, record in variants(CANARY).items()]
    stranger = {**good[0], "agentId": "Stranger", "organization_id": "Beta Ltd"}
    source = written(operator.folder, "agents.jsonl", [*good, stranger])

    with operator.untouched():
        dry = await run(operator, stored, source, "--dry-run")
    real = await run(operator, stored, source, "--json")
    back = await operator.run("take-back-agents", real.report["run_id"])

    assert (dry.code, real.code, back.code) == (3, 3, 0)
    assert "Stranger\trefused\torganization_unmapped" in dry.out
    assert "not in --organizations\tBeta Ltd\t1" in dry.out
    assert "Nested\timported inactive\tmissing: phone_number_missing; provider_renamed" in dry.out
    assert dry.out.endswith("imported=5 refused=1\nNothing was written.\n")
    assert real.report["counted"] == {"imported": 5, "refused": 1}
    assert real.report["unmapped"] == {"Beta Ltd": 1}
    assert back.out.endswith("deleted=5\n")
    assert stored.database["agents"].distinct("status") == ["deleted"]
    for ended in (dry, real, back):
        assert (ended.err, CANARY in ended.out) == ("", False)
    assert CANARY not in stored.everything()


async def test_the_live_service_is_read_with_its_numbers_and_its_key_stays_in_the_environment(
    operator: Operator, stored: Stored
) -> None:
    async with AgentsServiceEmulator(variants(CANARY)) as service:
        service.numbers["Nested"] = ["+49 30 555 0001", "+49 30 555 0002"]
        service.emulator.fail(Fault("/agents/all", status=503, headers={"Retry-After": "0"}))
        given = ("--url", service.url, "--key-env", "OLD_KEY", "--json")

        real = await run(operator, stored, *given, OLD_KEY=service.api_key)
        wrong, empty = await asyncio.gather(
            run(operator, stored, *given, "--dry-run", OLD_KEY="wrong-canary"), run(operator, stored, *given)
        )

    assert (real.code, real.report["counted"]) == (0, {"imported": 5})
    assert stored.agent("Nested")["phone_number"] == "+49305550001"
    assert "other_numbers_left_out" in next(row for row in real.report["agents"] if row["id"] == "Nested")["notes"]
    assert (wrong.code, wrong.out, wrong.err) == (1, "", "The agents service does not accept the key.\n")
    assert (empty.code, "OLD_KEY is empty" in empty.err) == (1, True)
    assert not any(service.api_key in f"{ended.out}{ended.err}" for ended in (real, wrong, empty))
    assert service.api_key not in stored.everything()


async def test_organizations_that_are_not_here_are_a_sentence_and_nothing_is_written(
    operator: Operator, stored: Stored
) -> None:
    source = written(operator.folder, "agents.json", variants(CANARY))
    elsewhere = replace(stored, org_id="00000000-0000-4000-8000-000000000000")

    with operator.untouched():
        ended = await run(operator, elsewhere, source, "--dry-run")

    assert (ended.code, ended.out) == (1, "")
    assert "what is no organization here: 00000000-0000-4000-8000-000000000000. Run 'switchboard backfill'" in ended.err


async def test_after_a_kill_and_after_ctrl_c_the_next_start_makes_the_rest_and_tells_of_all(
    operator: Operator, stored: Stored
) -> None:
    record, agents = variants(CANARY)["Flat"], stored.database["agents"]
    many = [{**record, "agentId": f"Agent {n}", "phone_number": f"+4930123{n:05}"} for n in range(MANY)]
    given = (written(operator.folder, "agents.jsonl", many), "--organizations", mapping(operator.folder, stored.org_id))
    there = []
    for how in (signal.SIGKILL, signal.SIGINT):
        process, before = await operator.start("import-agents", *given), agents.count_documents({})
        await eventually(lambda before=before: agents.count_documents({}) > before + 3, 30)
        process.send_signal(how)
        there.append(((await operator.end(process)).code, agents.count_documents({})))
        let_go(operator.mongod)
        past = {"leased_until": now() - timedelta(minutes=1)}  # as long as a silent process is waited for
        stored.database["runs"].update_many({}, {"$set": past})

    ended = await operator.run("import-agents", *given, "--json")

    (killed, at_first), (stopped, then) = there
    assert (killed, stopped, ended.code) == (-9, 130, 0)
    assert 3 < at_first < then < MANY
    assert ended.report["counted"] == {"imported": MANY}
    assert agents.count_documents({"status": "active"}) == MANY
    for name in ("agent_configurations", "organization_agents", "agent_revisions"):
        assert len(stored.database[name].distinct("agent_id")) == stored.database[name].count_documents({}) == MANY
    assert stored.database["audit_log"].count_documents({"action": "agent.created"}) == MANY
    (left,) = stored.database["runs"].find()
    assert (left["state"], left["counts"]) == ("done", {"imported": MANY})
