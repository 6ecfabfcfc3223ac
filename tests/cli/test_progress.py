"""How commands show progress, end on Ctrl-C, and keep standard output to their report."""

import asyncio
import os
import pty
import signal
import sys
from pathlib import Path

import pytest

from switchboard.cli.output import progress_bar
from tests.operators import Operator

SLOW = """
import asyncio, typer
from switchboard.cli.output import finish, progress_bar

async def work(seconds):
    print("begun", flush=True)
    try:
        with progress_bar(4, "Counting sheep") as advance:
            for _ in range(4):
                await asyncio.sleep(seconds)
                advance(1)
    finally:
        print("tidied up")

def main(seconds: float):
    finish(work(seconds))

typer.run(main)
"""


def test_a_pipe_gets_plain_lines_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switchboard.cli.output.SECONDS_BETWEEN_LINES", 0.0)
    with progress_bar(10, "Sealing anew") as advance:
        advance(4)
        advance(6)

    assert capsys.readouterr() == ("", "Sealing anew: 4 of 10\nSealing anew: 10 of 10\n")


def test_what_is_over_soon_says_nothing_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(10, "Sealing anew") as advance:
        advance(10)

    assert capsys.readouterr() == ("", "")


async def test_a_terminal_gets_a_bar(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SLOW, "0.02", cwd=tmp_path, stdout=-1, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    )
    os.close(theirs)
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    shown = await asyncio.to_thread(_all_of, ours)

    assert out == b"begun\ntidied up\n"
    assert "Counting sheep" in shown
    assert "100%" in shown


def _all_of(terminal: int) -> str:
    said = b""
    try:
        while some := os.read(terminal, 4096):
            said += some
    except OSError:  # the other end is closed
        pass
    finally:
        os.close(terminal)
    return said.decode()


def _listen_to_ctrl_c() -> None:
    """In a new process: what runs the tests in the background may have it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


async def test_ctrl_c_tidies_up_says_so_and_ends_with_130(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SLOW, "30", cwd=tmp_path, stdout=-1, stderr=-1, preexec_fn=_listen_to_ctrl_c
    )
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"begun\n"
    process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 30)

    assert (out, process.returncode) == (b"tidied up\n", 130)
    assert err == b"Stopped. What was done is kept; the same command goes on from there.\n"


async def test_a_report_in_json_is_all_there_is_on_standard_output(operator: Operator) -> None:
    ended = await operator.run("runs", "list", "--json")

    assert (ended.code, ended.report, ended.err) == (0, {"runs": []}, "")
