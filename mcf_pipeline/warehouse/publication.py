"""Publication: the file that users query, built beside the old one, checked, and renamed over it.

A reader who has the old file open keeps it; whoever opens the path next gets the new one. A process killed at
any instant leaves either.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from mcf_pipeline import __version__
from mcf_pipeline.duck import literal, one
from mcf_pipeline.errors import PipelineError
from mcf_pipeline.files import explain_disk_errors, put_in_place
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.documentation import DOCUMENTATION, Dictionnaire, MetaPublication, MetaTables
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.staging import StgRejets
from mcf_pipeline.schemas.views import VIEWS
from mcf_pipeline.schemas.warehouse import DIMENSIONS, FACTS, HISTORIES
from mcf_pipeline.settings import DataDir
from mcf_pipeline.tables.dimensions import frame_of
from mcf_pipeline.warehouse.attribution import LICENCE_NAME, attribution_of
from mcf_pipeline.warehouse.build import insert_frame, remove_database
from mcf_pipeline.warehouse.ddl import comments, create_table, query, typed
from mcf_pipeline.warehouse.dictionary import dictionary_rows, table_rows

STORAGE_VERSION = "v1.2.0"
"""Oldest DuckDB that can open the file; 2.0 would otherwise write one that no 1.x can."""

PUBLISHED: tuple[type[Table], ...] = (
    *DIMENSIONS,
    *FACTS,
    *HISTORIES,
    *QUARTERLY_MARTS,
    MartRevisions,
    StgRejets,
)
PUBLIC: tuple[type[Table], ...] = (*PUBLISHED, Dictionnaire)
"""The tables of the data package."""
MACROS = ("macros", "rang_de", "dossiers_au", "financements_au")


def published_state(data_dir: DataDir) -> str | None:
    """Fingerprint of what the published file was made from, or None where there is no such file."""
    if not data_dir.published_database.is_file():
        return None
    try:
        with duckdb.connect(data_dir.published_database, read_only=True) as con:
            (state,) = one(con, "SELECT etat FROM meta_publication")
    except duckdb.Error:
        return None
    return str(state)


def publish(build: duckdb.DuckDBPyConnection, data_dir: DataDir, state: str) -> dict[str, int]:
    """Write and check a new ``mcf.duckdb``, and put it in place of the old one.

    Args:
        build: the open build.
        data_dir: where the file goes.
        state: fingerprint of what it is made from (`Workspace.state`).

    Returns:
        Rows of each published table.

    Raises:
        PipelineError: the new file does not hold together; the old one stays.
    """
    final = data_dir.published_database
    final.parent.mkdir(parents=True, exist_ok=True)
    draft = final.with_name(f".{final.name}.{os.getpid()}")
    with explain_disk_errors(), _swept(final):
        build.execute(f"ATTACH {literal(draft)} AS publie (STORAGE_VERSION '{STORAGE_VERSION}')")
        try:
            rows = _fill(build, state)
            check(build, "publie.")
        except BaseException:
            # An open transaction would hide the cause behind its own error.
            with contextlib.suppress(duckdb.Error):
                build.execute("ROLLBACK")
            raise
        finally:
            build.execute("USE build")
            build.execute("DETACH publie")
        put_in_place(draft, final)
    return rows


@contextmanager
def _swept(final: Path) -> Iterator[None]:
    """Leave no draft behind, neither this process's nor a killed one's."""
    try:
        for left in final.parent.glob(f".{final.name}.*"):
            remove_database(left)
        yield
    except duckdb.Error as error:
        if "no space left" in str(error).lower():
            raise PipelineError(
                "no space left on the disk while publishing: free some and run again; the old warehouse stands"
            ) from error
        raise
    finally:
        for left in final.parent.glob(f".{final.name}.*"):
            remove_database(left)


def _fill(con: duckdb.DuckDBPyConnection, state: str) -> dict[str, int]:
    note = attribution_of(con).text
    con.execute("BEGIN TRANSACTION")
    # A fact is the current part of its history: written after it, in its order, it needs no sorting of its own.
    current = dict(zip(FACTS, HISTORIES, strict=True))
    for model in sorted(PUBLISHED, key=lambda model: model in current):
        spec = describe(model)
        con.execute(create_table(model, catalog="publie."))
        if model in current:
            rows = typed(spec, f"publie.{describe(current[model]).name} WHERE valide_jusqua IS NULL")
        else:
            rows = f"{typed(spec, spec.name)} ORDER BY {', '.join(spec.key)}"
        con.execute(f"INSERT INTO publie.{spec.name} BY NAME {rows}")
        _comment(con, model, "TABLE", note, catalog="publie.")
    con.execute("COMMIT")
    # Views and macros are written as users would write them, without a catalog, so they work in any copy.
    con.execute("USE publie")
    for name in MACROS:
        con.execute(query(name))
    for model in VIEWS:
        spec = describe(model)
        con.execute(f"CREATE VIEW {spec.name} AS {typed(spec, f'({query(spec.name)})')}")
        _comment(con, model, "VIEW", note)
    counts = _document(con, state, note)
    con.execute("CHECKPOINT publie")
    return counts


def _comment(con: duckdb.DuckDBPyConnection, model: type[Table], kind: str, note: str, *, catalog: str = "") -> None:
    for statement in comments(model, kind=kind, catalog=catalog, licence=note):
        con.execute(statement)


def _document(con: duckdb.DuckDBPyConnection, state: str, note: str) -> dict[str, int]:
    """Write what the file says of itself; returns the rows of each published table."""
    for model in DOCUMENTATION:
        con.execute(create_table(model))
        _comment(con, model, "TABLE", note)
    origin = attribution_of(con)
    insert_frame(
        con,
        MetaPublication,
        frame_of(
            MetaPublication,
            [
                {
                    "etat": state,
                    "mention": note,
                    "release_id": origin.release_id,
                    "date_release": origin.released_on,
                    "licence": LICENCE_NAME,
                    "est_synthetique": origin.is_synthetic,
                    "version_mcf_pipeline": __version__,
                    "publie_le": dt.datetime.now(dt.UTC).replace(tzinfo=None),
                }
            ],
        ),
    )
    insert_frame(con, Dictionnaire, frame_of(Dictionnaire, dictionary_rows(con, PUBLISHED, VIEWS)))
    tables = frame_of(MetaTables, table_rows(con, (*PUBLISHED, Dictionnaire), VIEWS))
    insert_frame(con, MetaTables, tables)
    stored = tables[tables["nature"] == "table"]
    return {str(name): int(rows) for name, rows in zip(stored["nom_table"], stored["nb_lignes"], strict=True)}


def check(con: duckdb.DuckDBPyConnection, catalog: str = "") -> None:
    """Check that keys are unique and that every foreign key meets its dimension.

    Raises:
        PipelineError: with the first table and key that do not hold.
    """
    for model in (*PUBLISHED, *DOCUMENTATION):
        spec = describe(model)
        key = ", ".join(spec.key)
        twice = con.execute(
            f"SELECT {key} FROM {catalog}{spec.name} GROUP BY {key} HAVING count(*) > 1 LIMIT 1"
        ).fetchall()
        if twice:
            raise PipelineError(
                f"{spec.name} has two rows of the key {twice[0]}: the old warehouse stays; `mcf-pipeline rebuild` "
                "makes the build anew, and if that does not help it is a bug worth reporting"
            )
        for column in spec.columns:
            if column.references:
                _check_reference(con, f"{catalog}{spec.name}", column.name, f"{catalog}{column.references}")


def _check_reference(con: duckdb.DuckDBPyConnection, table: str, column: str, dimension: str) -> None:
    target = "release_id" if dimension.endswith("dim_release") else column
    orphan = con.execute(
        f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL "
        f"AND {column} NOT IN (SELECT {target} FROM {dimension}) LIMIT 1"
    ).fetchall()
    if orphan:
        raise PipelineError(
            f"{table}.{column} holds {orphan[0][0]!r}, which {dimension} does not have: the old warehouse stays; "
            "`mcf-pipeline rebuild` makes the build anew"
        )
