"""A table as the CSV that a French Excel opens right by a double click.

UTF-8 with a BOM (else Excel takes it for its own code page), ``;``, CRLF, decimals with a comma, days as
``JJ/MM/AAAA``, ``VRAI`` and ``FAUX``. A text that a spreadsheet would turn into a number or a day (the code ``01``, the
release ``2026-10-08``) is written ``="01"``, which it shows as it is; one that begins like a formula gets an
apostrophe, as in the other CSV (`package.files`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.duck import literal
from mcf_pipeline.package.files import DELIMITER, UNSAFE
from mcf_pipeline.schemas.base import ColumnSpec, Table, describe

if TYPE_CHECKING:
    import duckdb

FOLDER = "tableur"
"""Where these files are in the package."""
GUESSED = r"^[0-9][0-9 .,:/eE+-]*$"
"""A text that a spreadsheet would take for a number or a day, and show as another one."""


def write_spreadsheet(con: duckdb.DuckDBPyConnection, model: type[Table], path: Path, parquet: Path) -> None:
    """Write a table or view; an empty cell is no value.

    Args:
        con: any database.
        model: which table or view.
        path: the file to write.
        parquet: its rows, in their order.
    """
    spec = describe(model)
    columns = [f"{_expression(column)} AS {column.name}" for column in spec.columns]
    # The mark by which Excel knows UTF-8 begins the file, so it is a part of the first name.
    first = f'{_expression(spec.columns[0])} AS "\ufeff{spec.columns[0].name}"'
    con.execute(
        f"COPY (SELECT {', '.join([first, *columns[1:]])} FROM read_parquet({literal(parquet)})) TO {literal(path)} "
        f"(FORMAT csv, DELIMITER '{DELIMITER}', HEADER, NEW_LINE '\\r\\n', USE_TMP_FILE false)"
    )


def _expression(column: ColumnSpec) -> str:
    name = column.name
    match column.duckdb_type:
        case "DOUBLE" | "DECIMAL(18,2)" | "DECIMAL(18,4)" | "DECIMAL(28,4)":
            return f"replace(CAST({name} AS VARCHAR), '.', ',')"
        case "BOOLEAN":
            return f"CASE WHEN {name} THEN 'VRAI' WHEN NOT {name} THEN 'FAUX' END"
        case "DATE":
            return f"strftime({name}, '%d/%m/%Y')"
        case "TIMESTAMP":
            return f"strftime({name}, '%d/%m/%Y %H:%M:%S')"
        case "VARCHAR":
            unsafe, guessed = (f"regexp_matches({name}, {literal(pattern)})" for pattern in (UNSAFE, GUESSED))
            return (
                f"""CASE WHEN {unsafe} THEN '''' || {name} WHEN {guessed} THEN '="' || {name} || '"' ELSE {name} END"""
            )
    return name
