"""The folder for a French spreadsheet: what opens right by a double click, and holds what the view holds."""

from __future__ import annotations

import csv
from decimal import Decimal

import duckdb
import pytest

from mcf_pipeline.package.spreadsheet import FOLDER
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.warehouse.assembly import IN_CLEAR
from mcf_pipeline_tests.package.handmade import HOSTILE, publish_handmade

VIEWS = pytest.mark.parametrize("view", [describe(model) for model in IN_CLEAR], ids=lambda spec: spec.name)


def content(data_dir, name: str) -> bytes:
    return (data_dir.package / FOLDER / f"{name}.csv").read_bytes()


def rows_of(data_dir, name: str) -> list[list[str]]:
    text = content(data_dir, name).decode("utf-8-sig")
    return list(csv.reader(text.split("\r\n")[:-1], delimiter=";"))


@VIEWS
def test_it_is_the_dialect_that_excel_in_french_expects(handmade, view):
    written = content(handmade, view.name)
    assert written.startswith(b"\xef\xbb\xbf"), "Excel takes a file without it for its own code page"
    assert written.endswith(b"\r\n")
    assert written.count(b"\n") == written.count(b"\r\n")
    header, *_ = rows_of(handmade, view.name)
    assert header == list(view.column_names)


def shown(cell: str) -> str:
    """What the spreadsheet shows of a cell."""
    return cell[2:-1] if cell.startswith('="') else cell.removeprefix("'")


@VIEWS
def test_every_cell_holds_what_the_view_holds(handmade, view):
    with duckdb.connect(handmade.published_database, read_only=True) as con:
        expected = con.execute(f"SELECT {', '.join(view.column_names)} FROM {view.name}").fetchall()
    _, *rows = rows_of(handmade, view.name)
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        for column, cell, value in zip(view.columns, row, wanted, strict=True):
            if value is None:
                assert cell == ""
            elif column.duckdb_type == "BOOLEAN":
                assert cell == ("VRAI" if value else "FAUX")
            elif column.duckdb_type == "DATE":
                assert cell == f"{value:%d/%m/%Y}"
            elif isinstance(value, Decimal | float):
                assert "." not in cell
                assert Decimal(cell.replace(",", ".")) == Decimal(str(value))
            elif isinstance(value, int):
                assert int(cell) == value
            else:
                assert shown(cell) == value


def test_a_code_keeps_its_zero_and_a_release_stays_no_day(handmade):
    header, *rows = rows_of(handmade, "v_region")
    codes = {row[header.index("region_id")] for row in rows}
    assert {'="53"', '="11"'} <= codes
    releases = {row[header.index("release_id_debut_etat")] for row in rows}
    assert releases == {'="2026-10-08"'}


def test_a_text_that_begins_like_a_formula_is_a_text(handmade):
    header, *rows = rows_of(handmade, "v_region")
    labels = {row[header.index("region")] for row in rows}
    assert f"'{HOSTILE[0]}" in labels


def test_synthetic_data_is_in_the_names(tmp_path):
    from mcf_pipeline.package.writing import write_package

    data_dir = publish_handmade(tmp_path, synthetic=True)
    write_package(data_dir)
    assert all("synthetique" in path.name for path in (data_dir.package / FOLDER).iterdir())
