"""The published file's tables, assembled from the immutable files: from scratch, or only the quarters that differ.

Either way gives equal tables. Which file each quarter of each table comes from is kept in `meta_fichiers`; a quarter
whose mark differs is deleted and inserted by name.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from mcf_pipeline import __version__
from mcf_pipeline.archive.store import UNREADABLE_FILE, Archive
from mcf_pipeline.contract.lines import rejects_frame
from mcf_pipeline.duck import literal, one
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.ddl import comments, create_table, macro_comment, query, table_comment, typed
from mcf_pipeline.schemas.documentation import DOCUMENTATION, Dictionnaire, MetaFichiers, MetaPublication, MetaTables
from mcf_pipeline.schemas.former import FORMER
from mcf_pipeline.schemas.lines import VDossiers, VFinancements
from mcf_pipeline.schemas.macros import MACROS
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.staging import StgRejets
from mcf_pipeline.schemas.views import VIEWS
from mcf_pipeline.schemas.warehouse import DIMENSIONS, FACTS, HISTORIES, PAST_STATES
from mcf_pipeline.tables.dimensions import dimension_frames, frame_of
from mcf_pipeline.tables.files import read_files
from mcf_pipeline.tables.marts import MACROS as MART_MACROS
from mcf_pipeline.tables.marts import history_sql
from mcf_pipeline.tables.snapshot import QuarterState, Snapshot, mark
from mcf_pipeline.warehouse.attribution import LICENCE_NAME, attribution_of
from mcf_pipeline.warehouse.dictionary import dictionary_rows, table_rows

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

STORAGE_VERSION = "v1.2.0"
"""Oldest DuckDB that can open the file; 2.0 would otherwise write one that no 1.x can."""
BLOCK_SIZE = 65_536
"""Bytes of a block of the file. With DuckDB's own 256 KiB the sample's file is a third larger, and no query is
quicker."""

QUARTERLY: tuple[type[Table], ...] = (*FACTS, *PAST_STATES, *QUARTERLY_MARTS, MartRevisions, StgRejets)
PUBLISHED: tuple[type[Table], ...] = (*DIMENSIONS, *QUARTERLY)
"""The tables of the published file, besides what it says of itself."""
PUBLIC: tuple[type[Table], ...] = (*(model for model in PUBLISHED if model not in PAST_STATES), Dictionnaire)
"""The tables of the data package. Past states are not handed on line by line: with the current one beside them, some
would tell what the publisher masked (``docs/secret.md``)."""
IN_CLEAR: tuple[type[Table], ...] = tuple(view for view in VIEWS if view not in (*FORMER, VDossiers, VFinancements))
"""The views of the data package: small enough for a spreadsheet, and of today's names."""
PUBLISHED_VIEWS: tuple[type[Table], ...] = (*HISTORIES, *VIEWS)
MACRO_FILES = (*MART_MACROS, "perimetre", "periode", "sur_un_an", "rang_de", "dossiers_au", "financements_au")


@dataclass(frozen=True, slots=True)
class QuarterlySource:
    """What a quarterly table of the published file is made from.

    Attributes:
        model: the table.
        marks: by quarter, the fingerprint of its rows.
        rows: SQL of the rows of some quarters.
    """

    model: type[Table]
    marks: Mapping[Quarter, str]
    rows: Callable[[Collection[Quarter]], str]


def quarterly_sources(snapshot: Snapshot) -> list[QuarterlySource]:
    """What each quarterly table is made from."""
    current = [q for q in snapshot.timeline.quarters if snapshot.timeline.current(q)]
    by_state: tuple[type[Table], ...] = (*FACTS, *QUARTERLY_MARTS, StgRejets)
    found = [_of_current(snapshot, model, current) for model in by_state]
    past = {q: [(q, s) for s in states if s.until] for q, states in snapshot.timeline.states.items()}
    for fact, model in zip(FACTS, PAST_STATES, strict=True):
        found.append(
            QuarterlySource(
                model,
                {q: mark(snapshot.rules.lines, *(repr(s) for _, s in states)) for q, states in past.items() if states},
                partial(_past_rows, snapshot, fact, past),
            )
        )
    found.append(
        QuarterlySource(
            MartRevisions,
            {quarter: snapshot.revisions_file(quarter).stem for quarter in snapshot.timeline.quarters},
            lambda quarters: read_files(map(snapshot.revisions_file, quarters), MartRevisions),
        )
    )
    return found


