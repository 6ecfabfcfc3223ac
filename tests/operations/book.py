"""docs/operations.md as something that runs: its commands by their headings, so that what is tested stands there."""

import re
import shlex
from pathlib import Path

BOOK = Path(__file__).resolve().parent.parent.parent / "docs" / "operations.md"
MOVE = "## The move from the old backend\n"

Command = tuple[str, ...]


def move() -> dict[str, list[Command]]:
    """The arguments of `switchboard` in each step of the move; other lines are the operator's own."""
    text = BOOK.read_text("utf-8").partition(MOVE)[2].partition("\n## ")[0]
    steps = re.findall(r"^### (?:\d+\. )?(.+?)\n(.*?)(?=^### |\Z)", text, re.DOTALL | re.MULTILINE)
    return {heading: _commands(body) for heading, body in steps}


def _commands(body: str) -> list[Command]:
    blocks = re.findall(r"```sh\n(.*?)```", body, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [tuple(shlex.split(line)[1:]) for line in lines if line.startswith("switchboard ")]
