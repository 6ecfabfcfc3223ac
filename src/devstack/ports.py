"""Ports that stay the same from one start to the next, so that addresses people have noted stay good."""

import socket
from collections.abc import Callable, Mapping

DEFAULTS = {"api": 8000, "propelauth": 9101, "google": 9102, "front_end": 9103, "mongod": 9104}


class PortTaken(Exception):
    """A port that was asked for in so many words is not free."""


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(
    asked: Mapping[str, int | None], remembered: Mapping[str, int], say: Callable[[str], None]
) -> dict[str, int]:
    """A port for each part: the one asked for (0: any), else last time's, else the default, else a free one.

    Raises `PortTaken` for one that was asked for.
    """
    chosen: dict[str, int] = {}
    for name, default in DEFAULTS.items():
        wanted = asked.get(name)
        usual = wanted if wanted is not None else remembered.get(name, default)
        if usual and usual not in chosen.values() and is_free(usual):
            chosen[name] = usual
            continue
        if wanted:
            raise PortTaken(f"Port {wanted} is taken by another program. Choose another one for {_words(name)}.")
        chosen[name] = _free(chosen)
        if usual:
            say(f"Port {usual} is taken; {_words(name)} gets {chosen[name]}.")
    return chosen


def _free(chosen: Mapping[str, int]) -> int:
    while True:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = int(listener.getsockname()[1])
        if port not in chosen.values():
            return port


def _words(name: str) -> str:
    return {"api": "the API", "front_end": "the demo front end"}.get(name, name)
