"""The facts: a file per state of a quarter, which is the same whether the state is current or past."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from mcf_pipeline.contract.lines import FUNDED, PART, given_financers
from mcf_pipeline.duck import literal
from mcf_pipeline.progress import report
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.staging import StgUsagers
from mcf_pipeline.schemas.warehouse import FctDossiers
from mcf_pipeline.tables.snapshot import QuarterState, Snapshot

if TYPE_CHECKING:
    import duckdb


def make_facts(
    con: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    states: Collection[QuarterState],
    models: Collection[type[Table]],
) -> None:
    """Write the files of some facts from the staged lines of some states.

    Args:
        con: an in-memory database.
        snapshot: says where the files are.
        states: staged.
        models: `FctDossiers`, `FctFinancements`, or both.
    """
    for done, (quarter, state) in enumerate(states):
        report("facts", done, len(states))
        lines = snapshot.file(describe(StgUsagers).name, quarter, state)
        columns = pq.read_schema(lines).names
        for model in models:
            rows = fact_sql(model, f"read_parquet({literal(lines)})", columns)
            with snapshot.files.writing(snapshot.file(describe(model).name, quarter, state)) as draft:
                con.execute(f"COPY ({rows}) TO {literal(draft)} (FORMAT parquet, COMPRESSION zstd)")
    report("facts", len(states), len(states))


def fact_sql(model: type[Table], lines: str, columns: Sequence[str]) -> str:
    """SQL: the rows of a fact.

    Args:
        model: `FctDossiers`, or `FctFinancements`: a row per line and financer of which the source gives the part or
            the number of dossiers.
        lines: SQL of staged lines.
        columns: of the staged lines.
    """
    names = describe(model).column_names
    if model is FctDossiers:
        return f"SELECT {', '.join(names)} FROM {lines}"
    parts = []
    for financer in given_financers(columns):
        part = PART + financer if PART + financer in columns else "NULL::DECIMAL(18,2)"
        dossiers = FUNDED + financer if FUNDED + financer in columns else "NULL::BIGINT"
        parts.append(f"{{'financeur_id': '{financer}', 'montant': {part}, 'nb_dossiers_finances': {dossiers}}}")
    kept = [name for name in names if name not in ("financeur_id", "montant", "nb_dossiers_finances")]
    return (
        f"SELECT {', '.join(names)} FROM (SELECT {', '.join(kept)}, unnest([{', '.join(parts)}], recursive := true) "
        f"FROM {lines})"
    )
