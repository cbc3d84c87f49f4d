"""The rules on the facts and their history. A breach is our own bug, or a damaged file.

Each function takes the rows to look at as SQL: a table's name, or a query over files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mcf_pipeline.duck import one
from mcf_pipeline.quality.finding import SAMPLE_ROWS, Finding
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.staging import LINE_KEY
from mcf_pipeline.schemas.warehouse import FctDossiers

if TYPE_CHECKING:
    import duckdb

_MISSING_LINE = "ligne de fct_dossiers"


def duplicate_keys(con: duckdb.DuckDBPyConnection, history: type[Table], rows: str) -> Finding:
    """Rows of a history, and so of its current state, that have another's key."""
    spec = describe(history)
    key = ", ".join(spec.key)
    # Hashes first: grouping by seven texts costs four times as much, and finds nothing nearly always.
    total, different = one(con, f"SELECT count(*), count(DISTINCT hash({key})) FROM {rows}")
    twice = []
    if total != different:
        twice = con.execute(
            f"SELECT {key}, count(*) FROM {rows} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL"
        ).fetchall()
    return Finding(
        rule="cle_unique",
        count=sum(row[-1] - 1 for row in twice),
        total=total,
        columns=(*spec.key, "fois"),
        sample=tuple(twice[:SAMPLE_ROWS]),
        quarters=tuple(sorted({row[spec.key.index("trimestre_id")] for row in twice})),
    )


def open_states(con: duckdb.DuckDBPyConnection, rows: str, order: Sequence[str]) -> Finding:
    """Quarters whose states do not follow each other in time, with one at most that is open.

    A whole quarter has one state at a time, so all its lines share their dates; with `duplicate_keys` it follows that
    a line of the current state has exactly one open row.

    Args:
        con: any database.
        rows: SQL of a history's rows.
        order: ids of the releases in time order.
    """
    found = con.execute(f"""
        SELECT trimestre_id, valide_depuis, valide_jusqua, count(*), count(*) FILTER (WHERE release_id <> valide_depuis)
        FROM {rows}
        GROUP BY trimestre_id, valide_depuis, valide_jusqua
    """).fetchall()
    rank = {release_id: place for place, release_id in enumerate(order)}
    states: dict[str, list[tuple[str, str | None, int, int]]] = {}
    for quarter, since, until, lines, strangers in found:
        states.setdefault(quarter, []).append((since, until, lines, strangers))
    problems = [
        (quarter, since, until, lines, why)
        for quarter in sorted(states)
        for since, until, lines, why in _misplaced(states[quarter], rank)
    ]
    return Finding(
        rule="historique_un_etat_ouvert",
        count=len(problems),
        total=sum(map(len, states.values())),
        unit="états",
        columns=("trimestre_id", "valide_depuis", "valide_jusqua", "lignes", "pourquoi"),
        sample=tuple(problems[:SAMPLE_ROWS]),
        quarters=tuple(dict.fromkeys(problem[0] for problem in problems)),
    )


def _misplaced(
    states: Sequence[tuple[str, str | None, int, int]], rank: Mapping[str, int]
) -> Iterator[tuple[str, str | None, int, str]]:
    end: float = -1
    for since, until, lines, strangers in sorted(states, key=lambda s: (rank.get(s[0], -1), s[1] or "~")):
        start = rank.get(since, -1)
        # An open state lasts beyond every release.
        stop: float = len(rank) if until is None else rank.get(until, -1)
        if start < 0 or stop < 0:
            yield since, until, lines, "publication inconnue"
        elif start < end:
            yield since, until, lines, "commence avant la fin de l'état précédent"
        elif stop <= start:
            yield since, until, lines, "finit avant de commencer"
        elif strangers:
            yield since, until, lines, f"{strangers} lignes portent une autre publication"
        end = max(end, stop)


def orphans(
    con: duckdb.DuckDBPyConnection,
    fact: type[Table],
    rows: str,
    keys: Mapping[str, Collection[str]],
    lines: str | None = None,
) -> Finding:
    """Foreign keys of a fact that no dimension has, and parts of a line that is not there.

    Args:
        con: any database.
        fact: `FctDossiers` or `FctFinancements`.
        rows: SQL of its rows.
        keys: the keys of each dimension, by its name.
        lines: SQL of the lines that the rows of `FctFinancements` belong to.
    """
    spec = describe(fact)
    found: list[tuple[object, ...]] = []
    for column in spec.columns:
        if not column.references:
            continue
        values = con.execute(f"SELECT {column.name}, count(*) FROM {rows} GROUP BY ALL ORDER BY 1").fetchall()
        found += [
            (column.name, value, column.references, count)
            for value, count in values
            if value is not None and value not in keys[column.references]
        ]
    if lines:
        found += [
            (_MISSING_LINE, quarter, describe(FctDossiers).name, count)
            for quarter, count in con.execute(
                f"SELECT trimestre_id, count(*) FROM {rows} AS part "
                f"ANTI JOIN {lines} AS ligne USING ({', '.join(LINE_KEY)}, est_masque) GROUP BY ALL ORDER BY ALL"
            ).fetchall()
        ]
    (total,) = one(con, f"SELECT count(*) FROM {rows}")
    return Finding(
        rule="cles_etrangeres_connues",
        count=len(found),
        total=total,
        unit="clés",
        columns=("colonne", "valeur", "dimension", "lignes"),
        sample=tuple(found[:SAMPLE_ROWS]),
    )
