"""`switchboard migrate` as an operator runs it, on data of older versions."""

import asyncio
import signal
from typing import Any

import pytest
from bson import ObjectId

from tests.operators import Operator
from tests.world import eventually


def old_agents(number: int) -> list[dict[str, Any]]:
    """As the first agents service kept them."""
    return [{"_id": ObjectId(), "agentId": f"agent_{each}", "chatbot_key": "k", "__v": 0} for each in range(number)]


def old_calendars(number: int) -> list[dict[str, Any]]:
    return [
        {"calendar_id": f"c{each}", "user_id": f"u{each}", "status": "synced", "fence": 3} for each in range(number)
    ]


def content(operator: Operator, *collections: str) -> list[list[dict[str, Any]]]:
    return [list(operator.database[name].find(sort=[("_id", 1)])) for name in collections]


async def test_a_dry_run_says_what_would_change_and_writes_nothing(operator: Operator) -> None:
    operator.database["agents"].insert_many(old_agents(3))
    operator.database["calendars"].insert_many([*old_calendars(2), {"calendar_id": "c9", "lane": "changes"}])

    with operator.untouched():
        ended = await operator.run("migrate", "--dry-run", "--json")
        told = await operator.run("migrate", "--dry-run")

    assert (ended.code, ended.report["applied"]) == (3, [])
    assert [(step["number"], step["documents"]) for step in ended.report["pending"]] == [(1, 3), (2, 3)]
    assert {"collection": "agents", "id": str(operator.database["agents"].find_one()["_id"]), "change": "removed"} in (
        ended.report["pending"][0]["samples"]
    )
    assert "0001\told_agents_apart\t3 documents\tMove agents of the first agents service" in told.out


async def test_steps_are_applied_once_and_taken_back_in_reverse(operator: Operator) -> None:
    operator.database["agents"].insert_many([*old_agents(3), {"agent_id": "ours", "agentId": "kept"}])
    operator.database["calendars"].insert_many(old_calendars(2))
    before = content(operator, "agents", "old_agents", "calendars")

    first = await operator.run("migrate", "--json")
    after = content(operator, "agents", "old_agents", "calendars")
    second = await operator.run("migrate")
    second_step = first.report["applied"][1]

    assert [(step["number"], step["changed"], step["left"]) for step in first.report["applied"]] == [
        (1, 3, 0),
        (2, 2, 0),
    ]
    assert ([agent["agent_id"] for agent in after[0]], after[1]) == (["ours"], before[0][:3])
    assert all(
        (calendar["lane"], calendar["primary"], calendar["fence"]) == ("whole", True, 3) for calendar in after[2]
    )
    assert (second.code, second.out) == (0, "There is nothing to apply.\n")

    elsewhere = await operator.run("runs", "undo", second_step["run_id"])
    assert (elsewhere.code, elsewhere.err) == (1, "A run of migrate is taken back by 'switchboard migrate --undo 2'.\n")
    refused = await operator.run("migrate", "--undo", "1")
    undone = [await operator.run("migrate", "--undo", number) for number in ("2", "1")]
    assert (refused.code, refused.err) == (
        1, "Only the step that was applied last can be taken back. 'switchboard migrate --dry-run' shows them.\n"
    )  # fmt: skip
    assert [ended.code for ended in undone] == [0, 0]
    assert content(operator, "agents", "old_agents", "calendars") == before
    assert (await operator.run("migrate", "--undo", "1")).code == 1


async def test_a_changed_step_is_refused_and_nothing_is_written(operator: Operator) -> None:
    assert (await operator.run("migrate")).code == 0
    operator.database["applied_steps"].update_one({"number": 2}, {"$set": {"checksum": "another"}})

    with operator.untouched():
        ended = await operator.run("migrate")

    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Step 2 (calendar_lanes) was changed after it had been applied here.")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
async def test_a_run_that_is_stopped_in_the_middle_is_finished_by_the_next(
    operator: Operator, number: signal.Signals
) -> None:
    agents = old_agents(4000)
    operator.database["agents"].insert_many(agents)
    runs = operator.database["runs"]

    process = await operator.start("migrate")
    await eventually(lambda: runs.find_one({"name": "migrate", "counts.changed": {"$gte": 200}}), 30)
    process.send_signal(number)
    ended = await operator.end(process)
    halfway = operator.database["agents"].count_documents({})
    assert 0 < halfway < 4000
    if number is signal.SIGINT:
        assert (ended.code, ended.err) == (
            130,
            "Stopped. What was done is kept; the same command goes on from there.\n",
        )
    else:  # nobody waits half a minute for the lease of the dead
        past = agents[0]["_id"].generation_time
        runs.update_one({"name": "migrate", "open": True}, {"$set": {"leased_until": past}})

    finished = await operator.run("migrate", "--json")

    assert finished.report["applied"][0]["changed"] >= 4000 - 200
    assert operator.database["agents"].count_documents({}) == 0
    assert content(operator, "old_agents")[0] == agents
    assert [run["state"] for run in runs.find({"name": "migrate", "arguments.step": 1})] == ["done"]


async def test_of_two_starters_one_works_and_the_other_leaves_with_a_sentence_or_waits(operator: Operator) -> None:
    agents = old_agents(3000)
    operator.database["agents"].insert_many(agents)
    runs = operator.database["runs"]

    process = await operator.start("migrate", "--json")
    await eventually(lambda: runs.find_one({"name": "migrate", "state": "running"}), 30)
    process.send_signal(signal.SIGSTOP)
    waiter = asyncio.create_task(operator.run("migrate", "--wait", "60", "--json"))
    leaving = await operator.run("migrate")
    process.send_signal(signal.SIGCONT)
    ended, waiting = await operator.end(process), await waiter

    assert (leaving.code, ended.code, waiting.code) == (1, 0, 0)
    assert leaving.err.startswith("migrate is being run right now by ")
    changed = [step["changed"] for done in (ended, waiting) for step in done.report["applied"]]
    assert sum(changed) == 3000
    assert content(operator, "old_agents")[0] == agents


async def test_the_doctor_says_that_a_step_is_missing(operator: Operator) -> None:
    operator.database["agents"].insert_many(old_agents(2))

    before = await operator.run("doctor", "--only", "migrations")
    await operator.run("migrate")
    after = await operator.run("doctor", "--only", "migrations")
    operator.database["applied_steps"].update_one({"number": 1}, {"$set": {"checksum": "another"}})
    other = await operator.run("doctor", "--only", "migrations", "--json")

    assert (before.code, after.code, other.code) == (3, 0, 3)
    assert before.out.startswith("migrations.old_agents_apart\t2\tStep 1 was not applied: ")
    assert "\tRun 'switchboard migrate' first, then this again.\n" in before.out
    assert [each["code"] for each in other.report["findings"]] == ["migrations.refused"]


async def test_a_start_with_old_agents_says_what_to_do(operator: Operator) -> None:
    operator.database["agents"].insert_many(old_agents(2))

    create = ("keys", "create", "voice", "--scope", "agents.runtime")
    ended = await operator.run(*create)

    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        "The index agent_id_unique of the collection agents cannot be built, because documents stand against it. "
        "'switchboard migrate --dry-run' and 'switchboard indexes diff' say which.\n"
    )
    assert (await operator.run("migrate")).code == 0
    assert (await operator.run(*create)).code == 0
