"""From an export on disk, hostile or not, to a DuckDB table of text: what is done whatever its format.

What does not belong here: which column is what (`contract.recognition`), what a text means
(`contract.parsing`).

Nothing but a `ContractError` (the file's fault) or another `PipelineError` (the machine's) leaves here.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.contract.source import Format
from mcf_pipeline.errors import ContractError, PipelineError, SourceError
from mcf_pipeline.files import is_disk_full
from mcf_pipeline.reading.delimited import read_csv
from mcf_pipeline.reading.encoding import looks_like
from mcf_pipeline.reading.parquet import read_parquet
from mcf_pipeline.reading.table import LINE_NUMBER, TABLE, Export, too_large, unreadable
from mcf_pipeline.settings import Limits

if TYPE_CHECKING:
    import duckdb

__all__ = ["LINE_NUMBER", "TABLE", "Export", "looks_like", "read_export"]


def read_export(
    con: duckdb.DuckDBPyConnection,
    path: Path,
    format: Format,
    limits: Limits,
    *,
    records_count: int | None = None,
) -> Export:
    """Read an export into the table `export` of `con`, replacing one of that name.

    Its first column is `numero_ligne`, the number of the record in the file as received: the header is 1, the
    first record 2 (in Parquet, too: its first row is 2). The file's columns follow, in its order and under
    its names (without byte-order marks and surrounding blanks), all text; an empty field is NULL.

    Args:
        con: where the table goes; a database on disk, or one with a temp directory, for large exports.
        path: the file, decompressed; its folder takes a copy for a while.
        format: how to read it.
        limits: what it may at most hold.
        records_count: the number of records that the source announced, if it did.

    Raises:
        ContractError: it is not an export, or not a whole one; the rule says why.
        SourceError: the file cannot be opened.
        PipelineError: this machine has too little memory or disk for it.
    """
    import duckdb

    try:
        _check_body(path, format, limits)
        with tempfile.TemporaryDirectory(prefix="mcf-export-", dir=path.parent) as folder, _ordered(con):
            read = read_csv if format == "csv" else read_parquet
            export = read(con, path, limits, Path(folder))
        _check_count(path.name, export.rows, records_count)
    except BaseException as error:
        _drop(con)
        if isinstance(error, (OSError, MemoryError, duckdb.Error)):
            raise _translated(error, path, format) from error
        raise
    return export


def _check_body(path: Path, format: Format, limits: Limits) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8192)
        file.seek(max(0, size - 4))
        tail = file.read()
    if not size:
        raise ContractError(f"{path.name} is empty (0 bytes); download the export again", rule="export_vide")
    found = looks_like(head)
    if format == "parquet" and found == "Parquet":
        found = None if size > 12 and tail == b"PAR1" else "a truncated Parquet file"
    elif format == "parquet":
        found = found or "no Parquet file"
    if found:
        raise ContractError(
            f"{path.name} is {found}, not a {format} export of the dataset; open it to see what the source says",
            rule="pas_un_export",
        )
    if size > limits.max_bytes:
        raise too_large(path.name, limits)


def _check_count(file: str, rows: int, announced: int | None) -> None:
    if not rows:
        more = f" where the source announces {announced:,}" if announced else ""
        raise ContractError(f"{file} has no line after the header{more}; download the export again", rule="export_vide")
    if announced is not None and rows < announced:
        raise ContractError(
            f"{file} has {rows:,} lines, the source announces {announced:,}: the export is truncated; "
            "download it again",
            rule="export_tronque",
        )
    if announced is not None and rows > announced:
        raise ContractError(
            f"{file} has {rows:,} lines, the source announces only {announced:,}: it changed in the meantime; "
            "download the export again",
            rule="lignes_en_trop",
        )


@contextmanager
def _ordered(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Keep the file's order, on which `numero_ligne` rests, whatever the connection's setting."""
    row = con.execute("SELECT current_setting('preserve_insertion_order')").fetchone()
    con.execute("SET preserve_insertion_order = true")
    try:
        yield
    finally:
        con.execute(f"SET preserve_insertion_order = {row is None or bool(row[0])}")


def _translated(error: OSError | MemoryError | duckdb.Error, path: Path, format: Format) -> PipelineError:
    """Whose fault an error is: this machine's, the path's or the file's."""
    import duckdb

    text = str(error).lower()
    if isinstance(error, (MemoryError, duckdb.OutOfMemoryException)):
        return PipelineError(f"{path.name} needs more memory or temporary disk space than is available; free some")
    if is_disk_full(error) or "could not write" in text:
        return PipelineError(f"no space left on the disk to read {path.name}: free some space and run again")
    if isinstance(error, OSError):
        return SourceError(f"{path} cannot be read: {error.strerror or error}")
    return unreadable(path.name, format)


def _drop(con: duckdb.DuckDBPyConnection) -> None:
    """Leave no half-read table behind."""
    import duckdb

    with contextlib.suppress(duckdb.Error):
        con.execute(f"DROP TABLE IF EXISTS {TABLE}")
