"""A few rounds of every race; `scripts/races` runs many. Each promise is first seen broken by a naive server.

Those of agents are run by `tests/agents/test_races`.
"""

import json
import re

import pytest
from typer.testing import CliRunner

from tests.races.__main__ import cli, run
from tests.races.cluster import Cluster
from tests.races.every import ORGANIZATIONS, RACES
from tests.races.play import Outcome, play

ROUNDS = 2  # the second one with a PropelAuth that is slow now and then
MOST_NAIVE_ROUNDS = 40

# What becomes of each promise without the conditional write that keeps it.
BROKEN = {
    "demote_last_owners": "PropelAuth has no Owner",
    "leave_last_owners": "PropelAuth has no Owner",
    "transfer_against_others": "owner_count is .*, Owners are",
    "transfer_to_many": "members are Owner after",
    "last_seat": "seats were promised, 1 were free",
    "accept_one_invite": r"the audit log has (invite.accepted|member.joined) \d+ times",
    "accept_against_revoke": r"member: True, invite: expired|accepts: .*200: \d+.* revokes: .*200: \d+",
    "accept_against_expiry": r"member: True, (invite: expired|.*'expired': [1-9])|'expired': [2-9]",
    "accept_against_removal": "who was removed is back",
    "invite_against_invite": "invites are pending for one e-mail",
    "repeat_one_request": "invites were made by one request|the repeated request was carried out",
    "webhook_replay": r"one delivery was noted in the audit log ([2-9]|\d\d) times",
    "create_on_one_number": r"one number was given to .*'agents': ([2-9]|\d\d)",
    "restore_against_create": r"[2-9] agents have the number",
    "change_one_agent": r"edits succeeded, and the agent is at|two editors of one version both succeeded",
}


@pytest.mark.parametrize("name", ORGANIZATIONS)
async def test_a_race_over_several_processes_violates_nothing(real: Cluster, name: str) -> None:
    outcome = await play(real, RACES[name], ROUNDS)
    assert outcome.violations == 0, outcome.sentences
    assert outcome.callers >= 20
    assert outcome.answers.total() == ROUNDS * outcome.callers


@pytest.mark.thorough
@pytest.mark.timeout(150)
@pytest.mark.parametrize("name", BROKEN)
async def test_the_same_race_catches_a_server_that_looks_first_and_writes_after(naive: Cluster, name: str) -> None:
    def caught(outcome: Outcome) -> bool:
        return re.search(BROKEN[name], outcome.sentences) is not None

    outcome = await play(naive, RACES[name], MOST_NAIVE_ROUNDS, stop=caught)
    assert caught(outcome), outcome.sentences


async def test_a_line_is_printed_for_each_race_and_what_was_violated_beside_it(naive: Cluster, capsys) -> None:
    violations = await run(naive, ["webhook_replay"], 5)
    told, details = capsys.readouterr()
    (line,) = map(json.loads, told.splitlines())
    assert violations > 0
    assert line == {"race": "webhook_replay", "rounds": 5, "callers": 24, "violations": violations}
    assert "one delivery was" in details
    assert "\r" not in details  # progress is for terminals


def test_a_race_that_does_not_exist_is_refused_with_the_names_of_those_that_do() -> None:
    refused = CliRunner().invoke(cli, ["last_seat", "lost_seat"])
    assert refused.exit_code == 2
    assert "lost_seat" in refused.output
    assert "webhook_replay" in refused.output
