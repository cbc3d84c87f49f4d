"""The rules on the lines of a quarter, as staged: what the publisher's figures say that does not fit together.

All quarters of a run are looked at in one query. What does not belong here: the rules themselves
(`contract.line_rules`), and what is refused or quarantined (`contract.lines`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.contract.columns import PART_COLUMNS
from mcf_pipeline.contract.line_rules import (
    LINE_RULES,
    OF_PRICES,
    LineRule,
    counts_sql,
    is_some_of_the_dossiers,
    parts_sql,
)
from mcf_pipeline.contract.modalities import DIMENSIONS, resolve
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.duck import literal, one
from mcf_pipeline.quality.finding import SAMPLE_ROWS, Finding
from mcf_pipeline.tables.staged import Staged

if TYPE_CHECKING:
    import duckdb

Prices = tuple[Decimal, Decimal]
"""The lowest and the highest mean price seen."""


_IDS = tuple(dimension.id_column for dimension in DIMENSIONS.values())


def line_findings(
    con: duckdb.DuckDBPyConnection,
    staged: Mapping[str, tuple[Staged, Path, Path]],
    prices: Mapping[str, Prices],
    source_map: SourceMap,
) -> dict[str, dict[str, Finding]]:
    """Look at some quarters by every rule on lines.

    Args:
        con: an in-memory database.
        staged: by quarter id, what is known of its current state, and the files of its lines and of its rejects.
        prices: the range of prices that each quarter is held against, by quarter id; see `prices_before`.
        source_map: overrides of modalities.

    Returns:
        By rule and quarter id: the `LINE_RULES`, ``modalite_inconnue`` and ``lignes_rejetees``.
    """
    found: dict[str, dict[str, Finding]] = {rule.name: {} for rule in LINE_RULES}
    found |= {"modalite_inconnue": {}, "lignes_rejetees": {}}
    if staged:
        _load(con, [lines for _, lines, _ in staged.values()], prices)
        for rule, quarter, finding in _judged(con, prices):
            found[rule][quarter] = finding
    for quarter, (state, lines, rejects) in staged.items():
        found["modalite_inconnue"][quarter] = _unknown(con, state, lines, source_map)
        found["lignes_rejetees"][quarter] = rejected_lines(con, state, rejects)
    return found


def prices_before(
    con: duckdb.DuckDBPyConnection, files: Iterable[tuple[int, Path]], ranks: Mapping[str, int]
) -> dict[str, Prices]:
    """The range of prices of the releases before each quarter's own, of any quarter.

    Args:
        con: an in-memory database.
        files: the lines of every state of every quarter, with the rank in time of its release.
        ranks: by quarter id, the rank of the release that its current state comes from.

    Returns:
        By quarter id; a quarter whose state comes from the first release is not there: nothing was seen before.
    """
    newest = max(ranks.values(), default=0)
    by_path = {str(path): rank for rank, path in files if rank < newest}
    if not by_path:
        return {}
    seen = con.execute(
        "SELECT filename, min(prix_moyen), max(prix_moyen) FROM read_parquet($files, filename = true) "
        "GROUP BY filename HAVING count(prix_moyen) > 0",
        {"files": list(by_path)},
    ).fetchall()
    found: dict[str, Prices] = {}
    for quarter, rank in ranks.items():
        before = [(low, high) for path, low, high in seen if by_path[path] < rank]
        if before:
            found[quarter] = min(low for low, _ in before), max(high for _, high in before)
    return found


def _load(con: duckdb.DuckDBPyConnection, files: Iterable[Path], prices: Mapping[str, Prices]) -> None:
    """Make the table ``verifiees``: each line with the sum of its parts and the prices to hold it against."""
    import pyarrow.parquet as pq

    by_parts: dict[tuple[str, ...], list[Path]] = {}
    for path in files:
        names = pq.read_schema(path).names
        used = tuple(name for name in names if name in PART_COLUMNS or is_some_of_the_dossiers(name))
        by_parts.setdefault(used, []).append(path)
    measures = ("nb_dossiers", "nb_titulaires", "montant_engage", "prix_moyen", "duree_moyenne")
    lines = [
        f"SELECT trimestre_id, numero_ligne, {', '.join((*_IDS, *measures))}, {parts_sql(parts)} "
        f"FROM read_parquet([{', '.join(map(literal, paths))}])"
        for parts, paths in by_parts.items()
    ]
    rows = [f"({literal(q)}, {low}, {high})" for q, (low, high) in prices.items()]
    ranges = f"VALUES {', '.join(rows)}" if rows else "SELECT NULL::VARCHAR, NULL::DECIMAL, NULL::DECIMAL"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE verifiees AS
        SELECT lignes.*, prix_min, prix_max
        FROM ({" UNION ALL ".join(lines)}) AS lignes
        LEFT JOIN ({ranges}) AS plage(trimestre_id, prix_min, prix_max) USING (trimestre_id)
    """)


