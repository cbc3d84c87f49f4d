"""A spreadsheet of some tables: a sheet each, one with the notes, one with the meaning of their columns.

Text is always written as text, whatever it begins with, so nothing in it is ever run as a formula.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xlsxwriter

from mcf_pipeline.duck import one
from mcf_pipeline.errors import UsageError
from mcf_pipeline.package.about import About
from mcf_pipeline.progress import report
from mcf_pipeline.schemas.base import ColumnSpec, Table, TableSpec, describe
from mcf_pipeline.schemas.documentation import Dictionnaire
from mcf_pipeline.warehouse.attribution import LICENCE_NAME

if TYPE_CHECKING:
    import duckdb

MAX_ROWS = 1_048_576
MAX_TEXT = 32_767
"""What a sheet and a cell of the format can hold."""
_NOTES = "Lisez-moi"
_FORMATS = {
    "BIGINT": "#,##0",
    "DECIMAL(18,2)": "#,##0.00",
    "DECIMAL(18,4)": "#,##0.00",
    "DECIMAL(28,4)": "#,##0.00",
    "DOUBLE": "0.0%",
}
_BATCH = 10_000
_WIDTHS = (10, 60)
_SAMPLE = 200
"""Rows by which the width of a column is chosen."""


def write_workbook(con: duckdb.DuckDBPyConnection, info: About, models: Sequence[type[Table]], path: Path) -> None:
    """Write the tables to an xlsx file.

    Args:
        con: a published file.
        info: what is said of the whole.
        models: the tables and views.
        path: the file to write.

    Raises:
        UsageError: a table has more rows than a sheet can hold.
    """
    models = [model for model in models if model is not Dictionnaire]
    for model in models:
        spec = describe(model)
        (rows,) = one(con, f"SELECT count(*) FROM {spec.name}")
        if rows >= MAX_ROWS:
            raise UsageError(
                f"{spec.name} has {rows:,} rows, and a sheet holds {MAX_ROWS - 1:,} below its header: "
                "export it with --format csv or --format parquet"
            )
    # Row by row to disk: memory does not grow with the table.
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties(
            {
                "title": info.attribution.title,
                "comments": info.attribution.text,
                "author": "mcf_pipeline",
                "created": info.published_at.replace(tzinfo=None),
            }
        )
        book.set_size(2400, 1600)
        _write_notes(book, info, models)
        for done, model in enumerate(models):
            report("export", done, len(models))
            spec = describe(model)
            _write_table(book, con, info, spec, f"SELECT {', '.join(spec.column_names)} FROM {spec.name}")
        report("export", len(models), len(models))
        spec = describe(Dictionnaire)
        named = ", ".join(f"'{describe(model).name}'" for model in models)
        _write_table(
            book, con, info, spec, f"SELECT * FROM {spec.name} WHERE nom_table IN ({named}) ORDER BY nom_table, rang"
        )


def _write_notes(book: Any, info: About, models: Sequence[type[Table]]) -> None:
    sheet = book.add_worksheet(_NOTES)
    title, wrapped = (
        book.add_format({"bold": True, "font_size": 14}),
        book.add_format({"text_wrap": True, "valign": "top"}),
    )
    sheet.set_column(0, 0, 34, wrapped)
    sheet.set_column(1, 1, 110, wrapped)
    if info.is_synthetic:
        sheet.set_tab_color("#FF0000")
    origin = info.attribution
    lines = [
        ("À citer", origin.text),
        ("Licence", LICENCE_NAME),
        ("Publication", origin.release_id or ""),
        *(("À savoir", paragraph) for paragraph in info.description.split("\n\n")[1:]),
        (
            "Cellule vide",
            "Valeur masquée par le producteur, pas assez sûre pour être donnée, ou inexistante. Jamais un zéro.",
        ),
        ("Feuille dictionnaire", "La définition de chaque colonne."),
        *((describe(model).name, describe(model).description) for model in models),
    ]
    sheet.write_string(0, 0, origin.title, title)
    for row, (name, text) in enumerate(lines, start=2):
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, text)


def _write_table(book: Any, con: duckdb.DuckDBPyConnection, info: About, spec: TableSpec, query: str) -> None:
    sheet = book.add_worksheet(spec.name)
    if info.is_synthetic:
        sheet.set_tab_color("#FF0000")
    sheet.set_header(f"&L{spec.name}&R{info.attribution.title.replace('&', '&&')}")
    sheet.set_landscape()
    header = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    head = con.execute(f"{query} LIMIT {_SAMPLE}").fetchall()
    for index, column in enumerate(spec.columns):
        longest = max((len(str(row[index])) for row in head if row[index] is not None), default=0)
        width = min(max(longest + 2, len(column.name) // 2 + 2, _WIDTHS[0]), _WIDTHS[1])
        sheet.set_column(index, index, width, book.add_format({"num_format": _number_format(column)}))
        sheet.write_string(0, index, column.name, header)
    sheet.freeze_panes(1, 0)
    result = con.execute(query)
    row = 0
    while batch := result.fetchmany(_BATCH):
        for values in batch:
            row += 1
            for index, value in enumerate(values):
                _write_cell(sheet, row, index, value, spec)
    sheet.autofilter(0, 0, row, len(spec.columns) - 1)


def _write_cell(sheet: Any, row: int, index: int, value: object, spec: TableSpec) -> None:
    match value:
        case None:
            return
        case bool():
            sheet.write_boolean(row, index, value)
        case int() | float() | Decimal():
            sheet.write_number(row, index, value)
        case dt.datetime() | dt.date():
            sheet.write_datetime(row, index, value)
        case _:
            text = str(value)
            if len(text) > MAX_TEXT:
                raise UsageError(
                    f"{spec.name}.{spec.columns[index].name} holds a text of {len(text):,} characters, and a cell "
                    f"holds {MAX_TEXT:,}: export it with --format csv or --format parquet"
                )
            sheet.write_string(row, index, text)


def _number_format(column: ColumnSpec) -> str:
    if column.duckdb_type == "DATE":
        return "yyyy-mm-dd"
    if column.duckdb_type == "TIMESTAMP":
        return "yyyy-mm-dd hh:mm:ss"
    if column.unit == "euros":
        return '#,##0.00 "€"'
    return _FORMATS.get(column.duckdb_type, "General")
