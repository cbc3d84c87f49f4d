"""The rules on the facts and their history in the build. A breach is our own bug, or a damaged file.

Each looks at the whole table, whatever the run did, so its newest answer is always about all that is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mcf_pipeline.archive.timeline import Timeline
from mcf_pipeline.contract.modalities import DIMENSIONS
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.duck import one
from mcf_pipeline.quality.finding import SAMPLE_ROWS, Finding
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.staging import LINE_KEY
from mcf_pipeline.schemas.warehouse import FctDossiers, FctFinancements, FctFinancementsHistorique
from mcf_pipeline.tables.dimensions import unknown_seen
from mcf_pipeline.warehouse.batches import batches
from mcf_pipeline.warehouse.build import marks

if TYPE_CHECKING:
    import duckdb

BATCH_ROWS = 2_000_000
"""Rows whose keys are counted at a time."""

_MISSING_LINE = "ligne de fct_dossiers"


def duplicate_keys(con: duckdb.DuckDBPyConnection, history: type[Table]) -> Finding:
    """Rows of a history, and so of its current state, that have another's key."""
    spec = describe(history)
    key = ", ".join(spec.key)
    total = surplus = 0
    sample: list[tuple[object, ...]] = []
    quarters: set[str] = set()
    sizes = con.execute(f"SELECT trimestre_id, count(*) FROM {spec.name} GROUP BY ALL ORDER BY ALL").fetchall()
    for batch in batches(dict(sizes), BATCH_ROWS):
        # Hashes first: grouping by seven texts costs four times as much, and finds nothing nearly always.
        rows, different = one(
            con,
            f"SELECT count(*), count(DISTINCT hash({key})) FROM {spec.name} WHERE list_contains(?, trimestre_id)",
            [batch],
        )
        total += rows
        if rows == different:
            continue
        twice = con.execute(
            f"SELECT {key}, count(*) FROM {spec.name} WHERE list_contains(?, trimestre_id) "
            "GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL",
            [batch],
        ).fetchall()
        surplus += sum(row[-1] - 1 for row in twice)
        sample += twice[:SAMPLE_ROWS]
        quarters |= {row[spec.key.index("trimestre_id")] for row in twice}
    return Finding(
        rule="cle_unique",
        count=surplus,
        total=total,
        columns=(*spec.key, "fois"),
        sample=tuple(sample[:SAMPLE_ROWS]),
        quarters=tuple(sorted(quarters)),
    )


def open_states(
    con: duckdb.DuckDBPyConnection, history: type[Table], order: Sequence[str], quarters: Collection[str]
) -> Finding:
    """Quarters whose states do not follow each other in time, with one at most that is open.

    A state is told by a whole quarter, so all its lines share their dates; with `duplicate_keys` it follows that
    a line of the current state has exactly one open row.

    Args:
        con: the build.
        history: of which fact.
        order: ids of the releases in time order.
        quarters: the quarters that are up to date; the others wait for their run and are not looked at.
    """
    spec = describe(history)
    rows = con.execute(f"""
        SELECT trimestre_id, valide_depuis, valide_jusqua, count(*), count(*) FILTER (WHERE release_id <> valide_depuis)
        FROM {spec.name}
        GROUP BY trimestre_id, valide_depuis, valide_jusqua
    """).fetchall()
    rank = {release_id: place for place, release_id in enumerate(order)}
    states: dict[str, list[tuple[str, str | None, int, int]]] = {}
    for quarter, *state in rows:
        if quarter in quarters:
            states.setdefault(quarter, []).append((state[0], state[1], state[2], state[3]))
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


def orphans(con: duckdb.DuckDBPyConnection, history: type[Table], announced: Mapping[str, Collection[str]]) -> Finding:
    """Foreign keys of a history that no dimension knows, and parts of a line that is not there.

    Args:
        con: the build.
        history: of which fact.
        announced: by dimension, the keys that it will have once it is materialized (`announced_keys`): in a run
            that leaves the dimensions for later, those are not missing.
    """
    spec = describe(history)
    rows: list[tuple[object, ...]] = []
    for column in spec.columns:
        if not column.references:
            continue
        target = _key_of(column.references)
        values = con.execute(
            f"SELECT DISTINCT {column.name} FROM {spec.name} WHERE {column.name} IS NOT NULL "
            f"AND {column.name} NOT IN (SELECT {target} FROM {column.references}) ORDER BY 1"
        ).fetchall()
        for (value,) in values:
            if value not in announced.get(column.references, ()):
                (lines,) = one(con, f"SELECT count(*) FROM {spec.name} WHERE {column.name} = ?", [value])
                rows.append((column.name, value, column.references, lines))
    if history is FctFinancementsHistorique:
        rows += _parts_without_line(con)
    (total,) = one(con, f"SELECT count(*) FROM {spec.name}")
    return Finding(
        rule="cles_etrangeres_connues",
        count=len(rows),
        total=total,
        unit="clés",
        columns=("colonne", "valeur", "dimension", "lignes"),
        sample=tuple(rows[:SAMPLE_ROWS]),
    )


def _key_of(dimension: str) -> str:
    """The key of a dimension's table, by the table's name."""
    return f"{dimension.removeprefix('dim_')}_id"


def _parts_without_line(con: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    """Quarters in which a financer's part has no line, or masks it otherwise than the line does."""
    dossiers, parts = describe(FctDossiers).name, describe(FctFinancements).name
    current = fresh_quarters(con, (dossiers, parts))
    found = con.execute(
        f"SELECT trimestre_id, count(*) FROM {parts} ANTI JOIN {dossiers} USING ({', '.join(LINE_KEY)}, est_masque) "
        "GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    return [(_MISSING_LINE, quarter, dossiers, rows) for quarter, rows in found if quarter in current]


def fresh_quarters(con: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> set[str]:
    """The quarters that all these tables were built from the same thing; the others wait for their run."""
    built = marks(con)
    quarters = {quarter for _, quarter in built}
    return {q for q in quarters if len({built.get((table, q)) for table in tables}) == 1}


def announced_keys(con: duckdb.DuckDBPyConnection, line: Timeline, source_map: SourceMap) -> dict[str, set[str]]:
    """What the dimensions will hold once they are materialized, of what the data alone decides."""
    keys = {f"dim_{name}": {modality.id for modality in unknown_seen(con, name, source_map)} for name in DIMENSIONS}
    keys["dim_trimestre"] = {quarter.id for quarter in line.quarters}
    keys["dim_release"] = {manifest.release_id for manifest in line.releases}
    return keys
