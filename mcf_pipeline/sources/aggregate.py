"""Totals per group of lines: the question to a portal, and its answer, which is not taken on trust.

What does not belong here: which column holds what, and what a total says of a release.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mcf_pipeline.sources.metadata import amount, loads, whole

PAGE = 100
"""Groups asked for, enough for 25 years of quarters; more are no quarters."""


@dataclass(frozen=True, slots=True)
class QuarterAggregate:
    """One group of an aggregate.

    Attributes:
        values: of the columns that the lines were grouped by, as text; None where there is none.
        rows: lines.
        dossiers: their sum, or None where the portal gives none (all of them masked).
        amount: the sum of the amounts in euros, likewise; the portal adds in floating point.
    """

    values: tuple[str | None, ...]
    rows: int
    dossiers: int | None
    amount: Decimal | None


def question(columns: Sequence[str], dossiers: str, amount_column: str) -> dict[str, str] | None:
    """The parameters of a request to ``/records``; None where a column has no spelling in ODSQL.

    Args:
        columns: what to group by.
        dossiers: the column of the number of dossiers.
        amount_column: the column of the amount.
    """
    names = [_field(name) for name in (*columns, dossiers, amount_column)]
    if not columns or None in names:
        return None
    *groups, counted, summed = names
    return {
        "select": f"count(*) as lignes, sum({counted}) as dossiers, sum({summed}) as montant",
        "group_by": ", ".join(str(group) for group in groups),
        "limit": str(PAGE),
    }


def read_groups(body: bytes, columns: Sequence[str]) -> list[QuarterAggregate] | None:
    """The groups of an answer; None where it makes no sense, or where there are more than asked for."""
    try:
        results = loads(body)["results"]
    except (ValueError, TypeError, KeyError):
        return None
    if not isinstance(results, list) or len(results) >= PAGE:
        return None
    groups = [_group(entry, columns) for entry in results]
    found = [group for group in groups if group is not None]
    return found if len(found) == len(groups) else None


def _field(name: str) -> str | None:
    """A column's name as a literal of ODSQL, or None where it has no spelling there."""
    return None if not name or "`" in name or not name.isprintable() else f"`{name}`"


def _group(entry: object, columns: Sequence[str]) -> QuarterAggregate | None:
    """One group of the answer; None where it makes no sense."""
    if not isinstance(entry, dict) or any(column not in entry for column in columns):
        return None
    values = []
    for value in (entry[column] for column in columns):
        number = whole(value)
        if not (value is None or isinstance(value, str) or number is not None):
            return None
        values.append(str(number) if number is not None else value)
    rows, dossiers, total = (
        whole(entry.get("lignes")),
        whole(entry.get("dossiers")),
        amount(entry.get("montant")),
    )
    if rows is None or rows < 0:
        return None
    if (dossiers is None and entry.get("dossiers") is not None) or (total is None and entry.get("montant") is not None):
        return None
    return QuarterAggregate(tuple(values), rows, dossiers, total)
