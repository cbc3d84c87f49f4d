"""The rules on the lines of a quarter, as staged: what the publisher told that does not fit together.

All quarters of a run are looked at in one query (as many at a time as memory allows); each rule is a condition
on a line. What does not belong here: what is refused or quarantined (`contract.lines`); here the line is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.contract.modalities import DIMENSIONS, resolve
from mcf_pipeline.contract.rules import MIN_PERSONS, PARTS_ABSOLUTE, PARTS_RELATIVE, PRICE_RELATIVE
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.duck import literal, one
from mcf_pipeline.quality.finding import SAMPLE_ROWS, Finding
from mcf_pipeline.tables.staging import Staged
from mcf_pipeline.warehouse.batches import BATCH_LINES, batches

if TYPE_CHECKING:
    import duckdb

Prices = tuple[Decimal, Decimal]
"""The lowest and the highest mean price seen."""


@dataclass(frozen=True, slots=True)
class LineRule:
    """A rule on one line.

    Attributes:
        name: as in `contract.rules`.
        judged: SQL condition: the line says enough to be judged.
        broken: SQL condition: the line breaks the rule.
        shown: the columns that tell why.
    """

    name: str
    judged: str
    broken: str
    shown: tuple[str, ...]


_COUNT_MASKED = "(nb_dossiers IS NULL OR nb_titulaires IS NULL)"

LINE_RULES = (
    LineRule(
        "ecart_parts_montant",
        "montant_engage IS NOT NULL AND parts IS NOT NULL",
        f"abs(montant_engage - parts) > greatest({PARTS_RELATIVE} * montant_engage, {PARTS_ABSOLUTE})",
        ("montant_engage", "parts"),
    ),
    LineRule(
        "ecart_prix_montant",
        "prix_moyen IS NOT NULL AND nb_dossiers IS NOT NULL AND montant_engage IS NOT NULL",
        f"abs(prix_moyen * nb_dossiers - montant_engage) > {PRICE_RELATIVE} * montant_engage",
        ("prix_moyen", "nb_dossiers", "montant_engage"),
    ),
    LineRule(
        "effectif_sous_le_seuil",
        "nb_dossiers IS NOT NULL OR nb_titulaires IS NOT NULL",
        f"nb_dossiers < {MIN_PERSONS} OR nb_titulaires < {MIN_PERSONS}",
        ("nb_dossiers", "nb_titulaires"),
    ),
    LineRule(
        "titulaires_superieurs_aux_dossiers",
        "nb_dossiers IS NOT NULL AND nb_titulaires IS NOT NULL",
        "nb_titulaires > nb_dossiers",
        ("nb_dossiers", "nb_titulaires"),
    ),
    LineRule(
        "masque_avec_montant",
        _COUNT_MASKED,
        f"{_COUNT_MASKED} AND (montant_engage IS NOT NULL OR parts_donnees > 0)",
        ("nb_dossiers", "nb_titulaires", "montant_engage", "parts_donnees"),
    ),
    LineRule(
        "prix_hors_plage",
        "prix_moyen IS NOT NULL AND prix_min IS NOT NULL",
        "prix_moyen NOT BETWEEN prix_min AND prix_max",
        ("prix_moyen", "prix_min", "prix_max"),
    ),
)
_IDS = tuple(dimension.id_column for dimension in DIMENSIONS.values())


def line_findings(
    con: duckdb.DuckDBPyConnection,
    staged: Mapping[str, Staged],
    prices: Mapping[str, Prices],
    source_map: SourceMap,
) -> dict[str, dict[str, Finding]]:
    """Look at some quarters by every rule on lines.

    Args:
        con: an in-memory database.
        staged: the current state of each quarter, by quarter id.
        prices: the range of prices that each quarter is held against, by quarter id; see `prices_before`.
        source_map: overrides of modalities.

    Returns:
        By rule and quarter id: the `LINE_RULES`, ``modalite_inconnue`` and ``lignes_rejetees``.
    """
    found: dict[str, dict[str, Finding]] = {rule.name: {} for rule in LINE_RULES}
    found |= {"modalite_inconnue": {}, "lignes_rejetees": {}}
    for quarters in batches({quarter: state.valid for quarter, state in staged.items()}, BATCH_LINES):
        batch = {quarter: staged[quarter] for quarter in quarters}
        _load(con, batch, prices)
        for rule, quarter, finding in _judged(con, prices):
            found[rule][quarter] = finding
        for quarter, state in batch.items():
            found["modalite_inconnue"][quarter] = _unknown(con, quarter, state, source_map)
    for quarter, state in staged.items():
        found["lignes_rejetees"][quarter] = rejected_lines(con, quarter, state)
    return found


def prices_before(
    con: duckdb.DuckDBPyConnection, files: Iterable[tuple[int, Path]], ranks: Mapping[str, int]
) -> dict[str, Prices]:
    """The range of prices that releases before each quarter's own had told, of any quarter.

    Args:
        con: an in-memory database.
        files: the lines of every state of every quarter, with the rank in time of the release that first told it.
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


