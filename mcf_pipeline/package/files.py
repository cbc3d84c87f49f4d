"""One table as a Parquet or CSV file, written by DuckDB.

A CSV has no types, so a spreadsheet guesses: a text that begins like a formula would be run. Such a cell gets
one apostrophe in front, which spreadsheets take for "this is text". A cell that already begins with apostrophes
and then like a formula gets one more, so that taking one away always gives the value back. Numbers are never
touched: a negative amount stays a number. Parquet has types and holds the values as they are.
"""

from __future__ import annotations

import os
import re
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.duck import literal, one
from mcf_pipeline.schemas.base import ColumnSpec, Table, TableSpec, describe
from mcf_pipeline.schemas.documentation import Dictionnaire
from mcf_pipeline.schemas.warehouse import DIMENSIONS, FctFinancements
from mcf_pipeline.warehouse.assembly import IN_CLEAR

if TYPE_CHECKING:
    import duckdb

DELIMITER = ";"
UNSAFE = r"^'*(\s*[=+\-@＝＋－＠]|[\t\r\n])"
"""A text that a spreadsheet may take for a formula (the full-width signs too), or break a line at."""
_ESCAPED = re.compile(r"^'(?='*(\s*[=+\-@＝＋－＠]|[\t\r\n]))")
COMPRESSED: tuple[type[Table], ...] = (FctFinancements,)
"""Tables whose CSV of the package is gzipped, to a thirteenth of its size: what no spreadsheet can hold in two years (a
row per line and financer: 820,000 of 1,048,576, and 30,000 more each quarter). Their readers have a tool that
reads gzip."""
_LEVEL = 1
"""Of gzip, the fastest: the usual one makes a quarter less of it in four times the time."""
_GZIP = zlib.MAX_WBITS + 16
_CHUNK = 1024 * 1024
_IN_THEIR_ORDER = {describe(model).name for model in (Dictionnaire, *IN_CLEAR)}
"""The dictionary is written in its order; each view says its own."""
_DIMENSION_KEYS = {describe(model).name: describe(model).key[0] for model in DIMENSIONS}


def referenced_key(dimension: str) -> str:
    """The key column of a dimension, which foreign keys point to."""
    return _DIMENSION_KEYS[dimension]


def unescape(cell: str) -> str:
    """The value of a text cell of one of our CSV files."""
    return _ESCAPED.sub("", cell)


def write_parquet(con: duckdb.DuckDBPyConnection, model: type[Table], path: Path, mention: str) -> None:
    """Write a table in the order of its key, or a view in its own, with zstd and statistics, the mention inside.

    Args:
        con: a published file.
        model: which table or view.
        path: the file to write.
        mention: source, licence and the rest, kept in the file's own metadata.
    """
    spec = describe(model)
    con.execute(
        f"COPY (SELECT {', '.join(spec.column_names)} FROM {_in_order(spec)}) TO {literal(path)} "
        f"(FORMAT parquet, COMPRESSION zstd, KV_METADATA {{mention: {literal(mention)}, "
        f"description: {literal(spec.description)}}})"
    )


def write_csv(con: duckdb.DuckDBPyConnection, model: type[Table], path: Path, parquet: Path | None = None) -> None:
    """Write a table or view as UTF-8 with a header; empty = no value, decimals with a point, times in UTC.

    A path that ends in ``.gz`` is gzipped.

    Args:
        con: a published file.
        model: which table or view.
        path: the file to write.
        parquet: the same table as `write_parquet` wrote it: reading that is quicker than sorting the rows, or working
            out a view, once more.
    """
    spec = describe(model)
    rows = _in_order(spec) if parquet is None else f"read_parquet({literal(parquet)})"
    if path.suffix == ".gz":
        with _gzipped(path) as pipe:
            _copy_csv(con, spec, rows, pipe)
    else:
        _copy_csv(con, spec, rows, path)


def _copy_csv(con: duckdb.DuckDBPyConnection, spec: TableSpec, rows: str, path: str | Path) -> None:
    columns = ", ".join(f"{_csv_expression(con, spec, column)} AS {column.name}" for column in spec.columns)
    con.execute(
        f"COPY (SELECT {columns} FROM {rows}) TO {literal(path)} "
        f"(FORMAT csv, DELIMITER '{DELIMITER}', HEADER, USE_TMP_FILE false)"
    )


def _in_order(spec: TableSpec) -> str:
    # The published file keeps rows as they came in, which depends on the releases before.
    return spec.name if spec.name in _IN_THEIR_ORDER else f"{spec.name} ORDER BY {', '.join(spec.key)}"


@contextmanager
def _gzipped(path: Path) -> Iterator[str]:
    """A pipe to write to; what goes in comes out compressed at `path`, the same bytes for the same content.

    DuckDB's own gzip takes five times as long. Beside it, in a thread, zlib costs hardly any time at all.
    """
    reading, writing = os.pipe()
    failed: list[OSError] = []

    def compress() -> None:
        packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        try:
            with os.fdopen(reading, "rb", buffering=0) as source, path.open("wb") as target:
                while chunk := source.read(_CHUNK):
                    target.write(packer.compress(chunk))
                target.write(packer.flush())
        except OSError as error:
            # The pipe is closed by now, so the writer fails too, with a reason that says less.
            failed.append(error)

    worker = threading.Thread(target=compress)
    worker.start()
    try:
        yield f"/dev/fd/{writing}"
    finally:
        os.close(writing)
        worker.join()
        if failed:
            raise failed[0]


def _csv_expression(con: duckdb.DuckDBPyConnection, spec: TableSpec, column: ColumnSpec) -> str:
    if column.duckdb_type == "TIMESTAMP":
        return f"strftime({column.name}, '%Y-%m-%dT%H:%M:%SZ')"
    if column.duckdb_type != "VARCHAR" or _is_safe_key(con, spec, column):
        return column.name
    unsafe = f"regexp_matches({column.name}, {literal(UNSAFE)})"
    return f"CASE WHEN {unsafe} THEN '''' || {column.name} ELSE {column.name} END"


def _is_safe_key(con: duckdb.DuckDBPyConnection, spec: TableSpec, column: ColumnSpec) -> bool:
    """Whether a column can hold nothing unsafe because its dimension does not: no need to look at every line."""
    if not column.references or spec.name == column.references:
        return False
    key = referenced_key(column.references)
    (unsafe,) = one(con, f"SELECT count(*) FROM {column.references} WHERE regexp_matches({key}, {literal(UNSAFE)})")
    return bool(unsafe == 0)
