"""From an export on disk, hostile or not, to a DuckDB table of text.

What does not belong here: which column is what (`contract.recognition`), what a text means
(`contract.parsing`).

Nothing but a `ContractError` (the file's fault) or another `PipelineError` (the machine's) leaves here.
"""

from __future__ import annotations

import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.config import Limits
from mcf_pipeline.contract.dialect import HEAD, Copier, Header, LineEnd, read_header
from mcf_pipeline.contract.encoding import EncodingName, detect, looks_like, utf8_chunks
from mcf_pipeline.errors import ContractError, PipelineError, SourceError
from mcf_pipeline.sources.base import Format

if TYPE_CHECKING:
    import duckdb

__all__ = ["LINE_NUMBER", "TABLE", "Export", "looks_like", "read_export"]

TABLE = "export"
LINE_NUMBER = "numero_ligne"


@dataclass(frozen=True, slots=True)
class Export:
    """What was read, and how the file was written (facts for `doctor`; None where a format has none).

    Attributes:
        columns: the file's own, in its order, without `numero_ligne`.
        rows: records without the header.
        encoding: of the text.
        boms: byte-order marks at the start.
        delimiter: between fields.
        line_end: between records, or ``mixed``.
        final_line_end: whether the last record has one; a file cut within its last field has none.
        warnings: what was accepted but is unusual, a sentence each.
    """

    columns: tuple[str, ...]
    rows: int
    encoding: EncodingName | None = None
    boms: int = 0
    delimiter: str | None = None
    line_end: LineEnd | None = None
    final_line_end: bool | None = None
    warnings: tuple[str, ...] = ()


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
        path: the file, decompressed.
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
        with tempfile.TemporaryDirectory(prefix="mcf-export-") as folder, _ordered(con):
            read = _read_csv if format == "csv" else _read_parquet
            export = read(con, path, limits, Path(folder))
        _check_count(path.name, export.rows, records_count)
    except BaseException as error:
        _drop(con)
        if isinstance(error, (OSError, MemoryError, duckdb.Error)):
            raise _translated(error, path, format) from error
        raise
    return export


def _read_csv(con: duckdb.DuckDBPyConnection, path: Path, limits: Limits, folder: Path) -> Export:
    encoding = detect(path)
    chunks = utf8_chunks(path, encoding)
    head = b""
    while len(head) <= HEAD and (chunk := next(chunks, None)) is not None:
        head += chunk
    if not head.strip():
        raise ContractError(f"{path.name} is blank; ask for the export again", rule="export_vide")
    header = read_header(head[:HEAD], whole=len(head) <= HEAD, file=path.name)
    columns = _check_columns(path.name, header.names, limits)
    copy = folder / "export.csv"
    with copy.open("wb") as out:
        found = Copier(header, limits, path.name).copy(chain((head,), chunks), out)
    rows = found.count - 1
    if rows:
        _load_csv(con, copy, header, columns, longest=found.longest)
        header_bytes = sum(len(name.encode()) for name in header.names)
        if _loaded(con, columns) != (rows, found.content_bytes - header_bytes):
            raise _unreadable(path.name, "csv")
    warnings = []
    if encoding.name == "Windows-1252":
        warnings.append("The file is not UTF-8; it was read as Windows-1252.")
    if encoding.boms > 1:
        warnings.append(f"The file starts with {encoding.boms} byte-order marks.")
    if found.line_end == "mixed":
        warnings.append("The lines end in different ways.")
    return Export(
        columns,
        rows,
        encoding=encoding.name,
        boms=encoding.boms,
        delimiter=header.delimiter,
        line_end=found.line_end,
        final_line_end=found.final_line_end,
        warnings=tuple(warnings),
    )


def _load_csv(
    con: duckdb.DuckDBPyConnection,
    copy: Path,
    header: Header,
    columns: tuple[str, ...],
    *,
    longest: int,
) -> None:
    # Every option is given, and nothing is guessed: why the file is a copy, see `contract.dialect`.
    # One thread: in parallel, DuckDB guesses where a record starts after a quoted line end, and numbering the
    # records serialises the work anyway (measured: 0.33 s alone, 0.38 s in parallel for 100,000 lines).
    line = max(longest + 2, 2 * 1024**2)
    types = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(columns)))
    chosen = ", ".join(f"c{i} AS {_quoted(name)}" for i, name in enumerate(columns))
    con.execute(
        f"CREATE OR REPLACE TABLE {TABLE} AS SELECT row_number() OVER () + 1 AS {LINE_NUMBER}, {chosen} "
        f"FROM read_csv(?, columns = {{{types}}}, delim = ?, auto_detect = false, header = true, "
        "quote = '\"', escape = '\"', new_line = '\\n', comment = '', nullstr = '', strict_mode = true, "
        f"ignore_errors = false, null_padding = false, compression = 'none', encoding = 'utf-8', "
        f"max_line_size = {line}, "
        f"buffer_size = {max(4 * line, 32 * 1024**2)}, parallel = false)",
        [str(copy), header.delimiter],
    )


