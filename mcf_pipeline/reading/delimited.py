"""From a delimited export on disk, hostile or not, to the table of text.

What does not belong here: where a record ends (`reading.records`), and Parquet (`reading.parquet`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.duck import quoted
from mcf_pipeline.reading.encoding import detect, opened
from mcf_pipeline.reading.records import HEAD, Records, delimiter_of
from mcf_pipeline.reading.table import LINE_NUMBER, TABLE, Export, check_columns, loaded, unreadable
from mcf_pipeline.settings import Limits

if TYPE_CHECKING:
    import duckdb


def read_csv(con: duckdb.DuckDBPyConnection, path: Path, limits: Limits, folder: Path) -> Export:
    """Read a file with delimiters, copying it into `folder` on the way; arguments and errors as in `reading`."""
    encoding = detect(path)
    with opened(path, encoding) as source:
        head = source.read(HEAD)
        delimiter = delimiter_of(head, whole=not source.read(1), file=path.name)
    copy = folder / "export.csv"
    with opened(path, encoding) as source, copy.open("w", encoding="utf-8", newline="") as out:
        records = Records(source, delimiter, limits, path.name)
        columns = check_columns(path.name, records.header, limits)
        found = records.copy(out)
    rows = found.records - 1
    if rows:
        _load_csv(con, copy, delimiter, columns, longest=found.longest)
        of_header = sum(map(len, records.header))
        if loaded(con, columns) != (rows, found.characters - of_header):
            raise unreadable(path.name, "csv")
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
        delimiter=delimiter,
        line_end=found.line_end,
        final_line_end=found.final_line_end,
        warnings=tuple(warnings),
    )


def _load_csv(
    con: duckdb.DuckDBPyConnection,
    copy: Path,
    delimiter: str,
    columns: tuple[str, ...],
    *,
    longest: int,
) -> None:
    # Every option is given, and nothing is guessed: why the file is a copy, see `reading.records`.
    # One thread: in parallel, DuckDB guesses where a record starts after a quoted line end, and numbering the
    # records serialises the work anyway (measured: 0.33 s alone, 0.38 s in parallel for 100,000 lines).
    line = max(4 * longest + 2, 2 * 1024**2)  # in bytes, of which a character takes four at most
    types = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(columns)))
    chosen = ", ".join(f"c{i} AS {quoted(name)}" for i, name in enumerate(columns))
    con.execute(
        f"CREATE OR REPLACE TABLE {TABLE} AS SELECT row_number() OVER () + 1 AS {LINE_NUMBER}, {chosen} "
        f"FROM read_csv(?, columns = {{{types}}}, delim = ?, auto_detect = false, header = true, "
        "quote = '\"', escape = '\"', new_line = '\\n', comment = '', nullstr = '', strict_mode = true, "
        f"ignore_errors = false, null_padding = false, compression = 'none', encoding = 'utf-8', "
        f"max_line_size = {line}, "
        f"buffer_size = {max(line, 32 * 1024**2)}, parallel = false)",
        [str(copy), delimiter],
    )
