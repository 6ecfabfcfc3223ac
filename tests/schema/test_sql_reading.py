"""Collections are read as they were at one moment, and only what was read back as it was is kept."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from bson import ObjectId

from switchboard.errors import Misconfigured, SwitchboardError
from switchboard.mongo import Database
from switchboard.schema.reading import read_registry
from switchboard.schema.sql.address import read_address
from switchboard.schema.sql.database import DatabaseTarget
from switchboard.schema.sql.export import Export, NotTheSame
from switchboard.schema.sql.reading import Moment
from switchboard.schema.sql.rows import Row
from switchboard.schema.sql.tables import tables
from tests.fail_points import FailPoint, failing
from tests.operators import Operator
from tests.schema.sql_stored import fill
from tests.world import World


@pytest.fixture
async def database(world: World, operator: Operator) -> Database:
    return world.services.transactions._client[operator.name]


@pytest.fixture
async def moment(database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Moment]:
    monkeypatch.setattr("switchboard.schema.sql.reading.BATCH", 10)
    opened = Moment(database)
    yield opened
    await opened.close()


def refusing(operator: Operator, code: int, times: int = 1) -> AbstractContextManager[FailPoint]:
    """MongoDB refuses to send more of a collection so many times."""
    return failing(operator.mongo, "getMore", times=times, errorCode=code, namespace=f"{operator.name}.things")


async def ids(moment: Moment, collection: str) -> list[Any]:
    return [stored["_id"] async for batch in moment.batches(collection) for stored in batch]


async def test_what_is_written_after_the_first_read_is_not_seen_in_any_collection(
    operator: Operator, moment: Moment
) -> None:
    operator.database["things"].insert_many({"_id": number} for number in range(35))
    operator.database["others"].insert_one({"_id": "first"})
    found: list[Any] = []
    async for batch in moment.batches("things"):
        operator.database["others"].insert_one({"_id": len(found)})
        operator.database["things"].delete_one({"_id": 34})
        found += [stored["_id"] for stored in batch]
    assert found == list(range(35))
    assert (await ids(moment, "others"), moment.number) == (["first"], 1)


@pytest.mark.parametrize("code", [239, 246])
async def test_when_the_moment_is_gone_it_goes_on_at_a_later_one_with_each_document_once(
    operator: Operator, moment: Moment, code: int
) -> None:
    kept: list[Any] = [*range(15), *(f"text {number:02d}" for number in range(15)), *(ObjectId() for _ in range(15))]
    operator.database["things"].insert_many({"_id": each} for each in kept)
    with refusing(operator, code, times=3):
        assert await ids(moment, "things") == kept
    assert moment.number == 4


@pytest.mark.parametrize(("code", "kind"), [(13, Misconfigured), (2, SwitchboardError)])
async def test_a_missing_right_and_any_other_refusal_of_mongodb_are_sentences(
    operator: Operator, moment: Moment, code: int, kind: type[SwitchboardError]
) -> None:
    operator.database["things"].insert_many({"_id": number} for number in range(35))
    with refusing(operator, code), pytest.raises(kind):
        await ids(moment, "things")


async def test_a_collection_that_is_not_there_is_empty(moment: Moment) -> None:
    assert (await ids(moment, "nothing"), await moment.size("nothing")) == ([], 0)


class Untouchable:
    """A target that a dry run may look at."""

    place = "nowhere"

    def check(self) -> None: ...

    def close(self) -> None: ...

    def begin(self) -> None:
        raise AssertionError

    keep = begin

    def write(self, _: sa.Table, __: list[Row]) -> None:
        raise AssertionError

    def read(self, _: sa.Table) -> Iterator[list[Row]]:
        raise AssertionError


async def test_a_dry_run_counts_what_would_be_written_and_touches_nothing(
    operator: Operator, database: Database
) -> None:
    expected = fill(operator.database)
    export = Export(tables(read_registry()), "mysql", Untouchable(), dry_run=True)
    with operator.untouched():
        report = await export.run(database, lambda *_: nullcontext(lambda _: None))
        export.make_tables()
    assert {name: found.rows for name, found in report.tables.items()} == expected


async def test_one_value_that_comes_back_as_another_ends_the_export_and_nothing_is_kept(
    operator: Operator, database: Database, tmp_path: Path
) -> None:
    fill(operator.database)
    metadata = tables(read_registry())
    target = DatabaseTarget(read_address(f"sqlite:///{tmp_path}/out.db")[0], metadata, replace=False, private=False)
    change = sa.DDL(
        "CREATE TRIGGER another AFTER INSERT ON agents BEGIN UPDATE agents SET name = name || '.' "
        "WHERE agent_id = NEW.agent_id; END"
    )
    sa.event.listen(metadata.tables["agents"], "after_create", change)

    with pytest.raises(NotTheSame) as refused:
        await Export(metadata, "sqlite", target).run(database, lambda *_: nullcontext(lambda _: None))

    assert refused.value.message.startswith("What was read back from agents is not what was written: 2 rows with ")
    assert refused.value.message.endswith(" Nothing was exported.")
    assert os.listdir(tmp_path) == []
