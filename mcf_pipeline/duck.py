"""DuckDB's habits, in one place: results, names and literals.

Since DuckDB 2.0 `execute` streams: a result that is not read to its end blocks the connection. So a single row
is read with `one`, and a frame with `to_frame`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


def one(con: duckdb.DuckDBPyConnection, query: str, parameters: object = None) -> tuple[Any, ...]:
    """The only row of a query that has one."""
    (row,) = con.execute(query, parameters).fetchall()
    return tuple(row)


def to_frame(con: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """A query's result as a pandas frame of Arrow types: decimals stay decimals, NULL stays NULL."""
    import pandas as pd

    relation = con.sql(query, params=dict(parameters)) if parameters else con.sql(query)
    return relation.to_arrow_table().to_pandas(types_mapper=pd.ArrowDtype)


SPILLED = Path(os.environ.get("TMPDIR") or "/tmp") / f"mcf-pipeline-{os.getpid()}"
"""Where this process puts what does not fit into memory."""
ENGINE: dict[str, str | bool | int | float | list[str]] = {
    "threads": 2,
    "memory_limit": "1GB",
    "preserve_insertion_order": True,
    "temp_directory": str(SPILLED),
}
"""Settings of an in-memory database: a few thousand lines cost more to hand from thread to thread than to work on.

What does not fit into memory goes to the temporary folder, not to ``.tmp`` in the working directory, DuckDB's default;
DuckDB makes the folder when it needs it, and removes it; after a kill, a run of the next day does."""


@contextmanager
def scratch() -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory database, emptied afterwards; one per process, because making one costs as much as a query."""
    con = _scratch_database().cursor()
    try:
        yield con
    finally:
        con.close()


@cache
def _scratch_database() -> duckdb.DuckDBPyConnection:
    import duckdb

    return duckdb.connect(config=ENGINE)


@contextmanager
def temporary(con: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the same database whose temporary tables and views are gone afterwards."""
    cursor = con.cursor()
    try:
        yield cursor
    finally:
        cursor.close()


def literal(value: str | Path) -> str:
    """A text or path as an SQL literal."""
    return "'" + str(value).replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A column's name as an SQL identifier, whatever it holds."""
    return '"' + name.replace('"', '""') + '"'
