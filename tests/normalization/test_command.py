"""`switchboard normalize-users` as an operator runs it: its report, its exit codes, and what stops it half way."""

import asyncio
import os
import signal
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import bson
from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from devstack.old_shapes import old_user, old_users
from tests.fail_points import failing, held_up
from tests.operators import Operator
from tests.world import eventually

Json = dict[str, Any]


def stored(operator: Operator, database: str | None = None) -> dict[Any, Json]:
    found = operator.mongo[database or operator.name]["users"].find()
    return {each["_id"]: dict(sorted(each.items())) for each in found}


def fill(operator: Operator, documents: Iterable[Json]) -> dict[Any, Json]:
    operator.database["users"].insert_many(list(documents))
    return stored(operator)


async def test_a_dry_run_writes_nothing_a_run_leaves_all_clean_and_undoing_it_brings_all_back(
    operator: Operator,
) -> None:
    before = fill(operator, old_users(200, duplicates=True, people_twice=True))
    with operator.untouched():
        dry = await operator.run("normalize-users", "--dry-run", "--json")
    real = await operator.run("normalize-users", "--json")
    after = stored(operator)
    again = await operator.run("normalize-users")

    assert (dry.code, real.code, again.code) == (3, 0, 0), (dry.err, real.err, again.err)
    plan, report = dry.report, real.report
    assert (plan["dry_run"], plan["run_id"], plan["looked_at"], plan["changed"]) == (True, None, 200, 0)
    assert {name: each["count"] for name, each in plan["variants"].items()} == {
        **dict.fromkeys(("v1", "v1_with_names", "v1_refreshed", "v2", "v2_then_v3"), 20),
        **dict.fromkeys(("welcome_only", "welcome_then_sign_in", "guide"), 20),
        "v3": 40,
    }
    assert plan["changes"]["scope_to_list"]["count"] == report["changes"]["scope_to_list"]["count"] == 60
    assert plan["duplicates"]["merged"] == report["duplicates"]["merged"] == report["duplicates"]["removed"] == 20
    assert plan["people"]["merged"] == report["people"]["merged"] == 2
    assert (report["dry_run"], report["clean"], report["left"], report["looked_at"]) == (False, True, {}, 180)
    assert report["notes"]["unknown_timezone"]["count"] == 8
    assert len(after) == len({each["user_id"] for each in after.values()}) == 180
    assert all(isinstance(each.get("scope", []), list) for each in after.values())
    assert stored(operator) == after
    assert "0 of 180 documents were changed." in again.out
    assert "2 people have a Google id and a PropelAuth id: see --merge-by-email" in again.out
    assert again.out.endswith("Everything is clean.\n")
    for said in (dry, real, again):
        told = f"{said.out}{said.err}"
        for secret in (before[old_user(3)["_id"]], before[old_user(8)["_id"]]):
            assert not any(secret[name][:12] in told for name in ("access_token", "refresh_token", "client_secret"))
        assert "person" not in told.replace("a person", "")

    undone = await operator.run("runs", "undo", report["run_id"], "--json")
    assert (undone.code, undone.report["changed_since"]) == (0, 0), undone.err
    assert stored(operator) == before


TEXTS = {"$expr": {"$eq": [{"$type": "$scope"}, "string"]}}


async def stopped(operator: Operator, by: signal.Signals, position: Any) -> tuple[int, str]:
    """Start it, and stop it once it has written something and noted a position behind this one."""
    runs, users = operator.database["runs"], operator.database["users"]
    texts = users.count_documents(TEXTS)
    process = await operator.start("normalize-users")

    def under_way() -> bool:
        behind = runs.find_one({"position": {"$ne": position}})
        return process.returncode is not None or (bool(behind) and users.count_documents(TEXTS) < texts)

    with failing(operator.mongo, "update", namespace=f"{operator.name}.users", **held_up(0.1)):
        await eventually(under_way, 30)
        os.kill(process.pid, by)
        out, err = await asyncio.wait_for(process.communicate(), 20)
    assert out == b""
    assert process.returncode is not None
    return process.returncode, err.decode()