def _past_rows(
    snapshot: Snapshot,
    fact: type[Table],
    past: Mapping[Quarter, Sequence[QuarterState]],
    quarters: Collection[Quarter],
) -> str:
    """SQL: the past states of a fact in some quarters."""
    return history_sql(snapshot, fact, [state for quarter in quarters for state in past[quarter]])


def _of_current(snapshot: Snapshot, model: type[Table], current: Collection[Quarter]) -> QuarterlySource:
    files = {quarter: path for quarter in current if (path := snapshot.current_file(describe(model).name, quarter))}
    return QuarterlySource(
        model,
        {quarter: path.stem for quarter, path in files.items()},
        lambda quarters: read_files((files[quarter] for quarter in quarters), model),
    )


@cache
def structure() -> str:
    """Fingerprint of the file's tables, views, macros and texts: when it differs, the file is built from scratch."""
    statements = [STORAGE_VERSION, str(BLOCK_SIZE), *map(query, MACRO_FILES), *map(macro_comment, MACROS)]
    for model in (*PUBLISHED, *DOCUMENTATION):
        statements += [create_table(model), *comments(model)]
    for model in PUBLISHED_VIEWS:
        statements += [query(describe(model).name), *comments(model, kind="VIEW")]
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()


def create(con: duckdb.DuckDBPyConnection) -> None:
    """Create the tables, views and macros in the current catalog, with their comments."""
    statements = []
    for model in (*PUBLISHED, *DOCUMENTATION):
        statements += [create_table(model), *comments(model)]
    for model in PUBLISHED_VIEWS:
        if model is VIEWS[0]:
            # Macros read the histories, and the other views use macros.
            statements += [*map(query, MACRO_FILES), *map(macro_comment, MACROS)]
        spec = describe(model)
        statements.append(f"CREATE VIEW {spec.name} AS {typed(spec, f'({query(spec.name)})')}")
        statements += comments(model, kind="VIEW")
    con.execute(";\n".join(statements))


def fill(con: duckdb.DuckDBPyConnection, archive: Archive, snapshot: Snapshot) -> dict[type[Table], list[Quarter]]:
    """Bring the tables of the current catalog to what the snapshot says.

    Returns:
        The quarters of each quarterly table that were inserted.
    """
    marks = {
        (table, quarter): found
        for table, quarter, found in con.execute("SELECT nom_table, trimestre_id, marque FROM meta_fichiers").fetchall()
    }
    inserted: dict[type[Table], list[Quarter]] = {}
    kept: list[dict[str, str]] = []
    for source in quarterly_sources(snapshot):
        name = describe(source.model).name
        had = {quarter: found for (table, quarter), found in marks.items() if table == name}
        new = [quarter for quarter, wanted in source.marks.items() if had.get(quarter.id) != wanted]
        gone = had.keys() - {quarter.id for quarter in source.marks} | had.keys() & {quarter.id for quarter in new}
        if gone:
            con.execute(f"DELETE FROM {name} WHERE trimestre_id IN ({', '.join(map(literal, sorted(gone)))})")
        if new:
            con.execute(f"INSERT INTO {name} BY NAME {typed(describe(source.model), source.rows(new))}")
        inserted[source.model] = new
        kept += [{"nom_table": name, "trimestre_id": q.id, "marque": m} for q, m in source.marks.items()]
    replace(con, MetaFichiers, frame_of(MetaFichiers, kept))
    for model, frame in dimension_frames(snapshot, archive.source_map).items():
        replace(con, model, frame)
    _replace_lines_without_quarter(con, archive, snapshot)
    return inserted


