"""`python -m devstack`: the local stack from the command line."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

import orjson

from devstack import background
from devstack.data_folder import DEFAULT, DataFolder, Json
from devstack.description import tour
from devstack.memory import StateUnreadable
from devstack.mongod import MongodFailed, MongodMissing
from devstack.ports import DEFAULTS, PortTaken
from devstack.service_key import NoServiceKey
from devstack.stack import Options, Stack, StackFailed

OK, FAILED, NOT_RUNNING = 0, 1, 3
REFUSALS = (
    StackFailed,
    MongodMissing,
    MongodFailed,
    PortTaken,
    StateUnreadable,
    NoServiceKey,
    background.BackgroundFailed,
)

EPILOG = """\
Without an action the stack runs in this terminal until Ctrl-C, which stops all of it.

The stack is a mongod, stand-ins for PropelAuth and Google with demo people and calendars, a small front end to click
through, the API and its worker. What they hold is kept in the data folder and is there again at the next start.
MONGODB_URI in the environment is used instead of a mongod of our own; CALENDAR_... and LOG_... reach API and worker.

exit codes: 0 done, 1 failed (a sentence says why), 2 wrong arguments, 3 nothing is running
"""


def parser() -> argparse.ArgumentParser:
    """The arguments; ports are those of `devstack.ports.DEFAULTS`."""
    made = argparse.ArgumentParser(
        prog="scripts/dev",
        description="Start Switchboard and all it needs on this machine.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    action = made.add_argument_group("actions (one of)").add_mutually_exclusive_group()
    action.add_argument("--detach", action="store_true", help="start in the background, return when it is ready")
    action.add_argument("--stop", action="store_true", help="stop the running stack")
    action.add_argument("--status", action="store_true", help="say whether it runs, and print the tour again")
    action.add_argument("--reset", action="store_true", help="delete all the stack has stored (it must not be running)")
    action.add_argument("--import-ics", type=Path, metavar="FILE", help="load an exported calendar; needs --as")
    made.add_argument("--as", dest="owner", metavar="E-MAIL", help="whose Google calendar --import-ics fills")
    made.add_argument("--json", action="store_true", help="print JSON instead of text")
    made.add_argument("--data", type=Path, default=DEFAULT, metavar="DIR", help="data folder (default: .data)")
    listen = made.add_argument_group("ports (0: any free one; remembered; another one is taken if a port is not free)")
    for name, port in DEFAULTS.items():
        option = "--port" if name == "api" else f"--{name.replace('_', '-')}-port"
        listen.add_argument(option, dest=f"{name}_port", type=port_number, metavar="N", help=f"default {port}")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Do what was asked; the exit code."""
    asked = parser().parse_args(arguments)
    if (asked.import_ics is None) != (asked.owner is None):
        parser().error("--import-ics and --as go together")
    data = DataFolder(asked.data)
    try:
        return _do(asked, data)
    except REFUSALS as refusal:
        return _fail(str(refusal))
    except OSError as error:
        return _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))


def _do(asked: argparse.Namespace, data: DataFolder) -> int:
    if asked.stop:
        return _stop(data)
    if asked.status:
        return _show(data.described(), asked.json)
    if asked.reset:
        return _reset(data)
    if asked.import_ics:
        return _import(asked, data)
    if asked.detach:
        _say("Starting in the background ...")
        return _show(background.start(data, _port_arguments(asked)), asked.json)
    return _run(asked, data)


def _run(asked: argparse.Namespace, data: DataFolder) -> int:
    if not data.hold():
        return _fail(f"A stack is running already (process {data.holder()}): 'scripts/dev --stop' stops it.")
    options = Options(
        data,
        {name: getattr(asked, f"{name}_port") for name in DEFAULTS},
        os.environ.get("MONGODB_URI", ""),
        os.environ.get("MONGODB_DATABASE") or "switchboard",
    )
    asyncio.run(_serve(Stack(options, _say), asked.json))
    return OK  # the folder is let go of by the end of the process, so that who waits for that waits for its very end


async def _serve(stack: Stack, as_json: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        starting = asyncio.ensure_future(stack.start())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            starting.cancel()
            await asyncio.wait((starting,))
            return
        stopping.cancel()
        _show(starting.result(), as_json)
        await stack.watch(stop)
    finally:
        _say("Stopping ...")
        await stack.stop()
        _say("Stopped.")


def _stop(data: DataFolder) -> int:
    if data.holder() is None:
        _say("Nothing is running.")
        return OK
    if not data.stop_holder(background.STOP_SECONDS):
        return _fail(f"Process {data.holder()} does not stop.")
    _say("Stopped.")
    return OK


def _show(description: Json | None, as_json: bool) -> int:
    if description is None:
        _print("null" if as_json else "Nothing is running.")
        return NOT_RUNNING
    _print(orjson.dumps(description, option=orjson.OPT_INDENT_2).decode() if as_json else tour(description))
    return OK


def _reset(data: DataFolder) -> int:
    if not data.hold():
        return _fail("A stack is running: 'scripts/dev --stop' first.")
    data.clear()
    _say("All that was stored is deleted.")
    return OK


def _import(asked: argparse.Namespace, data: DataFolder) -> int:
    description = data.described()
    if description is None:
        _say("Nothing is running, so there is nothing to import into; 'scripts/dev --detach' starts it.")
        return NOT_RUNNING
    report = background.import_ics(description["addresses"]["google"], asked.import_ics.read_bytes(), asked.owner)
    if asked.json:
        _print(orjson.dumps(report).decode())
    else:
        _print(background.import_sentence(report, asked.owner))
    return OK


def _port_arguments(asked: argparse.Namespace) -> list[str]:
    given = {name: getattr(asked, f"{name}_port") for name in DEFAULTS}
    options = {name: "--port" if name == "api" else f"--{name.replace('_', '-')}-port" for name in DEFAULTS}
    return [text for name, port in given.items() if port is not None for text in (options[name], str(port))]


def port_number(text: str) -> int:
    """For argparse, which names this function when it complains."""
    port = int(text)
    if not 0 <= port <= 65_535:
        raise ValueError(text)
    return port


def _fail(sentence: str) -> int:
    _say(sentence)
    return FAILED


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
