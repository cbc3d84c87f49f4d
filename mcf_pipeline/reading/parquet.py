"""From a Parquet export on disk, hostile or not, to the table of text: every value as its text.

What does not belong here: what a text means (`contract.parsing`), and files with delimiters (`reading.delimited`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.duck import quoted
from mcf_pipeline.errors import ContractError
from mcf_pipeline.reading.table import LINE_NUMBER, TABLE, Export, check_columns, loaded, too_large, unreadable
from mcf_pipeline.settings import Limits

if TYPE_CHECKING:
    import duckdb


def read_parquet(con: duckdb.DuckDBPyConnection, path: Path, limits: Limits, folder: Path) -> Export:
    """Read a Parquet file; arguments and errors as in `reading`."""
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
        raise too_large(path.name, limits)
    for name, children, repetition, precision in schema:
        if children or repetition == "REPEATED":
            raise _unexpected_type(path.name, str(name), "a nested type")
        if (precision or 0) > 38:  # DuckDB would make a double of it, and lose cents
            raise _unexpected_type(path.name, str(name), f"decimals of {precision} digits")
    columns = check_columns(path.name, tuple(str(column[0]) for column in schema), limits)
    if not rows:
        return Export(columns, 0)
    source = "read_parquet('" + file.replace("'", "''") + "')"
    described = con.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
    # By position: DuckDB renames what it takes for a double, the file's own names are those of the schema.
    types = [(str(row[0]), str(row[1])) for row in described]
    if len(types) != len(columns):
        raise unreadable(path.name, "parquet")
    texts = [_text(path.name, *column) for column in types]
    _check_texts(con, path.name, source, types, columns, limits)
    chosen = ", ".join(f"nullif({text}, '') AS {quoted(c)}" for text, c in zip(texts, columns, strict=True))
    con.execute(
        f"CREATE OR REPLACE TABLE {TABLE} AS SELECT row_number() OVER () + 1 AS {LINE_NUMBER}, {chosen} FROM {source}"
    )
    if loaded(con, columns)[0] != rows:
        raise unreadable(path.name, "parquet")
    return Export(columns, rows)


def _text(file: str, name: str, type_name: str) -> str:
    """The SQL that writes a Parquet column as text."""
    column = quoted(name)
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
    texts = [(quoted(t[0]), name) for t, name in zip(types, columns, strict=True) if t[1] == "VARCHAR"]
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
                f"{file}, column {name!r}: a NUL byte, which text must not contain; download the export again",
                rule="octet_nul",
            )
    if sum(weight or 0 for weight in row[1::3]) > limits.max_bytes:
        raise too_large(file, limits)


def _unexpected_type(file: str, column: str, type_name: str) -> ContractError:
    return ContractError(
        f"{file}: column {column[:80]!r} holds {type_name}, not text or numbers; use the CSV export instead",
        rule="type_inattendu",
    )
