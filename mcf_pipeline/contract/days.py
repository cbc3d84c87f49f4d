"""The day on which a file says that its data was loaded: French, ISO, or as a spreadsheet in English leaves it.

``10/08/2026`` is 10 August in France and 8 October in the United States, and decides what a release is called and which
one is newer. What does not belong here: quarters (`contract.parsing`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable

DAY = r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}"
"""What a day may look like, at the start of a text."""

_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_OTHER = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4})")


def loading_day(
    texts: Iterable[str], first: dt.date, today: dt.date, last: dt.date
) -> tuple[dt.date | None, str | None]:
    """The newest day that the cells of a file name, and what a reader should know of how they were read.

    Args:
        texts: cells, each once.
        first: no release is older: the dataset's, and the newest quarter of the file, have begun.
        today: when the file was received.
        last: no day after it is believed.
    """
    days: list[dt.date] = []
    pairs: list[tuple[str, dt.date | None, dt.date | None]] = []
    for text in texts:
        if match := _ISO.match(text):
            days += [day for day in (_day(match[1], match[2], match[3]),) if day]
        elif match := _OTHER.match(text):
            as_french, as_american = _day(match[4], match[3], match[1]), _day(match[4], match[1], match[3])
            # Nobody writes a point behind a month.
            pairs.append((match[0], as_french, as_french if match[2] == "." else as_american))
    french, american = [pair[1] for pair in pairs], [pair[2] for pair in pairs]
    note = None
    if pairs:
        text, as_french, as_american = pairs[0]
        is_american = None in french and None not in american
        if None not in french and None not in american:
            # Both ways of reading give days: that which the file cannot have is not meant.
            fits = [_can_be(found, first, today) for found in (french, american)]
            is_american = fits == [False, True]
            if fits[0] == fits[1] and french != american:
                note = f"date_chargement {text!r} is read as in France, {as_french}; month first, it is {as_american}"
        days += [day for day in (american if is_american else french) if day]
    return max((day for day in days if first <= day <= last), default=None), note


def _can_be(days: Iterable[dt.date | None], first: dt.date, today: dt.date) -> bool:
    # A clock may be a day behind.
    return all(day is not None and first <= day <= today + dt.timedelta(days=1) for day in days)


def _day(year: str, month: str, day: str) -> dt.date | None:
    try:
        return dt.date(int(year), int(month), int(day))
    except ValueError:
        return None