def _load(con: duckdb.DuckDBPyConnection, batch: Mapping[str, Staged], prices: Mapping[str, Prices]) -> None:
    """Make the table ``verifiees``: each line with the sum of its parts and the prices to hold it against."""
    rows = [f"({literal(q)}, {low}, {high})" for q, (low, high) in prices.items() if q in batch]
    ranges = f"VALUES {', '.join(rows)}" if rows else "SELECT NULL::VARCHAR, NULL::DECIMAL, NULL::DECIMAL"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE verifiees AS
        SELECT usagers.*, parts, coalesce(parts_donnees, 0) AS parts_donnees, prix_min, prix_max
        FROM {_files(batch, "usagers")} AS usagers
        LEFT JOIN (
            SELECT
                trimestre_id,
                numero_ligne,
                -- A line of which a part is masked cannot be added up.
                CASE WHEN count(*) = count(montant) THEN sum(montant) END AS parts,
                count(montant) AS parts_donnees
            FROM {_files(batch, "financements")}
            GROUP BY trimestre_id, numero_ligne
        ) USING (trimestre_id, numero_ligne)
        LEFT JOIN ({ranges}) AS plage(trimestre_id, prix_min, prix_max) USING (trimestre_id)
    """)


def _files(batch: Mapping[str, Staged], name: str) -> str:
    return f"read_parquet([{', '.join(literal(state.file(name)) for state in batch.values())}])"


def _judged(con: duckdb.DuckDBPyConnection, prices: Mapping[str, Prices]) -> Iterator[tuple[str, str, Finding]]:
    counts = ", ".join(
        f"count(*) FILTER (WHERE {rule.judged}), count(*) FILTER (WHERE {rule.broken})" for rule in LINE_RULES
    )
    rows = con.execute(
        f"SELECT trimestre_id, {counts} FROM verifiees GROUP BY trimestre_id ORDER BY trimestre_id"
    ).fetchall()
    for place, rule in enumerate(LINE_RULES):
        figures = {row[0]: (row[1 + 2 * place], row[2 + 2 * place]) for row in rows}
        samples = _samples(con, rule) if any(broken for _, broken in figures.values()) else {}
        for quarter, (judged, broken) in figures.items():
            note = ""
            if rule.name == "prix_hors_plage" and quarter not in prices:
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


def _unknown(con: duckdb.DuckDBPyConnection, quarter: str, state: Staged, source_map: SourceMap) -> Finding:
    sample = []
    for dimension, text in state.unknown[:SAMPLE_ROWS]:
        key = resolve(dimension, text, source_map).id
        (lines,) = one(
            con,
            f"SELECT count(*) FROM verifiees WHERE trimestre_id = ? AND {DIMENSIONS[dimension].id_column} = ?",
            [quarter, key],
        )
        sample.append((dimension, text, key, lines))
    return Finding(
        rule="modalite_inconnue",
        count=len(state.unknown),
        total=state.valid,
        unit="modalités",
        columns=("dimension", "texte", "identifiant", "lignes"),
        sample=tuple(sample),
        quarters=(quarter,),
    )


def rejected_lines(con: duckdb.DuckDBPyConnection, quarter: str, state: Staged) -> Finding:
    """The lines of a quarter that were quarantined; grave where they are too many for the rest to be trusted."""
    columns: Sequence[str] = ("numero_ligne", "regle", "colonne", "valeur", "ligne")
    sample: Sequence[tuple[object, ...]] = ()
    if state.rejected:
        sample = con.execute(
            f"SELECT {', '.join(columns)} FROM read_parquet({literal(state.file('rejets'))}) "
            f"ORDER BY numero_ligne, regle LIMIT {SAMPLE_ROWS}"
        ).fetchall()
    reasons = (f"{rule} ({column or 'ligne'}) : {lines}" for rule, column, lines in state.commonest)
    return Finding(
        rule="lignes_rejetees",
        count=state.rejected,
        total=state.received,
        columns=tuple(columns),
        sample=tuple(sample),
        quarters=(quarter,),
        note=f"Raisons les plus fréquentes : {' ; '.join(reasons)}." if state.rejected else "",
        is_grave=state.is_refused,
    )
