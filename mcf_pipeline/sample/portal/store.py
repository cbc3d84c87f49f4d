"""The release that a simulated portal serves.

What does not belong here: addresses and formats.
"""

from __future__ import annotations

import datetime as dt
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

_TIME_OF_DAY = dt.time(4, 12, tzinfo=dt.UTC)


class Release(Protocol):
    """What the portal serves at one time."""

    @property
    def day(self) -> dt.date:
        """The day it is published."""
        ...

    def table(self) -> pa.Table:
        """Its lines."""
        ...


class Store:
    """The release that is served; its lines are made when they are first asked for.

    Args:
        release: the release.
    """

    def __init__(self, release: Release) -> None:
        self.release = release
        self._lock = threading.Lock()

    @property
    def data_processed(self) -> dt.datetime:
        """The release's own time, else its day at an hour at which portals work."""
        found = getattr(self.release, "data_processed", None)
        return found if isinstance(found, dt.datetime) else dt.datetime.combine(self.release.day, _TIME_OF_DAY)

    @property
    def lines(self) -> pa.Table:
        """Its lines, made once."""
        with self._lock:
            return self._lines

    @cached_property
    def _lines(self) -> pa.Table:
        return self.release.table()
