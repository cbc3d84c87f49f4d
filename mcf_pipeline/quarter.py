"""A calendar quarter: its identifiers in the data, in Dagster and its days.

What does not belong here: how a source writes a quarter (`contract.parsing`).
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

_ID = re.compile(r"([0-9]{4})-T([1-4])")


@dataclass(frozen=True, order=True, slots=True)
class Quarter:
    """One calendar quarter, ordered in time.

    Attributes:
        year: four digits.
        number: 1 to 4.
    """

    year: int
    number: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= 4:
            raise ValueError(f"a quarter is numbered 1 to 4, not {self.number}")

    @classmethod
    def parse(cls, text: str) -> Quarter:
        """Read the identifier ``2024-T3``; raises ValueError on anything else."""
        match = _ID.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a quarter like 2024-T3")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def containing(cls, day: dt.date) -> Quarter:
        """The quarter that contains a day."""
        return cls(day.year, (day.month + 2) // 3)

    @classmethod
    def from_partition_key(cls, key: str) -> Quarter:
        """Read Dagster's partition key, the first day (``2024-07-01``)."""
        return cls.containing(dt.date.fromisoformat(key))

    @property
    def id(self) -> str:
        """As in the data and in labels: ``2024-T3``."""
        return f"{self.year:04d}-T{self.number}"

    @property
    def partition_key(self) -> str:
        """As in Dagster: the first day, ``2024-07-01``."""
        return self.first_day.isoformat()

    @property
    def first_day(self) -> dt.date:
        """The first day of the quarter."""
        return dt.date(self.year, 3 * self.number - 2, 1)

    @property
    def last_day(self) -> dt.date:
        """The last day of the quarter."""
        return (self + 1).first_day - dt.timedelta(days=1)

    @property
    def label(self) -> str:
        """In clear French: ``3e trimestre 2024``."""
        return f"{'1er' if self.number == 1 else f'{self.number}e'} trimestre {self.year}"

    def __add__(self, quarters: int) -> Quarter:
        index = self.year * 4 + self.number - 1 + quarters
        return Quarter(index // 4, index % 4 + 1)

    def __sub__(self, other: Quarter) -> int:
        return (self.year - other.year) * 4 + self.number - other.number

    def __str__(self) -> str:
        return self.id


FIRST_QUARTER = Quarter(2020, 1)
"""The first quarter of the dataset (source: the publisher's description)."""


def stretches(quarters: list[Quarter]) -> list[tuple[Quarter, Quarter]]:
    """Group quarters into unbroken stretches.

    Returns:
        (first, last) of each stretch, in time order; `2020-T1, 2020-T2, 2021-T1` gives two.
    """
    found: list[tuple[Quarter, Quarter]] = []
    for quarter in sorted(set(quarters)):
        if found and quarter - found[-1][1] == 1:
            found[-1] = (found[-1][0], quarter)
        else:
            found.append((quarter, quarter))
    return found
