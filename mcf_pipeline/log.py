"""The structured log: one JSON object per line on standard error, where ``MCF_LOG=json`` or ``--log-format json`` asks.

The code that works reports events; without the setting nothing is written, and what people read stays as it is. With
it, whatever else is printed on standard error becomes a line of its own, so that every line can be parsed.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from typing import Any, TextIO

_OFF = logging.CRITICAL + 1

_ours = logging.getLogger("mcf_pipeline")
_events = logging.getLogger("mcf_pipeline.events")
_events.setLevel(_OFF)
_bound: dict[str, Any] = {}


def event(name: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Report that something happened.

    Args:
        name: of the event, as docs/operation.md lists it.
        level: of the standard library's `logging`.
        fields: what there is to say of it; None is left out.
    """
    _events.log(level, name, extra={"fields": fields})


def bind(**fields: Any) -> None:
    """Add fields to every event from now on."""
    _bound.update(fields)


def since(started: float) -> float:
    """Seconds since a moment of `time.monotonic`, as events give them."""
    return round(time.monotonic() - started, 3)


def is_on() -> bool:
    """Whether events are written."""
    return _events.isEnabledFor(logging.CRITICAL)


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON; a record that is no event is a ``message``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line = {
            "ts": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        fields = getattr(record, "fields", None)
        if fields is None:
            line |= {"event": "message", **_bound, "text": record.getMessage()}
        else:
            line |= {"event": record.msg, **_bound, **{k: v for k, v in fields.items() if v is not None}}
        return json.dumps(line, ensure_ascii=False, default=str)


class _Lines(io.TextIOBase):
    """Standard error in which each line that somebody prints becomes an event."""

    def __init__(self) -> None:
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            if line.strip():
                event("message", text=line.rstrip())
        return len(text)

    def finish(self) -> None:
        if self._begun:
            self.write("\n")


def configure(stream: TextIO | None = None) -> logging.Handler:
    """Write events from now on, to standard error; twice is as once.

    Args:
        stream: where to, instead.
    """
    for handler in _ours.handlers:
        if isinstance(handler.formatter, JsonFormatter):
            return handler
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    _ours.addHandler(handler)
    _ours.propagate = False
    _events.setLevel(logging.INFO)
    return handler


def begin(command: str, data_dir: str) -> None:
    """Report that a command starts; both are fields of every event after it."""
    bind(command=command, data_dir=data_dir)
    event("started")


@contextmanager
def as_json() -> Iterator[Callable[[str, int, str], None]]:
    """For the time of a command: events, and everything else that is printed on standard error, as lines of JSON.

    Gives what reports the command's end: called with what went wrong, the exit code, and what else there is to say.
    """
    started = time.monotonic()

    def ended(said: str, code: int, hint: str) -> None:
        level = logging.ERROR if code else logging.INFO
        event("ended", level=level, exit_code=code, seconds=since(started), error=said or None, hint=hint or None)

    real = sys.stderr
    handler = configure(real)
    lines = _Lines()
    try:
        with redirect_stderr(lines):
            yield ended
    finally:
        lines.finish()
        _ours.removeHandler(handler)
        _ours.propagate = True
        _events.setLevel(_OFF)
        _bound.clear()