def _loaded(con: duckdb.DuckDBPyConnection, columns: tuple[str, ...]) -> tuple[int, int]:
    """Rows, and bytes of all fields: what the pass over the file counted by itself must come out again."""
    sums = " + ".join(f"coalesce(sum(strlen({_quoted(name)})), 0)" for name in columns)
    row = con.execute(f"SELECT count(*), {sums} FROM {TABLE}").fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _read_parquet(con: duckdb.DuckDBPyConnection, path: Path, limits: Limits, folder: Path) -> Export:
    # A name of our own, since DuckDB takes * ? [ in a path for a pattern.
    link = folder / "export.parquet"
    link.symlink_to(path.absolute())
    file = str(link)
    # All that the footer says is checked before a page is read: a bomb unpacks only when it is read.
    totals = con.execute("SELECT coalesce(sum(total_uncompressed_size), 0) FROM parquet_metadata(?)", [file]).fetchone()
    count = con.execute("SELECT num_rows FROM parquet_file_metadata(?)", [file]).fetchone()
    schema = con.execute(
        "SELECT name, num_children, repetition_type, precision FROM parquet_schema(?) OFFSET 1", [file]
    ).fetchall()
    assert totals is not None
    assert count is not None
    unpacked, rows = int(totals[0]), int(count[0])
    # A row takes at least its delimiters as text, however well its repetition packs.
    if max(unpacked, rows * len(schema)) > limits.max_bytes or min(unpacked, rows) < 0:
        raise _too_large(path.name, limits)
    for name, children, repetition, precision in schema:
        if children or repetition == "REPEATED":
            raise _unexpected_type(path.name, str(name), "a nested type")
        if (precision or 0) > 38:  # DuckDB would make a double of it, and lose cents
            raise _unexpected_type(path.name, str(name), f"decimals of {precision} digits")
    columns = _check_columns(path.name, tuple(str(column[0]) for column in schema), limits)
    if not rows:
        return Export(columns, 0)
    source = "read_parquet('" + file.replace("'", "''") + "')"
    described = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    # By position: DuckDB renames what it takes for a double, the file's own names are those of the schema.
    types = [(str(row[0]), str(row[1])) for row in described]
    if len(types) != len(columns):
        raise _unreadable(path.name, "parquet")
    texts = [_text(path.name, *column) for column in types]
    _check_texts(con, path.name, source, types, columns, limits)
    chosen = ", ".join(f"nullif({text}, '') AS {_quoted(c)}" for text, c in zip(texts, columns, strict=True))
    con.execute(
        f"CREATE OR REPLACE TABLE {TABLE} AS SELECT row_number() OVER () + 1 AS {LINE_NUMBER}, {chosen} FROM {source}"
    )
    if _loaded(con, columns)[0] != rows:
        raise _unreadable(path.name, "parquet")
    return Export(columns, rows)


def _text(file: str, name: str, type_name: str) -> str:
    """The SQL that writes a Parquet column as text."""
    column = _quoted(name)
    if type_name.startswith("TIMESTAMP"):
        # Through microseconds, for a cast of a zoned time would depend on the session's zone. Midnight is a
        # day: most writers have no type for dates alone.
        time = f"make_timestamp(epoch_us({column}))"
        return (
            f"CASE WHEN {time} = date_trunc('day', {time}) THEN strftime({time}, '%Y-%m-%d') ELSE {time}::VARCHAR END"
        )
    if type_name in ("BLOB", "GEOMETRY", "VARIANT", "BIT") or (
        type_name.endswith(("]", ")")) and not type_name.startswith("DECIMAL(")
    ):
        raise _unexpected_type(file, name, type_name)
    return f"{column}::VARCHAR"


def _check_texts(
    con: duckdb.DuckDBPyConnection,
    file: str,
    source: str,
    types: list[tuple[str, str]],
    columns: tuple[str, ...],
    limits: Limits,
) -> None:
    """Weigh the texts before they are stored: a dictionary page unpacks to any size once it is repeated."""
    texts = [(_quoted(t[0]), name) for t, name in zip(types, columns, strict=True) if t[1] == "VARCHAR"]
    if not texts:
        return
    weights = ", ".join(f"max(strlen({c})), sum(strlen({c})), bool_or(contains({c}, chr(0)))" for c, _ in texts)
    row = con.execute(f"SELECT {weights} FROM {source}").fetchone()
    assert row is not None
    for (_, name), longest, nul in zip(texts, row[0::3], row[2::3], strict=True):
        if (longest or 0) > limits.max_field_bytes:
            raise ContractError(
                f"{file}, column {name!r}: a field of {longest:,} bytes, at most "
                f"{limits.max_field_bytes:,} are accepted (MCF_LIMIT_MAX_FIELD_BYTES)",
                rule="limite_depassee",
            )
        if nul:
            raise ContractError(
                f"{file}, column {name!r}: a NUL byte, which no text holds; ask for the export again",
                rule="octet_nul",
            )
    if sum(weight or 0 for weight in row[1::3]) > limits.max_bytes:
        raise _too_large(file, limits)


