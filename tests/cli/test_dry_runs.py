"""No dry run writes anything: the database hashes the same, and the oplog is silent. Others are with their commands."""

import asyncio

from bson import ObjectId

from switchboard.crypto import KeyRing
from tests.http.served import SEALING_KEY
from tests.operators import Operator
from tests.schema import clinic


async def test_what_takes_back_drops_switches_or_seals_anew_writes_nothing_in_a_dry_run(operator: Operator) -> None:
    operator.database["agents"].insert_one({"_id": ObjectId(), "agentId": "old"})
    operator.database["users"].insert_one({"user_id": "u", "scope": "openid email"})
    assert (await operator.run("migrate")).code == 0
    run_id = (await operator.run("normalize-users", "--json")).report["run_id"]
    clinic.fill(operator.database, KeyRing.read(SEALING_KEY))
    assert (await operator.run("indexes", "apply")).code == 0

    with operator.untouched():
        ended = await asyncio.gather(
            operator.run("migrate", "--undo", "2", "--dry-run", "--json"),
            operator.run("runs", "undo", run_id, "--dry-run", "--json"),
            operator.run("indexes", "drop", "users.user_id_unique", "--dry-run", "--json"),
            operator.run("validators", "apply", "--error", "agents", "--dry-run", "--json"),
            operator.run("secrets", "rotate", "--dry-run", "--json"),
            operator.run("take-back-agents", run_id, "--dry-run", "--json"),
        )

    assert [each.code for each in ended] == [0, 0, 0, 0, 0, 1], [each.err for each in ended]
    taken, undone, dropped, *_ = (each.report for each in ended[:-1])
    assert (taken["step"], taken["dry_run"], undone["restored"]) == (2, True, 1)
    assert dropped["done"] == ["users.user_id_unique would be dropped."]

    for arguments in (
        ("indexes", "drop", "users.user_id_unique"),
        ("migrate", "--undo", "2"),
        ("runs", "undo", run_id),
    ):
        assert (await operator.run(*arguments)).code == 0, arguments
    assert "user_id_unique" not in operator.database["users"].index_information()
    assert operator.database["users"].find_one({"user_id": "u"})["scope"] == "openid email"
