"""Makes the project's environment (.venv) from the hash-pinned lock, and runs programs in it.

Only the standard library, and no syntax newer than Python 3.7, so that an old interpreter gets as far as looking for
a newer one. `python3 scripts/environment.py` makes the environment and does nothing else.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
NEWEST_TRIED = 15
# What would send pip's files elsewhere, or another project's modules in here.
MISLEADING = ("PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_ROOT", "PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")


class Problem(Exception):
    """A sentence for the person at the terminal."""


class Environment:
    """`.venv` of one checkout. It is complete when its stamp says what it was made from, and only then."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.lock = root / "requirements" / "dev.txt"
        self.project = root / "pyproject.toml"
        self.stamp = self.folder / "switchboard-stamp.json"

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def made_from(self) -> dict:
        """What decides whether the environment is still right."""
        interpreter = os.path.realpath(self.python)
        return {
            "root": str(self.root),
            "python": interpreter if os.access(interpreter, os.X_OK) else "",
            "python_changed": os.stat(interpreter).st_mtime_ns if os.path.exists(interpreter) else 0,
            "lock": hashlib.sha256(self.lock.read_bytes()).hexdigest(),
            "project": hashlib.sha256(_packaging_part(self.project.read_text("utf-8"))).hexdigest(),
        }

    def stamped(self) -> dict:
        try:
            return dict(json.loads(self.stamp.read_text("utf-8")))
        except (OSError, ValueError):
            return {}

    def complete(self) -> bool:
        return self.stamped() == self.made_from()

    def ensure(self) -> None:
        """Make it or bring it up to date; a second run at the same time waits for the first."""
        if self.complete():
            return
        with open(self.lock, "rb") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                say("Another run is making the environment; waiting for it.")
                fcntl.flock(held, fcntl.LOCK_EX)
            if not self.complete():
                self._make()

    def _make(self) -> None:
        began = time.monotonic()
        if self._usable():
            say("Bringing the environment up to date ...")
        else:
            base = find_python()
            say(f"Making the environment in .venv with {base} ...")
            self._run([base, "-m", "venv", "--clear", str(self.folder)], "The environment could not be made.")
        _forget(self.stamp)  # whoever is interrupted from here on leaves an environment that is made anew
        say("Installing the packages of requirements/dev.txt ...")
        self._pip("--require-hashes", "-r", str(self.lock))
        say("Installing the project itself ...")
        self._pip("--no-deps", "--no-build-isolation", "--no-index", "-e", str(self.root))
        self._finish()
        say(f"The environment is ready ({time.monotonic() - began:.0f} s).")

    def _usable(self) -> bool:
        """Complete once, in this place, by this very interpreter: then pip alone can bring it up to date."""
        then, now = self.stamped(), self.made_from()
        same = ("root", "python", "python_changed")
        return bool(then) and all(then.get(name) == now[name] for name in same)

    def _finish(self) -> None:
        half = self.stamp.with_suffix(".half")
        half.write_text(json.dumps(self.made_from()), "utf-8")
        os.replace(half, self.stamp)

    def _pip(self, *arguments: str) -> None:
        command = [str(self.python), "-m", "pip", "install", "-qq", "--progress-bar", "off", "--no-input"]
        command += ["--disable-pip-version-check", "--no-warn-script-location", *arguments]
        self._run(command, "The packages could not be installed; pip says why above.")

    def _run(self, command: list, failure: str) -> None:
        variables = {name: value for name, value in os.environ.items() if name not in MISLEADING}
        if subprocess.call(command, env=variables, cwd=str(self.root)) != 0:
            raise Problem(failure)


def find_python() -> str:
    """An interpreter that is new enough and can make environments: the running one if it is."""
    running = getattr(sys, "_base_executable", None) or sys.executable
    names = [f"python3.{minor}" for minor in range(OLDEST[1], NEWEST_TRIED)] + ["python3", "python"]
    candidates = [running] + [found for found in map(shutil.which, names) if found]
    incomplete = ""
    for candidate in dict.fromkeys(candidates):
        answer = _asked(candidate)
        if answer == "complete":
            return candidate
        if answer == "incomplete":
            incomplete = candidate
    if incomplete:
        raise Problem(
            f"{incomplete} cannot make environments: its venv or ensurepip is missing. Install it (Debian and Ubuntu: "
            "'apt install python3-venv'), then run this again."
        )
    raise Problem(
        "Python {}.{} or newer is needed, and this one is {}.{}. Install one (for instance from python.org) so that "
        "python3 or python3.11 finds it, then run this again.".format(*OLDEST, *sys.version_info[:2])
    )


def _asked(python: str) -> str:
    """Whether it is `complete`, `incomplete` (no venv or ensurepip), or nothing: too old, or it does not start."""
    question = (
        "import sys\n"
        f"if sys.version_info < {OLDEST!r}: sys.exit(3)\n"
        "try: import venv, ensurepip\n"
        "except ImportError: sys.exit(4)\n"
    )
    try:
        silence = subprocess.DEVNULL
        code = subprocess.call([python, "-I", "-c", question], stdout=silence, stderr=silence, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return {0: "complete", 4: "incomplete"}.get(code, "")


def _packaging_part(text: str) -> bytes:
    """pyproject.toml without the sections of tools, which no installation depends on (setuptools' own excepted)."""
    kept, keep = [], True
    for line in text.splitlines():
        if line.startswith("["):
            keep = not line.startswith(("[tool.", "[[tool.")) or line.startswith("[tool.setuptools")
        if keep:
            kept.append(line.strip())
    return "\n".join(line for line in kept if line and not line.startswith("#")).encode()


def _forget(path: Path) -> None:
    if path.exists():
        path.unlink()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def enter(*arguments: str, cwd: Path | None = None) -> None:
    """Become `python ARGUMENTS` of the environment, made first if need be."""
    prepare()
    environment = Environment()
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    variables["VIRTUAL_ENV"] = str(environment.folder)
    variables["PATH"] = os.pathsep.join([str(environment.folder / "bin"), variables.get("PATH", os.defpath)])
    if cwd is not None:
        os.chdir(str(cwd))
    os.execve(str(environment.python), [str(environment.python), *arguments], variables)


def prepare() -> None:
    """Make the environment, or end with a sentence."""
    try:
        Environment().ensure()
    except Problem as problem:
        sys.exit(str(problem))
    except KeyboardInterrupt:
        say("Interrupted; the next run begins again.")
        sys.exit(130)


if __name__ == "__main__":
    prepare()