def _check_body(path: Path, format: Format, limits: Limits) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8192)
        file.seek(max(0, size - 4))
        tail = file.read()
    if not size:
        raise ContractError(f"{path.name} is empty (0 bytes); ask for the export again", rule="export_vide")
    found = looks_like(head)
    if format == "parquet" and found == "Parquet":
        found = None if size > 12 and tail == b"PAR1" else "a Parquet file that is cut"
    elif format == "parquet":
        found = found or "no Parquet file"
    if found:
        raise ContractError(
            f"{path.name} is {found}, not a {format} export of the dataset; open it to see what the source says",
            rule="pas_un_export",
        )
    if size > limits.max_bytes:
        raise _too_large(path.name, limits)


def _check_columns(file: str, names: tuple[str, ...], limits: Limits) -> tuple[str, ...]:
    """The names without byte-order marks and blanks; refused where one is missing or there twice."""
    if len(names) > limits.max_columns:
        raise ContractError(
            f"{file} has {len(names):,} columns, at most {limits.max_columns:,} are accepted (MCF_LIMIT_MAX_COLUMNS)",
            rule="limite_depassee",
        )
    cleaned = tuple(name.strip("\ufeff \t\r\n\u00a0\u202f").strip() for name in names)
    first: dict[str, int] = {LINE_NUMBER: 0}
    for position, name in enumerate(cleaned, start=1):
        if not name:
            raise ContractError(
                f"{file}: column {position} has no name; give it one in the header",
                rule="nom_de_colonne_vide",
            )
        if "\0" in name:
            raise ContractError(f"{file}: a NUL byte in the name of column {position}", rule="octet_nul")
        # DuckDB tells no columns apart by case, either.
        other = first.setdefault(unicodedata.normalize("NFC", name).casefold(), position)
        if other != position:
            what = f"columns {other} and {position} are" if other else f"column {position} is"
            why = "" if other else ", a name that the pipeline itself uses"
            raise ContractError(
                f"{file}: {what} called {name[:80]!r}{why}; rename one in the header", rule="entete_en_double"
            )
    return cleaned


def _check_count(file: str, rows: int, announced: int | None) -> None:
    if not rows:
        more = f" where the source announces {announced:,}" if announced else ""
        raise ContractError(f"{file} has no line after the header{more}; ask for the export again", rule="export_vide")
    if announced is not None and rows < announced:
        raise ContractError(
            f"{file} has {rows:,} lines, the source announces {announced:,}: the export is cut; ask for it again",
            rule="export_tronque",
        )
    if announced is not None and rows > announced:
        raise ContractError(
            f"{file} has {rows:,} lines, the source announces only {announced:,}: it changed meanwhile; "
            "ask for the export again",
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
        return PipelineError(f"{path.name} needs more memory or temporary disk than there is; free some")
    if "no space left" in text or "could not write" in text or "quota" in text:
        return PipelineError(f"{path.name} cannot be unpacked: the disk is full; free some of it, or set TMPDIR")
    if isinstance(error, OSError):
        return SourceError(f"{path} cannot be read: {error.strerror or error}")
    return _unreadable(path.name, format)


def _drop(con: duckdb.DuckDBPyConnection) -> None:
    """Leave no half-read table behind."""
    import contextlib

    import duckdb

    with contextlib.suppress(duckdb.Error):
        con.execute(f"DROP TABLE IF EXISTS {TABLE}")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _too_large(file: str, limits: Limits) -> ContractError:
    return ContractError(
        f"{file} holds more than {limits.max_bytes:,} bytes of data (MCF_LIMIT_MAX_BYTES)",
        rule="limite_depassee",
    )


def _unexpected_type(file: str, column: str, type_name: str) -> ContractError:
    return ContractError(
        f"{file}: column {column[:80]!r} holds {type_name}, not text or numbers; ask for the CSV export instead",
        rule="type_inattendu",
    )


def _unreadable(file: str, format: Format) -> ContractError:
    return ContractError(
        f"{file} cannot be read whole as {format}: it is damaged; ask for the export again",
        rule="pas_un_export",
    )
