"""Sums over the lines of a synthetic release, to hold them against published figures.

Works on the truth and on the masked export alike: a masked value adds nothing.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mcf_pipeline.quarter import Quarter
from mcf_pipeline.sample.synthetic.noise import Booleans, Floats

Where = str | tuple[str, ...]
"""The value that a column must have, or several; an empty text is "not given"."""


class Measured:
    """One release, ready to be summed.

    Attributes:
        lines: the number of lines.
    """

    def __init__(self, table: pa.Table) -> None:
        self.lines: int = table.num_rows
        self._table = table.combine_chunks()
        self._columns: dict[str, Floats] = {}

    def total(self, column: str, **where: Where) -> float:
        """The sum of a column over the lines whose columns have these values."""
        return float(self._numbers(column)[self._chosen(where)].sum())

    def ratio(self, upper: str, lower: str, **where: Where) -> float:
        """One sum over another."""
        return self.total(upper, **where) / self.total(lower, **where)

    def share(self, of: dict[str, Where], **where: Where) -> float:
        """The share of dossiers that `of` chooses, among those that `where` does, in percent."""
        return 100 * self.total("nb_dossiers", **where, **of) / self.total("nb_dossiers", **where)

    def price(self, **where: Where) -> float:
        """Mean price of a dossier in euros."""
        return self.ratio("montant_engage", "nb_dossiers", **where)

    def hours(self, **where: Where) -> float:
        """Mean duration, each line weighted with its dossiers of known duration."""
        chosen, known = self._chosen(where), self._numbers("nb_dossiers_a_duree_connue")
        weighted = self._numbers("duree_moyenne") * known
        return float(weighted[chosen].sum() / known[chosen].sum())

    def least(self, upper: str, lower: str, **where: Where) -> float:
        """The least ratio of two columns in any one line."""
        below = self._numbers(lower)
        chosen = self._chosen(where) & (below > 0)
        return float(np.min(self._numbers(upper)[chosen] / below[chosen]))

    def _numbers(self, column: str) -> Floats:
        if column not in self._columns:
            values = self._table[column].cast(pa.float64()).fill_null(0.0)
            self._columns[column] = values.to_numpy()
        return self._columns[column]

    def _chosen(self, where: dict[str, Where]) -> Booleans:
        chosen = np.ones(self.lines, dtype=np.bool_)
        for column, wanted in where.items():
            values = (wanted,) if isinstance(wanted, str) else wanted
            texts = self._table[column].fill_null("")
            chosen &= pc.is_in(texts, pa.array(values)).to_numpy()
        return chosen


def span(first: str, last: str) -> tuple[str, ...]:
    """All quarters from one to another: ``span("2021-T3", "2021-T4")``."""
    start = Quarter.parse(first)
    return tuple((start + i).id for i in range(Quarter.parse(last) - start + 1))


def year(number: int) -> tuple[str, ...]:
    """The four quarters of a year."""
    return span(f"{number}-T1", f"{number}-T4")
