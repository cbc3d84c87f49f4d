"""The pipeline's own database: opening it, its schema, and replacing one quarter of one table.

What does not belong here: what the quarters hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path

import duckdb
import pandas as pd

from mcf_pipeline.duck import one
from mcf_pipeline.errors import BusyError, PipelineError
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.staging import StgRejets
from mcf_pipeline.schemas.warehouse import DIMENSIONS, FACTS, HISTORIES
from mcf_pipeline.settings import DataDir
from mcf_pipeline.warehouse.ddl import create_table, query, typed

MEMORY_LIMIT = "1GB"

STORED: tuple[type[Table], ...] = (*DIMENSIONS, *HISTORIES, StgRejets, *QUARTERLY_MARTS, MartRevisions)
"""The tables of the build; the facts are views of their current state."""


@cache
def rules_fingerprint(*extra: str) -> str:
    """A hash of everything that decides what a quarter becomes: contract, schemas, SQL, warehouse code.

    Args:
        extra: what else decides, such as the fingerprint of the user's source map.

    A warehouse that was built by other rules is built anew from the archive, with no step for anyone to forget.
    """
    digest = hashlib.sha256("\n".join(extra).encode())
    for package, suffix in (("contract", ".py"), ("schemas", ".py"), ("sql", ".sql"), ("warehouse", ".py")):
        folder = resources.files("mcf_pipeline").joinpath(package)
        for file in sorted(folder.iterdir(), key=lambda f: f.name):
            if file.name.endswith(suffix):
                digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


@contextmanager
def open_build(data_dir: DataDir) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the build, with its schema in place.

    Raises:
        BusyError: another process has it open.
        PipelineError: the file cannot be used.
    """
    path = data_dir.build_database
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = _connect(path)
    try:
        if _is_outdated(connection):
            # Only the schema of an older version lies here: everything in it comes from the archive.
            connection.close()
            remove_database(path)
            connection = _connect(path)
        _create_schema(connection)
        yield connection
    finally:
        connection.close()


def remove_database(path: Path) -> None:
    """Remove a DuckDB file and its write-ahead log."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(path, config={"memory_limit": MEMORY_LIMIT})
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise BusyError(f"another process has {path} open: wait for it to end, then run again") from error
        raise PipelineError(
            f"{path} cannot be opened ({str(error).splitlines()[0]}): "
            "`mcf-pipeline rebuild` makes it anew from the archive"
        ) from error


@cache
def schema_fingerprint() -> str:
    """A hash of the build's own tables and views."""
    statements = [create_table(model) for model in STORED] + _views() + [query("macros")]
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()


def _views() -> list[str]:
    # With one storage of the current state and of the past there is nothing to keep in step.
    return [
        f"CREATE OR REPLACE VIEW {describe(fact).name} AS SELECT {', '.join(describe(fact).column_names)} "
        f"FROM {describe(history).name} WHERE valide_jusqua IS NULL"
        for fact, history in zip(FACTS, HISTORIES, strict=True)
    ]


def _is_outdated(con: duckdb.DuckDBPyConnection) -> bool:
    tables = {row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    if not tables:
        return False
    if "meta_schema" not in tables:
        return True
    return one(con, "SELECT empreinte FROM meta_schema") != (schema_fingerprint(),)


def _create_schema(con: duckdb.DuckDBPyConnection) -> None:
    if one(con, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'meta_schema'") == (1,):
        return
    from mcf_pipeline.tables.dimensions import fill_reference_dimensions

    with transaction(con):
        for model in STORED:
            con.execute(create_table(model))
        for statement in _views():
            con.execute(statement)
        con.execute(query("macros"))
        con.execute("CREATE TABLE meta_modalite (trimestre_id VARCHAR, dimension VARCHAR, texte VARCHAR)")
        con.execute("CREATE TABLE meta_marque (actif VARCHAR, trimestre_id VARCHAR, empreinte VARCHAR)")
        fill_reference_dimensions(con)
        con.execute("CREATE TABLE meta_schema AS SELECT ? AS empreinte", [schema_fingerprint()])


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Everything inside, or nothing."""
    con.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")


def insert(con: duckdb.DuckDBPyConnection, model: type[Table], source: str) -> None:
    """Insert a query's or table's rows into a model's table, by column name and with its types."""
    spec = describe(model)
    con.execute(f"INSERT INTO {spec.name} BY NAME {typed(spec, source)}")


def insert_frame(con: duckdb.DuckDBPyConnection, model: type[Table], frame: pd.DataFrame) -> None:
    """Insert a frame's rows into a model's table, by column name and with its types."""
    con.register("a_inserer", frame)
    try:
        insert(con, model, "a_inserer")
    finally:
        con.unregister("a_inserer")


def replace_quarters(
    con: duckdb.DuckDBPyConnection, model: type[Table], marks: Mapping[str, str], frame: pd.DataFrame
) -> None:
    """Replace some quarters of a table in one transaction, and mark what they were built from.

    Args:
        con: the build.
        model: the table's model.
        marks: by quarter id, the fingerprint of what it is built from (`plan.mark_of`).
        frame: the quarters' new rows, validated.
    """
    name = describe(model).name
    with transaction(con):
        con.execute(f"DELETE FROM {name} WHERE list_contains(?, trimestre_id)", [list(marks)])
        insert_frame(con, model, frame)
        set_marks(con, name, marks)


def set_marks(con: duckdb.DuckDBPyConnection, asset: str, marks: Mapping[str, str]) -> None:
    """Say, inside a transaction, what an asset's quarters (by id) are now built from."""
    quarters = list(marks)
    con.execute("DELETE FROM meta_marque WHERE actif = ? AND list_contains(?, trimestre_id)", [asset, quarters])
    con.execute(
        "INSERT INTO meta_marque SELECT ?, unnest(?::VARCHAR[]), unnest(?::VARCHAR[])",
        [asset, quarters, list(marks.values())],
    )


def marks(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], str]:
    """What each asset's quarters are built from: (asset, quarter id) to fingerprint."""
    rows = con.execute("SELECT actif, trimestre_id, empreinte FROM meta_marque").fetchall()
    return {(asset, quarter): mark for asset, quarter, mark in rows}
