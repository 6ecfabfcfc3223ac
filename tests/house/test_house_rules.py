"""Each house rule finds what it forbids, where it is, and leaves alone what only looks like it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from scripts import house_rules

from switchboard.settings import variables

Write = Callable[[str, str], Path]
ROOT = Path(house_rules.__file__).resolve().parents[1]
INDEX = "https://" + "pypi" + ".example/simple"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Put a file into a project of its own."""

    def put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return tmp_path

    return put


@pytest.mark.parametrize(
    "line",
    [
        f"see {INDEX}/",
        "pip install --" + "index-url x",
        "pip install --" + "extra-index-url x",
        "pip install --" + "find-links x",
        "index-url" + " = x",
        "https://files." + "pythonhosted" + ".org/x.whl",
        "https://mirror.example/" + "simple/",
        "/ro" + "ot/.config/x",
        "in /ho" + "me/ada/project",
        "in /Us" + "ers/ada/project",
    ],
)
def test_an_address_of_an_index_or_a_machine_is_found(write: Write, line: str) -> None:
    root = write("docs/a.md", f"fine\n{line}\n")
    assert [found.split(":")[:2] for found in house_rules.no_addresses(root)] == [["docs/a.md", "2"]]


def test_the_place_of_the_project_itself_is_found(write: Write) -> None:
    root = write("a.txt", "")
    write("a.txt", f"cd {root}\n")
    assert len(list(house_rules.no_addresses(root))) == 1


def test_other_addresses_and_paths_are_fine(write: Write) -> None:
    root = write("a.md", "https://example.com/home/ada/x /home is where\n--no-emit-index-url --no-index ../root/x\n")
    write(".venv/bin/x", INDEX)
    assert list(house_rules.no_addresses(root)) == []


def test_files_that_git_ignores_are_not_searched_but_new_ones_are(write: Write) -> None:
    root = write(".gitignore", "ignored/\n")
    subprocess.run(["git", "init", "-q", str(root)], check=True)  # noqa: S603, S607
    write("ignored/a.txt", INDEX)
    write("new.txt", INDEX)
    assert [found.split(":")[0] for found in house_rules.no_addresses(root)] == ["new.txt"]


PROJECT = '[project]\ndependencies = ["Some_Thing>=1"]\n[project.optional-dependencies]\ndev = ["tool[x]>=2"]\n'
THING = "some-thing==1.0 \\\n    --hash=sha256:00\n    # via switchboard (pyproject.toml)\n"
TOOL = "tool==2.0 ; sys_platform == 'linux' \\\n    --hash=sha256:00\n    # via\n    #   switchboard (pyproject.toml)\n"


def locks(write: Write, run: str, dev: str) -> list[str]:
    write("pyproject.toml", PROJECT)
    write("requirements/run.txt", f"# made by uv\n{run}")
    return list(house_rules.locks_match(write("requirements/dev.txt", f"# made by uv\n{dev}")))


def test_locks_that_match_are_fine(write: Write) -> None:
    assert locks(write, THING, THING + TOOL) == []


@pytest.mark.parametrize(
    ("run", "dev", "told"),
    [
        ("", THING + TOOL, "run.txt: some-thing of pyproject.toml is missing"),
        (THING, THING, "dev.txt: tool of pyproject.toml is missing"),
        (THING, THING + TOOL + THING.replace("some-thing", "gone"), "dev.txt: gone is not in pyproject.toml"),
        (THING.replace("1.0", "1.1"), THING + TOOL, "some-thing has another version"),
        (THING.replace("    --hash=sha256:00\n", ""), THING + TOOL, "run.txt: some-thing has no hash"),
    ],
)
def test_a_lock_that_does_not_match_is_found(write: Write, run: str, dev: str, told: str) -> None:
    assert any(told in problem for problem in locks(write, run, dev))


def test_the_example_of_settings_names_each_variable_with_an_explanation(write: Write) -> None:
    complete = "".join(f"# What it is for.\n# {name}=\n" for name in variables())
    assert list(house_rules.settings_explained(write(".env.example", complete))) == []
    missing = complete.replace("# MONGODB_URI=\n", "# MONGODB_URL=\n").replace(
        "# What it is for.\n# LOG_LEVEL", "# LOG_LEVEL"
    )
    found = list(house_rules.settings_explained(write(".env.example", missing)))
    assert ".env.example: MONGODB_URI is missing" in found
    assert any("MONGODB_URL is not a setting" in problem for problem in found)
    assert any("LOG_LEVEL has no line above it" in problem for problem in found)
    assert len(found) == 3


