"""What the release sensor remembers between its looks at the source: plain arithmetic, no Dagster.

A cursor can be garbage or of an older version: it is then as if there were none, and nothing is lost, since
what was done is in the archive and in Dagster's runs.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import asdict, dataclass, replace

FIRST_PAUSE = dt.timedelta(minutes=1)
LONGEST_PAUSE = dt.timedelta(hours=6)
LONGEST_WAIT = dt.timedelta(days=31)
"""Whatever a portal says, a clock that was wrong wrote down, or the settings ask for: no longer than this."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """When to look at the source again, and how often it failed in a row.

    Attributes:
        next_look: ISO time (UTC) before which the source is left alone; empty means now.
        failures: looks in a row that failed.
        said: the outcome of the last look, for people who read the cursor.
        after_run: id of the newest run at that look; empty where there was none, or where it does not matter.
    """

    next_look: str = ""
    failures: int = 0
    said: str = ""
    after_run: str = ""

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """Read a cursor; anything else gives an empty one."""
        try:
            found = json.loads(text or "")
            cursor = cls(
                str(found["next_look"]),
                int(found["failures"]),
                str(found.get("said", "")),
                str(found.get("after_run", "")),
            )
            if cursor.next_look:
                _moment(cursor.next_look)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            return cls()
        return replace(cursor, failures=max(cursor.failures, 0))

    def dump(self) -> str:
        """As Dagster stores it."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def is_due(self, now: dt.datetime) -> bool:
        """Whether the source may be looked at."""
        return not self.next_look or not now < _moment(self.next_look) <= now + LONGEST_WAIT

    def looked(self, now: dt.datetime, interval: dt.timedelta, said: str) -> Cursor:
        """After a look that the source answered."""
        return Cursor((now + min(interval, LONGEST_WAIT)).isoformat(), 0, said)

    def failed(self, now: dt.datetime, said: str, reset_at: dt.datetime | None = None) -> Cursor:
        """After a look that failed: wait twice as long each time, or until the source said."""
        pause = pause_after(self.failures + 1)
        next_look = min(max(now + pause, reset_at), now + LONGEST_WAIT) if reset_at else now + pause
        return Cursor(next_look.isoformat(), self.failures + 1, said)


def pause_after(failures: int) -> dt.timedelta:
    """How long to wait after so many failures in a row: doubling, up to `LONGEST_PAUSE`."""
    return min(FIRST_PAUSE * 2 ** min(max(failures - 1, 0), 20), LONGEST_PAUSE)


def _moment(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone")
    return moment
