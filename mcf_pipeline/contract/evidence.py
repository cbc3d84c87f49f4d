"""What values say of a column: the second witness beside its name.

What does not belong here: names (`contract.grammar`), and what follows from it (`contract.recognition`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mcf_pipeline.contract.columns import COLUMNS, MEASURES
from mcf_pipeline.contract.modalities import DIMENSIONS, NOT_GIVEN_ID, parse_flag, resolve
from mcf_pipeline.contract.parsing import parse_quarter
from mcf_pipeline.duck import quoted

if TYPE_CHECKING:
    import duckdb

MOST_VALUES = 200
"""Distinct values of a column that are looked at; the commonest."""
NEARLY_ALL = 0.9
"""Share of the values that must agree with a name that is not certain."""

_NUMBER = re.compile(r"[+-]?[0-9][0-9 \u00a0\u202f\u2009]*(?:[.,][0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BY_COLUMN = {dimension.column: name for name, dimension in DIMENSIONS.items()}


class ExportValues(Mapping[str, Sequence[str]]):
    """Values of the columns of the table ``export``, read when asked for: most names need none.

    Args:
        con: holds the export.
        columns: the file's.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> None:
        self._con = con
        self._columns = tuple(columns)
        self._known: dict[str, list[str]] = {}

    def __getitem__(self, name: str) -> Sequence[str]:
        """The commonest values of a column, empty ones left out."""
        if name not in self._columns:
            raise KeyError(name)
        if name not in self._known:
            rows = self._con.execute(
                f"SELECT {quoted(name)} FROM export WHERE {quoted(name)} IS NOT NULL GROUP BY 1 "
                f"ORDER BY count(*) DESC, 1 LIMIT {MOST_VALUES}"
            ).fetchall()
            self._known[name] = [row[0] for row in rows]
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def together(self, columns: Sequence[str]) -> list[tuple[str | None, ...]]:
        """What some columns hold side by side, each combination once."""
        return self._con.execute(f"SELECT DISTINCT {', '.join(map(quoted, columns))} FROM export").fetchall()


def confirms(canonical: str, values: Sequence[str]) -> bool:
    """Whether nearly all values are what a canonical column holds; never where there is none."""
    return share(canonical, values) >= NEARLY_ALL


def share(canonical: str, values: Sequence[str]) -> float:
    """The part of the values that a canonical column could hold, 0 to 1."""
    given = [value.strip() for value in list(values)[:MOST_VALUES] if value and value.strip()]
    if not given:
        return 0.0
    return sum(_fits(canonical, value) for value in given) / len(given)


def _fits(canonical: str, value: str) -> bool:
    if canonical == "trimestre":
        return parse_quarter(value) is not None
    if canonical == "annee":
        return value[:9].isdecimal() and 2020 <= int(value[:9]) <= 2099
    if canonical == "numero_trimestre":
        return value.upper().lstrip("TQ0") in {"1", "2", "3", "4"}
    if canonical == "demandeur_emploi":
        return parse_flag(value) is not None
    if canonical in _BY_COLUMN:
        met = resolve(_BY_COLUMN[canonical], value[:200])
        return met.id != NOT_GIVEN_ID and (met.est_connue or bool(met.attributes.get("age_max")))
    if COLUMNS[canonical].kind in MEASURES:
        is_number = _NUMBER.fullmatch(value[:60]) is not None
        return is_number and (COLUMNS[canonical].kind != "count" or not re.search(r"[.,](?!0+$)[0-9]{1,2}$", value))
    return False