async def test_stopped_by_ctrl_c_and_killed_it_goes_on_and_ends_as_if_nobody_had_stopped_it(operator: Operator) -> None:
    fill(operator, (old_user(number, duplicates=number < 100) for number in range(6000)))
    copy = f"{operator.name}_copy"
    runs, users = operator.database["runs"], operator.database["users"]
    users.aggregate([{"$out": {"db": copy, "coll": "users"}}])
    some = users.count_documents(TEXTS)
    try:
        interrupted = await stopped(operator, signal.SIGINT, None)
        assert interrupted == (130, "Stopped. What was done is kept; the same command goes on from there.\n")
        run = runs.find_one()
        assert (run["state"], run["open"]) == ("stopped", True)
        half = users.count_documents(TEXTS)

        killed, _ = await stopped(operator, signal.SIGKILL, run["position"])
        assert killed == -signal.SIGKILL
        run = runs.find_one()
        assert (run["state"], run["open"]) == ("running", True)
        assert 0 < users.count_documents(TEXTS) < half < some
        runs.update_one({}, {"$set": {"leased_until": datetime.now(UTC)}})  # as if half a minute were over

        ended, undisturbed = await asyncio.gather(
            operator.run("normalize-users", "--json"),
            operator.run("normalize-users", "--json", MONGODB_DATABASE=copy),
        )
        assert (ended.code, undisturbed.code) == (0, 0), (ended.err, undisturbed.err)
        assert stored(operator) == stored(operator, copy)
        assert ended.report["run_id"] == run["run_id"]
        assert ended.report["looked_at"] == undisturbed.report["looked_at"] == 5990
    finally:
        operator.mongo.drop_database(copy)


async def test_ctrl_c_does_not_wait_for_what_mongodb_is_still_working_on(operator: Operator) -> None:
    fill(operator, (old_user(number) for number in range(10)))
    with failing(operator.mongo, "aggregate", namespace=f"{operator.name}.users", **held_up(5)) as point:
        process = await operator.start("normalize-users", "--dry-run")
        await point.met()
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), 3.5)

    stopped_with = "Stopped. What was done is kept; the same command goes on from there.\n"
    assert (process.returncode, err.decode()) == (130, stopped_with)


async def test_what_is_left_for_a_person_is_told_by_id_with_exit_code_3_and_options_do_what_they_say(
    operator: Operator,
) -> None:
    odd_id = ObjectId()
    google = {**old_user(0), "email": "Ada@Bücher.example", "client_id": "client"}
    google["user_info"] = {**google["user_info"], "email": "ada@bücher.example"}
    propelauth = {"_id": ObjectId(), "user_id": "ada", "email": "ada@xn--bcher-kva.example", "email_confirmed": True}
    fill(
        operator,
        [
            google,
            propelauth,
            {
                "_id": odd_id,
                "user_id": "odd",
                "token_expiration": "s3cret",
                "scope": 5,
                "created_at": odd_id.generation_time,
            },
            {
                "_id": ObjectId(),
                "user_id": "v2",
                "propels_access_token": "s3cret",
                "expires_in": 5,
                "scopes": ["openid"],
            },
            *(old_user(number, people_twice=True) for number in (100, 105)),
            {**old_user(105, people_twice=True), "_id": ObjectId(), "user_id": "one too many"},
        ],
    )
    with operator.untouched():
        options = ("--merge-by-email", "--drop-obsolete")
        dry = await operator.run("normalize-users", *options, "--dry-run")
    real = await operator.run("normalize-users", *options, "--json")

    assert (dry.code, real.code) == (3, 3), (dry.err, real.err)
    assert f"    id={odd_id} user_id=odd field=scope before=5" in dry.out.splitlines()
    report = real.report
    assert (report["left"]["odd_value"]["count"], report["left"]["people_several"]["count"]) == (2, 1)
    assert set(report["left"]) == {"odd_value", "people_several"}
    assert (report["people"]["merged"], report["people"]["several"]) == (1, 1)
    ada = operator.database["users"].find_one({"user_id": "ada"})
    assert (ada["_id"], ada["refresh_token"]) == (propelauth["_id"], google["refresh_token"])
    assert isinstance(ada["scope"], list)
    assert not {"expires_in", "client_id", "client_secret"} & set(ada)
    assert operator.database["users"].find_one({"user_id": google["user_id"]}) is None
    v2 = operator.database["users"].find_one({"user_id": "v2"})
    assert set(v2) == {"_id", "user_id", "scope", "has_calendar_access", "created_at"}
    other = operator.database["users"].find_one({"user_id": "one too many"})
    assert "client_id" in other
    assert "s3cret" not in f"{dry.out}{dry.err}{real.out}{real.err}"


async def test_documents_with_text_that_is_not_utf_8_are_not_merged_for_they_could_not_be_put_back(
    operator: Operator,
) -> None:
    raw = operator.database.get_collection("users", codec_options=CodecOptions(document_class=RawBSONDocument))
    for name in (b"J\xfcrg", b"Jurg"):
        encoded = bson.encode({"_id": ObjectId(), "user_id": "twice", "name": "Jxrg"}).replace(b"Jxrg", name)
        raw.insert_one(RawBSONDocument(encoded))

    ended = await operator.run("normalize-users", "--json")

    assert (ended.code, ended.report["duplicates"]["refused"], ended.report["duplicates"]["merged"]) == (3, 1, 0)
    kept = [document.raw for document in raw.find()]
    assert [sum(name in each for each in kept) for name in (b"J\xfcrg", b"Jurg")] == [1, 1]