def _judged(con: duckdb.DuckDBPyConnection, prices: Mapping[str, Prices]) -> Iterator[tuple[str, str, Finding]]:
    rows = con.execute(
        f"SELECT trimestre_id, {counts_sql(LINE_RULES)} FROM verifiees GROUP BY trimestre_id ORDER BY trimestre_id"
    ).fetchall()
    for place, rule in enumerate(LINE_RULES):
        figures = {row[0]: (row[1 + 2 * place], row[2 + 2 * place]) for row in rows}
        samples = _samples(con, rule) if any(broken for _, broken in figures.values()) else {}
        for quarter, (judged, broken) in figures.items():
            note = ""
            if rule.name == OF_PRICES and quarter not in prices:
                note = "Aucune publication avant celle-ci : rien à comparer."
            yield (
                rule.name,
                quarter,
                Finding(
                    rule=rule.name,
                    count=broken,
                    total=judged,
                    columns=("numero_ligne", *_IDS, *rule.shown),
                    sample=tuple(samples.get(quarter, ())),
                    quarters=(quarter,),
                    note=note,
                ),
            )


def _samples(con: duckdb.DuckDBPyConnection, rule: LineRule) -> dict[str, list[tuple[object, ...]]]:
    rows = con.execute(f"""
        SELECT trimestre_id, numero_ligne, {", ".join((*_IDS, *rule.shown))}
        FROM verifiees
        WHERE {rule.broken}
        QUALIFY row_number() OVER (PARTITION BY trimestre_id ORDER BY numero_ligne) <= {SAMPLE_ROWS}
        ORDER BY trimestre_id, numero_ligne
    """).fetchall()
    found: dict[str, list[tuple[object, ...]]] = {}
    for quarter, *row in rows:
        found.setdefault(quarter, []).append(tuple(row))
    return found


def _unknown(con: duckdb.DuckDBPyConnection, state: Staged, lines: Path, source_map: SourceMap) -> Finding:
    sample = []
    for dimension, text in state.unknown[:SAMPLE_ROWS]:
        key = resolve(dimension, text, source_map).id
        (count,) = one(
            con,
            f"SELECT count(*) FROM read_parquet({literal(lines)}) WHERE {DIMENSIONS[dimension].id_column} = ?",
            [key],
        )
        sample.append((dimension, text, key, count))
    return Finding(
        rule="modalite_inconnue",
        count=len(state.unknown),
        total=state.valid,
        unit="modalités",
        columns=("dimension", "texte", "identifiant", "lignes"),
        sample=tuple(sample),
        quarters=(state.quarter,),
    )


def rejected_lines(con: duckdb.DuckDBPyConnection, state: Staged, rejects: Path) -> Finding:
    """The lines of a quarter that were quarantined; grave where they are too many for the rest to be trusted."""
    columns: Sequence[str] = ("numero_ligne", "regle", "colonne", "valeur", "ligne")
    sample: Sequence[tuple[object, ...]] = ()
    if state.rejected:
        sample = con.execute(
            f"SELECT {', '.join(columns)} FROM read_parquet({literal(rejects)}) "
            f"ORDER BY numero_ligne, regle LIMIT {SAMPLE_ROWS}"
        ).fetchall()
    reasons = (f"{rule} ({column or 'ligne'}) : {lines}" for rule, column, lines in state.commonest)
    return Finding(
        rule="lignes_rejetees",
        count=state.rejected,
        total=state.received,
        columns=tuple(columns),
        sample=tuple(sample),
        quarters=(state.quarter,),
        note=f"Raisons les plus fréquentes : {' ; '.join(reasons)}." if state.rejected else "",
        is_grave=state.is_refused,
    )
