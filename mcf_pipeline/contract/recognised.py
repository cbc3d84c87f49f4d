"""What the columns of a file were recognised as.

What does not belong here: how (`contract.recognition`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mcf_pipeline.contract.parsing import parse_quarter, quarter_from_pair
from mcf_pipeline.quarter import Quarter

RuleName = Literal[
    "source_map", "technical name", "synonym", "grammar", "label", "description", "fallback", "name and values"
]


@dataclass(frozen=True, slots=True)
class RecognisedColumn:
    """A column of the file, and the rule that recognised it."""

    source: str
    rule: RuleName


@dataclass(frozen=True, slots=True)
class QuarterColumns:
    """How a file gives the quarter.

    Attributes:
        columns: the file's column of the quarter, or its columns of the year and of the number.
    """

    columns: tuple[str, ...]

    @property
    def is_pair(self) -> bool:
        """Whether it is a year and a number."""
        return len(self.columns) == 2

    def read(self, values: Sequence[str | None]) -> Quarter | None:
        """The quarter that the values of `columns` say, or None; its year is not judged here."""
        return quarter_from_pair(values[0], values[1]) if self.is_pair else parse_quarter(values[0])


@dataclass(frozen=True, slots=True)
class Recognition:
    """What the columns of a file are.

    Attributes:
        columns: by canonical column, in the order of `contract.columns.COLUMNS`. The quarter is either
            `trimestre`, or `annee` and `numero_trimestre` (where the second may be the source's own
            `trimestre`).
        unused: columns of the file that are kept in raw and used nowhere, in the file's order.
        flags: what a reader should know of how it was read, one sentence each.
    """

    columns: Mapping[str, RecognisedColumn]
    unused: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    def source_of(self, canonical: str) -> str | None:
        """The file's column for a canonical one, or None."""
        found = self.columns.get(canonical)
        return found.source if found else None

    @property
    def quarter(self) -> QuarterColumns:
        """How the file gives the quarter."""
        is_pair = "annee" in self.columns and "numero_trimestre" in self.columns
        names = ("annee", "numero_trimestre") if is_pair else ("trimestre",)
        return QuarterColumns(tuple(self.columns[name].source for name in names))
