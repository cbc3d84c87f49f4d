"""What was reported already, and what could not be delivered yet: one small file in the data directory.

A file that cannot be read counts as none: what is wrong is then reported once more, and no release is reported twice.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mcf_pipeline.files import write_atomically
from mcf_pipeline.notices.facts import Failure
from mcf_pipeline.notices.text import Notice

FORMAT = 1
MOST_PENDING = 50
"""Notices that are kept for delivery; beyond, the oldest go."""


@dataclass(slots=True)
class Open:
    """A problem that was reported.

    Attributes:
        what: in one line.
        since: when it was reported.
        failure: its kind where a run or a look failed, else empty.
    """

    what: str
    since: dt.datetime
    failure: str = ""


@dataclass(slots=True)
class Noted:
    """A look at the source that fails, and is not reported yet.

    Attributes:
        failure: the failure.
        since: when it was seen first.
    """

    failure: Failure
    since: dt.datetime


@dataclass(slots=True)
class Pending:
    """A notice that not all of its targets have accepted.

    Attributes:
        notice: the notice.
        targets: those that have not, by their keys.
    """

    notice: Notice
    targets: list[str]


@dataclass(slots=True)
class Memory:
    """All that is remembered.

    Attributes:
        releases: keys of the releases that were reported, or were there before anybody asked for notices.
        open: problems that were reported and are not over, by key.
        noted: looks that fail and are not reported yet, by key.
        pending: notices to be delivered.
        answered: when the source last answered after looks that had failed, or None.
        is_new: whether there was no file.
    """

    releases: set[str] = field(default_factory=set)
    open: dict[str, Open] = field(default_factory=dict)
    noted: dict[str, Noted] = field(default_factory=dict)
    pending: list[Pending] = field(default_factory=list)
    answered: dt.datetime | None = None
    is_new: bool = True

    @classmethod
    def read(cls, path: Path) -> Memory:
        """Read the file; none, or one that is no longer understood, gives an empty memory."""
        try:
            found = json.loads(path.read_bytes())
            if found["format"] != FORMAT:
                return cls()
            return cls(
                set(found["releases"]),
                {key: Open(str(o["what"]), _moment(o["since"]), str(o["failure"])) for key, o in found["open"].items()},
                {key: Noted(Failure(**n["failure"]), _moment(n["since"])) for key, n in found["noted"].items()},
                [Pending(_notice(p["notice"]), list(p["targets"])) for p in found["pending"]],
                _moment(found["answered"]) if found["answered"] else None,
                is_new=False,
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return cls()

    def write(self, path: Path) -> None:
        """Write the file.

        Raises:
            OSError: it cannot be written.
        """
        content = {
            "format": FORMAT,
            "releases": sorted(self.releases),
            "open": {key: asdict(entry) for key, entry in self.open.items()},
            "noted": {key: asdict(entry) for key, entry in self.noted.items()},
            "pending": [asdict(entry) for entry in self.pending[-MOST_PENDING:]],
            "answered": self.answered,
        }
        write_atomically(path, json.dumps(content, ensure_ascii=False, indent=1, default=_as_text).encode())
        self.is_new = False

    def closed(self, keys: Iterable[str]) -> list[str]:
        """Forget problems that are over; returns what they were."""
        return [self.open.pop(key).what for key in list(keys)]


def _as_text(value: object) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone")
    return moment


def _notice(found: dict[str, Any]) -> Notice:
    return Notice(found["kind"], str(found["subject"]), tuple(map(str, found["lines"])))
