"""When the environment is made, made anew, or left alone; with a stand-in for Python that only notes what it does."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from scripts import environment
from scripts.environment import Environment, Problem

PYTHON = """\
#!/bin/sh
PATH=/usr/bin:/bin
here=$(dirname "$(readlink -f "$0")")
echo "$*" >> "$here/said"
case "$*" in
  "-m venv --clear "*) rm -rf "$4"; mkdir -p "$4/bin"; ln -s "$here/python" "$4/bin/python" ;;
  *"-m pip"*) [ ! -e "$here/broken" ] ;;
  *) exit $(cat "$here/answer") ;;
esac
"""


class Machine:
    """A project and an interpreter in a folder."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        self.python.parent.mkdir(parents=True)
        self.python.write_text(PYTHON)
        self.python.chmod(0o755)
        self.answers(0)
        self.root = folder / "project"
        (self.root / "requirements").mkdir(parents=True)
        self.write(lock="a==1\n", project='[project]\ndependencies = ["a"]\n[tool.ruff]\nline-length = 1\n')
        self.environment = Environment(self.root)

    def write(self, lock: str = "", project: str = "") -> None:
        if lock:
            (self.root / "requirements" / "dev.txt").write_text(lock)
        if project:
            (self.root / "pyproject.toml").write_text(project)

    def answers(self, code: int) -> None:
        self.python.with_name("answer").write_text(str(code))

    def breaks(self, broken: bool) -> None:
        mark = self.python.with_name("broken")
        mark.touch() if broken else mark.unlink()

    @property
    def did(self) -> list[str]:
        """The steps taken: "venv", and "lock" and "project" for what pip installed; forgotten once read."""
        said = self.python.with_name("said")
        lines = said.read_text().splitlines() if said.exists() else []
        said.unlink(missing_ok=True)
        names = {"-m venv": "venv", "--require-hashes": "lock", "--no-deps": "project"}
        return [name for line in lines for mark, name in names.items() if mark in line]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setattr(environment, "find_python", lambda: str(machine.python))
    return machine


def test_it_is_made_once(machine: Machine) -> None:
    machine.environment.ensure()
    assert machine.did == ["venv", "lock", "project"]
    machine.environment.ensure()
    assert machine.did == []


def test_a_changed_lock_or_dependency_is_installed_into_it(machine: Machine) -> None:
    machine.environment.ensure()
    assert machine.did
    machine.write(lock="a==2\n")
    machine.environment.ensure()
    assert machine.did == ["lock", "project"]
    machine.write(project='[project]\ndependencies = ["b"]\n')
    machine.environment.ensure()
    assert machine.did == ["lock", "project"]


def test_a_changed_section_of_a_tool_changes_nothing(machine: Machine) -> None:
    machine.environment.ensure()
    assert machine.did
    machine.write(project='[project]\ndependencies = ["a"]\n[tool.ruff]\nline-length = 2\n')
    machine.environment.ensure()
    assert machine.did == []


def test_an_installation_that_failed_is_begun_anew(machine: Machine) -> None:
    machine.breaks(True)
    with pytest.raises(Problem):
        machine.environment.ensure()
    assert machine.did == ["venv", "lock"]
    machine.breaks(False)
    machine.environment.ensure()
    assert machine.did == ["venv", "lock", "project"]


def test_an_update_that_failed_is_begun_anew(machine: Machine) -> None:
    machine.environment.ensure()
    machine.write(lock="a==2\n")
    machine.breaks(True)
    with pytest.raises(Problem):
        machine.environment.ensure()
    machine.breaks(False)
    assert machine.did
    machine.environment.ensure()
    assert machine.did == ["venv", "lock", "project"]


def test_another_interpreter_makes_it_anew(machine: Machine) -> None:
    machine.environment.ensure()
    assert machine.did
    machine.python.write_text(PYTHON + "\n")
    machine.environment.ensure()
    assert machine.did == ["venv", "lock", "project"]


def test_of_two_at_once_one_makes_it_and_the_other_waits(machine: Machine) -> None:
    program = textwrap.dedent(f"""
        import sys; sys.path.insert(0, {str(Path(environment.__file__).parent)!r})
        from pathlib import Path
        import environment
        environment.find_python = lambda: {str(machine.python)!r}
        environment.Environment(Path({str(machine.root)!r})).ensure()
    """)
    command, nothing = [sys.executable, "-c", program], subprocess.DEVNULL
    both = [subprocess.Popen(command, stderr=nothing) for _ in range(2)]  # noqa: S603
    assert [process.wait(20) for process in both] == [0, 0]
    assert machine.did == ["venv", "lock", "project"]


@pytest.mark.parametrize(("code", "words"), [(3, "Python 3.11 or newer is needed"), (4, "python3-venv")])
def test_a_python_that_will_not_do_is_answered_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    machine = Machine(tmp_path)
    machine.answers(code)
    monkeypatch.setattr(environment.sys, "_base_executable", str(machine.python))
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(Problem, match=words):
        environment.find_python()


def test_a_python_on_the_path_is_found_when_the_running_one_is_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = Machine(tmp_path / "old"), Machine(tmp_path / "new")
    old.answers(3)
    named = new.python.with_name("python3.12")
    named.symlink_to(new.python)
    monkeypatch.setattr(environment.sys, "_base_executable", str(old.python))
    monkeypatch.setenv("PATH", str(named.parent))
    assert environment.find_python() == str(named)
