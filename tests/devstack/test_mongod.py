"""The mongod of the tests and of the local stack: starts, stops, crashes and stalls as a real one."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient, WriteConcern
from pymongo.errors import PyMongoError

from devstack import mongod as mongod_module
from devstack.mongod import Mongod, MongodFailed, MongodMissing

SOURCE = Path(mongod_module.__file__).parents[1]
Client = MongoClient[dict[str, Any]]


def connect(mongod: Mongod, timeout_ms: int = 5000) -> Client:
    return MongoClient(mongod.uri, timeoutMS=timeout_ms)


def wait_until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """A zombie that nobody has collected yet is not alive."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture(scope="module")
def shared() -> Iterator[Mongod]:
    with Mongod() as mongod:
        yield mongod


def test_it_is_a_writable_primary_with_transactions(shared: Mongod) -> None:
    with connect(shared) as client:
        client.shop.drop_collection("orders")
        client.shop.create_collection("orders")
        with client.start_session() as session, session.start_transaction():
            client.shop.orders.insert_one({"n": 1}, session=session)
            session.abort_transaction()
        assert client.shop.orders.count_documents({}) == 0
        with client.start_session() as session, session.start_transaction():
            client.shop.orders.insert_one({"n": 2}, session=session)
        assert client.shop.orders.count_documents({"n": 2}) == 1


def test_it_listens_on_the_loopback_address_only(shared: Mongod) -> None:
    with connect(shared) as client:
        options = client.admin.command("getCmdLineOpts")["parsed"]
    assert options["net"]["bindIp"] == "127.0.0.1"
    assert "enableTestCommands" not in options["setParameter"]


def test_test_commands_are_enabled_only_on_request() -> None:
    with Mongod(test_commands=True) as mongod, connect(mongod) as client:
        answer = client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert answer["ok"] == 1.0


def test_data_survive_a_stop_and_a_start_on_another_port(tmp_path: Path) -> None:
    first = Mongod(tmp_path).start()
    with connect(first) as client:
        client.shop.orders.insert_one({"_id": "kept"})
    first.stop()
    assert not first.running
    with Mongod(tmp_path) as second, connect(second) as client:
        assert second.port != first.port
        assert client.shop.orders.find_one() == {"_id": "kept"}
        members = client.admin.command("replSetGetConfig")["config"]["members"]
        assert [member["host"] for member in members] == [f"127.0.0.1:{second.port}"]


def test_a_given_port_is_kept_over_restarts() -> None:
    with Mongod(port=mongod_module.free_port()) as mongod:
        uri = mongod.uri
        assert mongod.restart().uri == uri
        with connect(mongod) as client:
            assert client.admin.command("hello")["isWritablePrimary"]


def test_a_killed_mongod_comes_back_with_every_acknowledged_majority_write() -> None:
    with Mongod() as mongod:
        with connect(mongod) as client:
            orders = client.shop.get_collection("orders", write_concern=WriteConcern("majority", j=True))
            for number in range(20):
                orders.insert_one({"_id": number})
        pid = mongod.pid
        mongod.kill9()
        assert not alive(pid)
        mongod.start()
        assert mongod.pid != pid
        with connect(mongod) as client:
            assert client.shop.orders.count_documents({}) == 20


def test_a_paused_mongod_times_calls_out_and_recovers_when_resumed() -> None:
    with Mongod() as mongod, connect(mongod) as patient, connect(mongod, timeout_ms=300) as hasty:
        patient.shop.orders.insert_one({"_id": 1})
        mongod.pause()
        with pytest.raises(PyMongoError) as raised:
            hasty.shop.orders.find_one()
        assert raised.value.timeout
        mongod.resume()
        assert patient.shop.orders.find_one() == {"_id": 1}


def test_a_paused_mongod_can_be_stopped(tmp_path: Path) -> None:
    mongod = Mongod(tmp_path).start()
    pid = mongod.pid
    mongod.pause()
    mongod.stop()
    assert not alive(pid)
    with pytest.raises(MongodFailed, match="not running"):
        mongod.pause()


def test_two_temporary_instances_run_side_by_side_and_leave_nothing_behind(shared: Mongod) -> None:
    with Mongod() as other, connect(other) as theirs, connect(shared) as ours:
        assert other.port != shared.port
        theirs.shop.mine.insert_one({"_id": 1})
        assert ours.shop.mine.count_documents({}) == 0
        folder = other.dbpath
    assert not folder.exists()


async def test_it_starts_and_stops_without_blocking_the_event_loop() -> None:
    async with Mongod() as mongod:
        assert mongod.running
        pid = mongod.pid
    assert not alive(pid)


def test_it_outlives_the_thread_that_started_it() -> None:
    mongod = Mongod()
    thread = threading.Thread(target=mongod.start)
    thread.start()
    thread.join()
    try:
        with connect(mongod) as client:
            assert client.admin.command("ping")["ok"] == 1.0
        assert mongod.running
    finally:
        mongod.stop()


def test_it_is_in_its_own_process_group(shared: Mongod) -> None:
    assert os.getpgid(shared.pid) == shared.pid != os.getpgrp()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_it_dies_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        from devstack.mongod import Mongod
        print(Mongod({str(tmp_path)!r}).start().pid, flush=True)
        input()
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment) as parent:  # noqa: S603
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not alive(pid))


def test_a_folder_in_use_by_another_mongod_is_named_as_such(tmp_path: Path) -> None:
    with Mongod(tmp_path), pytest.raises(MongodFailed, match="in use by another running mongod"):
        Mongod(tmp_path).start()


def test_a_taken_port_is_named_as_such(shared: Mongod, tmp_path: Path) -> None:
    with pytest.raises(MongodFailed, match="port is taken"):
        Mongod(tmp_path, port=shared.port).start()


def fake_binary(folder: Path, script: str) -> str:
    binary = folder / "fake-mongod"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    return str(binary)


def test_data_of_another_version_are_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    script = f"echo 'UPGRADE PROBLEM: found an invalid featureCompatibilityVersion' >> {data}/mongod.log; exit 62"
    monkeypatch.setenv("SWITCHBOARD_MONGOD", fake_binary(tmp_path, script))
    with pytest.raises(MongodFailed, match="written by another version"):
        Mongod(data).start()
    monkeypatch.delenv("SWITCHBOARD_MONGOD")
    monkeypatch.setenv("SWITCHBOARD_MONGOD", fake_binary(tmp_path, "exit 1"))
    with pytest.raises(MongodFailed, match="ended before it was ready"):
        Mongod(data).start()


def test_a_mongod_that_never_listens_is_given_up_and_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv("SWITCHBOARD_MONGOD", fake_binary(tmp_path, f"echo $$ > {tmp_path}/pid; exec sleep 60"))
    mongod = Mongod(data, timeout=0.5)
    with pytest.raises(MongodFailed, match="not ready in time"):
        mongod.start()
    assert not alive(int((tmp_path / "pid").read_text()))


def test_without_a_binary_the_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWITCHBOARD_MONGOD", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MongodMissing, match="`docker compose up mongo` and set MONGODB_URI"):
        Mongod(tmp_path).start()


def test_the_named_binary_is_taken_before_the_one_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = fake_binary(tmp_path, "exit 0")
    monkeypatch.setenv("SWITCHBOARD_MONGOD", binary)
    assert mongod_module.find_mongod() == Path(binary)
    monkeypatch.setenv("SWITCHBOARD_MONGOD", str(tmp_path / "absent"))
    with pytest.raises(MongodMissing):
        mongod_module.find_mongod()
