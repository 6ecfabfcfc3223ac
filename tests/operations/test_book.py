"""What docs/operations.md says of the move, without running it."""

import typer

from switchboard.cli import cli
from tests.operations.book import move


def test_the_steps_of_the_move_are_in_order() -> None:
    assert list(move()) == [
        "Prepare", "Check", "Back up", "Migrate", "Normalise", "Back-fill", "Import the agents", "Verify",
        "Switch", "Roll back",
        "Afterwards",
    ]  # fmt: skip


def test_every_command_of_the_move_exists() -> None:
    known = typer.main.get_command(cli).commands  # type: ignore[attr-defined]

    for commands in move().values():
        for command in commands:
            leaf = known[command[0]]
            words = command[1:]
            if hasattr(leaf, "commands"):
                leaf, words = leaf.commands[words[0]], words[1:]
            options = {option for parameter in leaf.params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= options, command
