"""Forked processes are processes like any other (tests/fork_server.py)."""

import asyncio
import os
import signal
from pathlib import Path

from tests import fork_server
from tests.fork_server import Forked
from tests.world import eventually


def started(folder: Path, *arguments: str, log: Path | None = None) -> Forked:
    return fork_server.start(["tests.house.forked", *arguments], variables={"ONLY": "this"}, folder=folder, log=log)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_has_its_own_id_folder_environment_arguments_output_and_exit_code(tmp_path: Path) -> None:
    processes = [started(tmp_path, str(code), "more") for code in (0, 3)]
    said = [await process.communicate() for process in processes]

    assert [process.returncode for process in processes] == [0, 3]
    for code, process, (out, err) in zip((0, 3), processes, said, strict=True):
        assert out.decode() == f"{process.pid} {tmp_path} ['ONLY'] ['{code}', 'more']\n"
        assert err == b"said\n"


async def test_its_log_has_all_it_said_and_a_signal_is_its_exit_code(tmp_path: Path) -> None:
    log = tmp_path / "said.log"
    for number in (signal.SIGTERM, signal.SIGKILL):
        process = started(tmp_path, "stay", log=log)
        await eventually(lambda: b"said\n" in log.read_bytes())
        assert process.poll() is None
        process.send_signal(number)
        assert await asyncio.to_thread(process.wait, 10) == -number
        assert not runs(process.pid)


async def test_ctrl_c_reaches_it_whatever_runs_the_tests(tmp_path: Path) -> None:
    log = tmp_path / "said.log"
    process = started(tmp_path, "stay", log=log)
    await eventually(lambda: b"said\n" in log.read_bytes())
    process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(process.wait, 10) == -signal.SIGINT
    assert b"KeyboardInterrupt" in log.read_bytes()


async def test_it_ends_when_whoever_started_it_is_gone(tmp_path: Path) -> None:
    process = started(tmp_path, "stay", log=tmp_path / "said.log")
    pid = process.pid
    assert runs(pid)
    process.let_go()
    await eventually(lambda: not runs(pid))
