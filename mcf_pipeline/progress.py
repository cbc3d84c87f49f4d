"""Progress of long-running work: the code that does it reports, the code that shows it listens.

The assets report each quarter; the command line listens and draws a bar. Without a listener nothing happens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Listener = Callable[[str, int, int | None], None]
"""Called with what is being done, how much of it is done, and of how much (None: not known)."""

_listeners: list[Listener] = []


def report(step: str, done: int, total: int | None = None) -> None:
    """Say how far a step is."""
    for listener in _listeners:
        listener(step, done, total)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let `listener` hear of progress for a while."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
