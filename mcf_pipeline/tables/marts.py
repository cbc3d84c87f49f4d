"""The marts: one SQL file each, run once for many quarters, validated, and written as a file per quarter."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from mcf_pipeline.archive.split import batches
from mcf_pipeline.contract.lines import validate
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.duck import literal, temporary, to_frame
from mcf_pipeline.progress import report
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.ddl import create_table, query, typed
from mcf_pipeline.schemas.marts import MartRevisions
from mcf_pipeline.schemas.staging import StgRejets
from mcf_pipeline.schemas.warehouse import FACTS, FctDossiers, FctFinancements
from mcf_pipeline.tables.dimensions import dimension_frames
from mcf_pipeline.tables.files import read_files
from mcf_pipeline.tables.snapshot import QuarterState, Snapshot

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

MACROS = ("macros", "resume", "taux", "financement")
"""What the marts' SQL calls, in the order in which one needs the other; the published file has them too."""


def make_marts(
    con: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    source_map: SourceMap,
    quarters: Collection[Quarter],
    models: Collection[type[Table]],
) -> None:
    """Write the files of some quarterly marts.

    Args:
        con: an in-memory database.
        snapshot: says where the files are.
        source_map: overrides of modalities.
        quarters: their facts are there; one without a current state has no mart.
        models: which marts.

    Raises:
        pandera.errors.SchemaErrors: the SQL yields what the model forbids; a bug worth reporting.
    """
    states = [(quarter, state) for quarter in quarters if (state := snapshot.timeline.current(quarter))]
    done = 0
    with temporary(con) as work:
        _open_dimensions(work, snapshot, source_map)
        for batch in batches(snapshot.rows(states)):
            sources: tuple[type[Table], ...] = (*FACTS, StgRejets)
            for model in sources:
                rows = read_files((snapshot.file(describe(model).name, *state) for state in batch), model)
                if model is FctDossiers:
                    # Each mart reads the lines several times; a batch of them is small.
                    work.execute(f"CREATE OR REPLACE TEMP TABLE {describe(model).name} AS FROM {rows}")
                else:
                    _open_view(work, describe(model).name, rows)
            for model in models:
                report("marts", done, len(states) * len(models))
                _make(work, snapshot, model, {q: snapshot.file(describe(model).name, q, state) for q, state in batch})
                done += len(batch)
    report("marts", done, done)


def make_revisions(
    con: duckdb.DuckDBPyConnection, snapshot: Snapshot, source_map: SourceMap, quarters: Collection[Quarter]
) -> None:
    """Write, for some quarters, the files of what each release changed in them.

    Raises:
        pandera.errors.SchemaErrors: as `make_marts`.
    """
    states = {quarter: [(quarter, s) for s in snapshot.timeline.states.get(quarter, ())] for quarter in quarters}
    sizes = {quarter: sum(snapshot.rows(of).values()) for quarter, of in states.items()}
    if not any(states.values()):
        return
    with temporary(con) as work:
        _open_dimensions(work, snapshot, source_map)
        for batch in batches(sizes):
            for fact in FACTS:
                history = history_sql(snapshot, fact, [state for quarter in batch for state in states[quarter]])
                _open_view(work, f"{describe(fact).name}_historique", history)
            _make(work, snapshot, MartRevisions, {quarter: snapshot.revisions_file(quarter) for quarter in batch})


def history_sql(snapshot: Snapshot, model: type[Table], states: Iterable[QuarterState]) -> str:
    """SQL: some states of a fact, each line with the releases from which and until which it holds."""
    states = list(states)
    files = read_files((snapshot.file(describe(model).name, *state) for state in states), model)
    ends = ", ".join(
        f"({literal(quarter.id)}, {literal(state.since)}, {literal(state.until) if state.until else 'NULL'})"
        for quarter, state in states
    )
    # One scan, whatever the number of releases: a query of hundreds of scans needs more memory than their rows.
    return (
        "(SELECT etat.*, etat.release_id AS valide_depuis, fin.valide_jusqua::VARCHAR AS valide_jusqua "
        f"FROM {files} AS etat LEFT JOIN (VALUES {ends or '(NULL, NULL, NULL)'}) AS fin (trimestre_id, release_id, "
        "valide_jusqua) USING (trimestre_id, release_id))"
    )


def _open_dimensions(con: duckdb.DuckDBPyConnection, snapshot: Snapshot, source_map: SourceMap) -> None:
    for model, frame in dimension_frames(snapshot, source_map).items():
        con.register("dimension", frame)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {describe(model).name} AS {typed(describe(model), 'dimension')}")
        con.unregister("dimension")
    # A macro's tables have to be there when it is made; each batch puts its own in their place.
    con.execute(create_table(FctDossiers).replace("CREATE TABLE", "CREATE TEMP TABLE"))
    _open_view(con, describe(FctFinancements).name, read_files((), FctFinancements))
    con.execute(";\n".join(query(name) for name in MACROS))


def _open_view(con: duckdb.DuckDBPyConnection, name: str, rows: str) -> None:
    con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS FROM {rows}")


def _make(
    con: duckdb.DuckDBPyConnection, snapshot: Snapshot, model: type[Table], paths: Mapping[Quarter, Path]
) -> None:
    spec = describe(model)
    statement = typed(spec, f"({query(spec.name)}) ORDER BY {', '.join(spec.key)}")
    parameters = {"trimestres": [quarter.id for quarter in paths]} if "$trimestres" in statement else None
    rows = pa.Table.from_pandas(validate(model, to_frame(con, statement, parameters)), preserve_index=False)
    for quarter, path in paths.items():
        snapshot.files.write(path, rows.filter(pc.equal(rows["trimestre_id"], quarter.id)))