@pytest.mark.parametrize(
    "line",
    [
        "await document.save()",
        "await document.save_changes()",
        "await document.replace()",
        "task = gather(document.replace())",
        "task = gather(document.replace(session=session))",
        "await documents.replace_one({}, {})",
        "await documents.find_one_and_replace({}, {})",
        "operations.append(ReplaceOne({}, {}))",
        'await documents.update_one({}, [{"$replaceWith": {}}])',
        "use_revision = True",
        "configure(use_revision=True)",
    ],
)
def test_writing_whole_documents_is_found(write: Write, line: str) -> None:
    root = write("src/switchboard/users/documents.py", f"async def change():\n    {line}\n")
    found = list(house_rules.narrow_writes(root))
    assert [problem.split(":")[:2] for problem in found] == [["src/switchboard/users/documents.py", "2"]]


def test_replacing_in_texts_and_dates_is_fine(write: Write) -> None:
    text = 'a = "x".replace("a", "b")\nb = now.replace(tzinfo=UTC)\nc = dataclasses.replace(d, e=1)\n'
    assert list(house_rules.narrow_writes(write("src/switchboard/users/service.py", text))) == []


def test_a_sixth_file_in_a_feature_is_found(write: Write) -> None:
    for name in ("__init__", "model", "documents", "service", "schemas", "routes"):
        root = write(f"src/switchboard/users/{name}.py", "")
    assert list(house_rules.five_files(root)) == []
    write("src/switchboard/users/utils.py", "")
    write("src/switchboard/calendars/parts/__init__.py", "")
    write("src/switchboard/http/anything.py", "")
    found = [problem.split(":")[0] for problem in house_rules.five_files(root)]
    assert found == ["src/switchboard/users/utils.py", "src/switchboard/calendars/parts"]


def test_a_function_over_fifty_lines_is_found(write: Write) -> None:
    root = write("src/devstack/a.py", "@decorated\nasync def fits():\n" + "    x = 1\n" * 49)
    assert list(house_rules.short_functions(root)) == []
    write("src/devstack/a.py", "class A:\n    def long(self):\n" + "        x = 1\n" * 50)
    assert list(house_rules.short_functions(root)) == ["src/devstack/a.py:2: long has 51 lines"]


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("users/service.py", "from beanie import Document"),
        ("users/model.py", "import pymongo.errors"),
        ("http/paging.py", "from bson import ObjectId"),
        ("app.py", "import motor.motor_asyncio as motor"),
        ("users/service.py", "from fastapi import HTTPException"),
        ("users/schemas.py", "import starlette"),
        ("bootstrap.py", "from fastapi import FastAPI"),
        ("connections/service.py", "import httpx"),
        ("calendars/service.py", "from google.auth import jwt"),
        ("worker.py", "def f():\n    import tenacity"),
    ],
)
def test_a_library_outside_its_place_is_found(write: Write, place: str, line: str) -> None:
    assert len(list(house_rules.borders(write(f"src/switchboard/{place}", line)))) == 1


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("users/documents.py", "from beanie import Document"),
        ("mongo.py", "import motor"),
        ("migrations/steps.py", "import pymongo"),
        ("users/routes.py", "from fastapi import APIRouter"),
        ("http/deps.py", "from starlette.types import ASGIApp"),
        ("clients/google.py", "import aiohttp"),
        ("users/service.py", "from switchboard.clients.google import GoogleClient"),
        ("users/service.py", "import googly"),
    ],
)
def test_a_library_in_its_place_is_fine(write: Write, place: str, line: str) -> None:
    assert list(house_rules.borders(write(f"src/switchboard/{place}", line))) == []


def test_the_check_fails_for_a_step_that_finds_something_and_names_it() -> None:
    program = (
        "import sys; sys.path.insert(0, 'scripts'); import checks, house_rules\n"
        "house_rules.RULES['features'] = lambda root: ['here: this']\n"
        "sys.argv = ['check', 'features', 'length']; sys.exit(checks.main())"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)  # noqa: S603
    assert done.returncode == 1
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["failed", "features"],
        ["here:", "this"],
        ["ok", "length"],
    ]
