"""The doors in `scripts/`: a few lines that lead to a command of the same name."""

import os
import re
from pathlib import Path

import click
import pytest
import typer

from switchboard.cli import cli

ROOT = Path(__file__).resolve().parent.parent.parent
DOOR = re.compile(r'^enter\("-m", "switchboard", "([a-z-]+)", \*sys\.argv\[1:\]\)$', re.MULTILINE)
DOORS = {path.name: path for path in (ROOT / "scripts").glob("*.py") if DOOR.search(path.read_text("utf-8"))}
DATA_SCRIPTS = {
    "migrate", "normalize-users", "backfill", "import-agents", "doctor", "validators", "indexes", "er", "export-sql",
    "delete-user", "anonymise-user",
}  # fmt: skip


def commands() -> dict[str, click.Command]:
    group = typer.main.get_command(cli)
    found: dict[str, click.Command] = vars(group)["commands"]
    return found


@pytest.mark.parametrize("name", sorted(DOORS))
def test_a_door_leads_to_the_command_of_its_name(name: str) -> None:
    text = DOORS[name].read_text("utf-8")
    command = DOOR.findall(text)

    assert command == [name.removesuffix(".py").replace("_", "-")]
    assert command[0] in commands()
    assert len(text.splitlines()) < 12
    assert os.access(DOORS[name], os.X_OK)


def test_every_data_script_has_a_door() -> None:
    doors = {name.removesuffix(".py").replace("_", "-") for name in DOORS}

    assert doors >= DATA_SCRIPTS


@pytest.mark.parametrize("name", sorted(DATA_SCRIPTS))
def test_every_data_script_explains_itself_and_reports_in_json(name: str) -> None:
    command = commands()[name]
    leaves = list(getattr(command, "commands", {}).values()) or [command]

    for leaf in leaves:
        options = {option for parameter in leaf.params for option in parameter.opts}
        assert leaf.help, name
        assert "--json" in options, (name, leaf.name)
        if leaf.name not in ("diff", "report", "er"):  # those write nothing in the database
            assert "--dry-run" in options, (name, leaf.name)