def replace(con: duckdb.DuckDBPyConnection, model: type[Table], frame: pd.DataFrame) -> None:
    """Replace a whole table by a frame's rows."""
    name = describe(model).name
    con.execute(f"DELETE FROM {name}")
    insert(con, model, frame)


def insert(con: duckdb.DuckDBPyConnection, model: type[Table], frame: pd.DataFrame) -> None:
    """Insert a frame's rows into a table, by column name and with its types."""
    con.register("rows_to_insert", frame)
    try:
        con.execute(f"INSERT INTO {describe(model).name} BY NAME {typed(describe(model), 'rows_to_insert')}")
    finally:
        con.unregister("rows_to_insert")


def _replace_lines_without_quarter(con: duckdb.DuckDBPyConnection, archive: Archive, snapshot: Snapshot) -> None:
    """Keep in `stg_rejets` the lines of the newest release that belong to no quarter."""
    rows: list[tuple[None, str, int, str, str, None, str]] = []
    release = snapshot.timeline.latest
    if release and release.unreadable_sha256:
        path = archive.data_dir.releases / release.release_id / UNREADABLE_FILE
        found = con.execute(
            f"SELECT numero_ligne, CAST(to_json(recue) AS VARCHAR) FROM read_parquet({literal(path)}) AS recue"
        ).fetchall()
        rows = [(None, release.release_id, line, "trimestre_invalide", "trimestre", None, text) for line, text in found]
    con.execute("DELETE FROM stg_rejets WHERE trimestre_id IS NULL")
    insert(con, StgRejets, rejects_frame(rows))


def document(con: duckdb.DuckDBPyConnection, state: str) -> dict[str, int]:
    """Write what the file says of itself; returns the rows of each published table."""
    origin = attribution_of(con)
    statements = [table_comment(model, licence=origin.text) for model in (*PUBLISHED, *DOCUMENTATION)]
    statements += [table_comment(model, kind="VIEW", licence=origin.text) for model in PUBLISHED_VIEWS]
    con.execute(";\n".join(statements))
    publication = {
        "etat": state,
        "mention": origin.text,
        "release_id": origin.release_id,
        "date_release": origin.released_on,
        "licence": LICENCE_NAME,
        "est_synthetique": origin.is_synthetic,
        "version_mcf_pipeline": __version__,
        "publie_le": dt.datetime.now(dt.UTC).replace(tzinfo=None),
        "structure": structure(),
    }
    replace(con, MetaPublication, frame_of(MetaPublication, [publication]))
    replace(con, Dictionnaire, frame_of(Dictionnaire, dictionary_rows(con, PUBLISHED, PUBLISHED_VIEWS)))
    tables = frame_of(MetaTables, table_rows(con, (*PUBLISHED, Dictionnaire), PUBLISHED_VIEWS))
    replace(con, MetaTables, tables)
    stored = tables[tables["nature"] == "table"]
    return {str(name): int(rows) for name, rows in zip(stored["nom_table"], stored["nb_lignes"], strict=True)}


def has_structure(con: duckdb.DuckDBPyConnection, catalog: str) -> bool:
    """Whether a file's structure is today's; raises what DuckDB raises on a file that is none of ours."""
    return con.execute(f"SELECT structure FROM {catalog}.meta_publication").fetchall() == [(structure(),)]


def holes(con: duckdb.DuckDBPyConnection) -> tuple[float, int]:
    """The share of the current catalog's file, checkpointed, that nothing uses, and how many bytes that is."""
    total, free, size = one(
        con,
        "SELECT total_blocks, free_blocks, block_size FROM pragma_database_size() "
        "WHERE database_name = current_catalog()",
    )
    return (free / total if total else 0.0), free * size
