"""Which steps may be applied, with plain objects and packages of their own."""

import importlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

from switchboard.migrations import steps
from switchboard.migrations.documents import AppliedStep
from switchboard.migrations.step import NAME, OutOfOrder, Step, StepChanged, remaining, steps_of

NOW = datetime(2026, 11, 29, tzinfo=UTC)
BODY = """'''{purpose}'''

async def pending(database):
    return 0

async def batch(database, position):
    return None
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    folder = tmp_path / "some_steps"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    for number, name in ((2, "second"), (1, "first"), (10, "tenth")):
        (folder / f"step_{number:04}_{name}.py").write_text(BODY.format(purpose=f"Do the {name} thing."))
    (folder / "notes.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("some_steps")
    for name in [name for name in sys.modules if name.startswith("some_steps")]:
        del sys.modules[name]


def applied(step: Step, **fields: object) -> AppliedStep:
    known = {"number": step.number, "name": step.name, "checksum": step.checksum, "run_id": "r", "applied_at": NOW}
    return AppliedStep.model_validate({**known, **fields})


def test_steps_are_found_by_their_names_and_sorted_by_number(package: ModuleType) -> None:
    found = steps_of(package)

    assert [(step.number, step.name, step.purpose) for step in found] == [
        (1, "first", "Do the first thing."),
        (2, "second", "Do the second thing."),
        (10, "tenth", "Do the tenth thing."),
    ]
    assert len({step.checksum for step in found}) == 3


def test_only_what_was_not_applied_remains(package: ModuleType) -> None:
    first, second, tenth = steps_of(package)

    assert remaining([first, second, tenth], []) == [first, second, tenth]
    assert remaining([first, second, tenth], [applied(first), applied(second)]) == [tenth]


def test_a_step_that_was_changed_after_it_was_applied_is_refused(package: ModuleType) -> None:
    first, *_ = known = steps_of(package)

    with pytest.raises(StepChanged, match=r"Step 1 \(first\) was changed"):
        remaining(known, [applied(first, checksum="another")])


def test_a_database_of_a_newer_version_is_refused(package: ModuleType) -> None:
    known = steps_of(package)

    with pytest.raises(StepChanged, match=r"Step 11 \(newer\).*does not have it"):
        remaining(known, [*(applied(step) for step in known), applied(known[0], number=11, name="newer")])


def test_a_step_that_comes_before_an_applied_one_is_refused(package: ModuleType) -> None:
    first, second, tenth = steps_of(package)

    with pytest.raises(OutOfOrder, match=r"Step 2 \(second\) comes before step 10"):
        remaining([first, second, tenth], [applied(first), applied(tenth)])


def test_our_own_steps_have_numbers_without_gaps_and_say_what_they_do() -> None:
    known = steps_of(steps)

    assert [step.number for step in known] == list(range(1, len(known) + 1))
    assert all(step.purpose.endswith(".") for step in known)
    assert all(NAME.fullmatch(f"step_{step.number:04}_{step.name}") for step in known)
