"""Servers of other databases, started by the tests that ask for `--sql-servers`, where their programs are installed."""

import getpass
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest

from devstack.mongod import free_port

PLACES = os.pathsep.join(
    [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", *map(str, Path("/usr/lib/postgresql").glob("*/bin"))]
)
PASSWORD = "a p@ss/word'\\"
SECONDS = 40


@dataclass(frozen=True)
class Server:
    """A server on this machine. `script` sends SQL to a database as its own client does, stopping at an error."""

    dialect: str
    address: str
    script: Callable[[str, str], str]

    def made(self) -> str:
        """A new database; its address ends with its name."""
        name = f"switchboard_{uuid4().hex[:8]}"
        self.script("", f"CREATE DATABASE {name};")
        return name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without the option these tests are not there, so that nothing is told as skipped that nobody asked for."""
    if config.getoption("--sql-servers"):
        return
    unwanted = [item for item in items if item.get_closest_marker("sql_servers")]
    if unwanted:
        config.hook.pytest_deselected(items=unwanted)
        items[:] = [item for item in items if item not in unwanted]


@pytest.fixture(scope="session", params=["postgresql", "mysql"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with {"postgresql": _postgresql, "mysql": _mariadb}[request.param]() as running:
        yield running


@contextmanager
def _postgresql() -> Iterator[Server]:
    initdb, postgres, psql = _programs("initdb", "postgres", "psql")
    with _folder() as folder:
        (folder / "password").write_text(PASSWORD)
        user = ("-U", "operator", "-A", "scram-sha-256", f"--pwfile={folder}/password")
        _run(initdb, "-D", f"{folder}/data", *user, "--no-sync", "-E", "UTF8", "--locale=C", inside=folder)
        port = free_port()
        where = ("-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off")
        known = {"PGPASSWORD": PASSWORD, "PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "operator"}

        def script(database: str, text: str) -> str:
            file = folder / "script.sql"
            file.write_bytes(text.encode())
            return _run(
                psql, "-X", "-q", "-A", "-t", "-d", database or "postgres", "-f", str(file), inside=folder, **known
            )

        with _started(folder, postgres, "-D", f"{folder}/data", *where):
            _until(lambda: script("", "SELECT 1;"))
            yield Server("postgresql", f"postgresql://operator:{_quoted(PASSWORD)}@127.0.0.1:{port}/", script)


@contextmanager
def _mariadb() -> Iterator[Server]:
    install, mariadbd, mariadb = _programs("mariadb-install-db", "mariadbd", "mariadb")
    with _folder() as folder:
        data, socket = f"--datadir={folder}/data", f"--socket={folder}/socket"
        _run(
            install, "--no-defaults", data, "--auth-root-authentication-method=normal", "--skip-test-db", inside=folder
        )
        port = free_port()
        where = (socket, f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={folder}/pid", f"--tmpdir={folder}")
        quick = ("--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0")

        def script(database: str, text: str) -> str:
            client = (mariadb, "--no-defaults", socket, "-u", "root", "-N", "--raw", *([database] if database else []))
            return _run(*client, inside=folder, given=text)

        with _started(folder, mariadbd, "--no-defaults", data, *where, *quick):
            _until(lambda: script("", "SELECT 1;"))
            password = PASSWORD.replace("\\", "\\\\").replace("'", "\\'")
            script("", f"CREATE USER operator@'%' IDENTIFIED BY '{password}'; GRANT ALL ON *.* TO operator@'%';")
            yield Server("mysql", f"mysql://operator:{_quoted(PASSWORD)}@127.0.0.1:{port}/", script)


def _quoted(password: str) -> str:
    return quote(password, safe="")


def _programs(*names: str) -> list[str]:
    found = [shutil.which(name, path=PLACES) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        pytest.skip(f"not installed here: {', '.join(missing)}")
    return [str(path) for path in found]


@contextmanager
def _folder() -> Iterator[Path]:
    """Of whoever runs the server: none of them runs as root."""
    folder = Path(tempfile.mkdtemp(prefix="sql-"))
    try:
        shutil.chown(folder, _user())
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _user() -> str:
    return pwd.getpwnam("nobody").pw_name if os.geteuid() == 0 else getpass.getuser()


def _run(*command: str, inside: Path, given: str = "", **variables: str) -> str:
    environment = {"PATH": PLACES, "HOME": str(inside), "LC_ALL": "C.UTF-8", **variables}
    done = subprocess.run(  # noqa: S603
        command, cwd=inside, input=given.encode(), capture_output=True, env=environment, user=_user(), timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode()


@contextmanager
def _started(folder: Path, *command: str) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        environment = {"PATH": PLACES, "HOME": str(folder), "LC_ALL": "C.UTF-8"}
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment, user=_user())  # noqa: S603
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _until(answers: Callable[[], str]) -> None:
    """Until it answers; a server takes some seconds to start."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            answers()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
