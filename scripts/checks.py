"""The steps of `scripts/check`: each prints a line with its time, a failing one also what it found."""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import house_rules

ROOT = Path(__file__).resolve().parent.parent
TOOLS = {
    "ruff": ["ruff", "check"],
    "format": ["ruff", "format", "--check"],
    "types": ["mypy"],
    "order": ["lint-imports", "--no-logo"],
}


def tool(command: list[str]) -> list[str]:
    """What a tool of the environment complains of."""
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([str(program), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


def openapi() -> list[str]:
    """Whether docs/openapi.json is what the routes say."""
    command = [sys.executable, "-m", "switchboard", "openapi"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    kept = ROOT / "docs" / "openapi.json"
    if kept.exists() and kept.read_text("utf-8") == said:
        return []
    return ["docs/openapi.json is not what the routes say; `switchboard openapi >docs/openapi.json` writes it"]


def steps() -> dict[str, Callable[[], list[str]]]:
    """All of them by name, in order."""
    made: dict[str, Callable[[], list[str]]] = {}
    for name, command in TOOLS.items():
        made[name] = lambda command=command: tool(command)  # type: ignore[misc]
    for name, rule in house_rules.RULES.items():
        made[name] = lambda rule=rule: list(rule(ROOT))  # type: ignore[misc]
    made["openapi"] = openapi
    return made


def run(name: str, step: Callable[[], list[str]]) -> bool:
    """Whether it found nothing."""
    began = time.monotonic()
    problems = step()
    print(f"{'failed' if problems else 'ok':<7}{name:<10}{time.monotonic() - began:6.1f} s", flush=True)
    for problem in problems:
        print(f"       {problem}".rstrip(), flush=True)
    return not problems


def main() -> int:
    """Run the steps named, or all; 1 if any failed."""
    known = steps()
    parser = argparse.ArgumentParser(prog="scripts/check", description="Check style, types, order and house rules.")
    parser.add_argument("steps", nargs="*", metavar="STEP", help=f"one of: {', '.join(known)} (default: all)")
    asked = parser.parse_args().steps
    unknown = [name for name in asked if name not in known]
    if unknown:
        parser.error(f"there is no step {', '.join(unknown)}")
    results = [run(name, known[name]) for name in asked or known]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
