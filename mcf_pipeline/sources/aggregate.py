"""Totals per group of lines: the question to a portal, and its answer, which is not taken on trust.

What does not belong here: which column holds what, and what a total says of a release.
"""

from __future__ import annotations

from collections.abc import Sequence

from mcf_pipeline.sources.base import QuarterTotals
from mcf_pipeline.sources.metadata import loads, whole

PAGE = 100
"""Groups asked for, enough for 25 years of quarters; more are no quarters."""

Groups = dict[tuple[str | None, ...], QuarterTotals]
"""Totals by the values of the columns that the lines were grouped by, as text; None where there is no value."""


def question(columns: Sequence[str], dossiers: str) -> dict[str, str] | None:
    """The parameters of a request to ``/records``; None where a column has no spelling in ODSQL.

    Args:
        columns: what to group by.
        dossiers: the column of the number of dossiers.
    """
    if not columns or any(not name or "`" in name or not name.isprintable() for name in (*columns, dossiers)):
        return None
    return {
        "select": f"count(*) as lignes, sum(`{dossiers}`) as dossiers",
        "group_by": ", ".join(f"`{name}`" for name in columns),
        "limit": str(PAGE),
    }


def read_groups(body: bytes, columns: Sequence[str]) -> Groups | None:
    """The groups of an answer; None where it makes no sense, or where there are more than asked for."""
    try:
        results = loads(body)["results"]
        if len(results) >= PAGE:
            return None
        return dict(_group(entry, columns) for entry in results)
    except (ValueError, TypeError, KeyError):
        return None


def _group(entry: dict[str, object], columns: Sequence[str]) -> tuple[tuple[str | None, ...], QuarterTotals]:
    """One group of the answer; raises ValueError, TypeError or KeyError where it makes no sense."""
    rows, dossiers = whole(entry["lignes"]), whole(entry["dossiers"])
    # No sum at all: each of its lines is masked.
    if rows is None or rows < 0 or (dossiers is None and entry["dossiers"] is not None):
        raise ValueError("the totals are no numbers")
    return tuple(_value(entry[column]) for column in columns), QuarterTotals(rows, dossiers or 0)


def _value(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    number = whole(value)
    if number is None:
        raise ValueError("the value of a group is no text")
    return str(number)
