"""The log as it is written for real, at its most talkative."""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import structlog

from switchboard.bootstrap import set_up_logging
from switchboard.settings import LogSettings


@contextmanager
def logged(form: Literal["json", "console"] = "json") -> Iterator[io.StringIO]:
    """What is logged meanwhile at debug level, by our own loggers and everybody's; then all is as before."""
    root, known = logging.getLogger(), dict(logging.root.manager.loggerDict)
    levels = {name: each.level for name, each in known.items() if isinstance(each, logging.Logger)}
    handlers, level, configured = root.handlers, root.level, structlog.get_config()
    root.handlers = []  # else they are closed
    set_up_logging(LogSettings(level="debug", format=form))
    structlog.configure(cache_logger_on_first_use=False)  # else loggers stay as they are now
    [handler] = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    written = io.StringIO()
    handler.setStream(written)
    try:
        yield written
    finally:
        root.handlers = handlers
        root.setLevel(level)
        structlog.configure(**configured)
        for name, each in root.manager.loggerDict.items():
            if isinstance(each, logging.Logger):
                each.setLevel(levels.get(name, logging.NOTSET))
