"""``export``: what a person without DuckDB gets is what the published file holds, labelled, and runs nothing."""

from __future__ import annotations

import csv
import datetime as dt
import zipfile

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from mcf_pipeline.cli import main
from mcf_pipeline.package import workbook
from mcf_pipeline_tests.package.handmade import HOSTILE


@pytest.fixture(scope="module")
def data_dir(handmade):
    return handmade


def export(data_dir, *arguments):
    return CliRunner().invoke(main, ["export", "--data-dir", str(data_dir.root), *map(str, arguments)])


def published(data_dir, query):
    with duckdb.connect(data_dir.published_database, read_only=True) as con:
        return con.execute(query).fetchall()


@pytest.fixture(scope="module")
def book(data_dir, tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "mcf.xlsx"
    done = export(
        data_dir, path, *(f"--table={name}" for name in ("mart_trimestre", "stg_rejets", "dim_release", "dim_region"))
    )
    assert done.exit_code == 0, done.output
    assert str(path) in done.output
    return openpyxl.load_workbook(path)


def test_a_sheet_per_table_with_notes_and_dictionary(book):
    assert book.sheetnames == ["Lisez-moi", "mart_trimestre", "stg_rejets", "dim_release", "dim_region", "dictionnaire"]
    notes = " ".join(str(cell.value) for row in book["Lisez-moi"].iter_rows() for cell in row if cell.value)
    for part in (
        "Caisse des Dépôts",
        "08/10/2026",
        "Licence Ouverte 2.0",
        "modifiées par mcf_pipeline",
        "Jamais un zéro",
    ):
        assert part in notes
    told = {row[0].value for row in book["dictionnaire"].iter_rows(min_row=2)}
    assert told == {"mart_trimestre", "stg_rejets", "dim_release", "dim_region"}


def test_cells_have_their_values_types_and_formats(book, data_dir):
    sheet = book["mart_trimestre"]
    header = [cell.value for cell in sheet[1]]
    rows = published(data_dir, "SELECT * FROM mart_trimestre")
    assert sheet.max_row == len(rows) + 1
    assert sheet.freeze_panes == "A2"
    for cells, row in zip(sheet.iter_rows(min_row=2), rows, strict=True):
        for cell, value in zip(cells, row, strict=True):
            assert cell.value == (value if value is None or isinstance(value, str) else pytest.approx(float(value)))
    assert sheet.cell(2, header.index("montant_engage") + 1).number_format == '#,##0.00 "€"'
    assert sheet.cell(2, header.index("nb_dossiers") + 1).number_format == "#,##0"
    assert sheet.cell(2, header.index("part_femmes_bas") + 1).number_format == "0.0%"
    assert sheet.column_dimensions["A"].width >= 9
    release = {
        name.value: cell.value for name, cell in zip(book["dim_release"][1], book["dim_release"][2], strict=True)
    }
    assert release["date_release"] == dt.datetime(2026, 10, 8)
    assert release["est_courante"] is True


def test_text_is_never_a_formula_nor_a_link(book):
    cells = [
        cell for name in ("stg_rejets", "dim_region", "dim_release") for row in book[name].iter_rows() for cell in row
    ]
    assert {cell.data_type for cell in cells if isinstance(cell.value, str)} == {"s"}
    assert all(cell.hyperlink is None for cell in cells)
    values = {cell.value for cell in cells}
    assert {text for text in HOSTILE if text.isprintable()} <= values


def test_nothing_that_can_run_is_in_the_file(data_dir, tmp_path):
    export(data_dir, tmp_path / "a.xlsx", "--table", "stg_rejets")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as parts:
        assert not any("<f>" in parts.read(name).decode() for name in parts.namelist() if name.endswith(".xml"))


def test_without_table_the_facts_stay_out(data_dir, tmp_path):
    assert export(data_dir, tmp_path / "tout").exit_code == 0
    names = openpyxl.load_workbook(tmp_path / "tout.xlsx", read_only=True).sheetnames
    assert "mart_region" in names
    assert "v_annee" in names
    assert not [name for name in names if name.startswith(("fct_", "v_dossiers", "v_financements", "stg_"))]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_folder_of_files_with_a_text_that_says_whose_they_are(data_dir, tmp_path, form):
    done = export(data_dir, tmp_path / "sortie", "--format", form, "--table", "v_dossiers", "--table", "dim_genre")
    assert done.exit_code == 0, done.output
    files = sorted(path.name for path in (tmp_path / "sortie").iterdir())
    assert files == ["LISEZMOI.txt", f"dim_genre.{form}", f"v_dossiers.{form}"]
    assert "Licence Ouverte 2.0" in (tmp_path / "sortie" / "LISEZMOI.txt").read_text("utf-8")
    rows = published(data_dir, "SELECT count(*) FROM v_dossiers")[0][0]
    path = tmp_path / "sortie" / f"v_dossiers.{form}"
    if form == "parquet":
        assert pq.read_table(path).num_rows == rows
    else:
        with path.open(encoding="utf-8", newline="") as file:
            assert len(list(csv.reader(file, delimiter=";"))) == rows + 1


def test_one_table_as_one_file(data_dir, tmp_path):
    assert export(data_dir, tmp_path / "genre.csv", "--table", "dim_genre").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["genre.LISEZMOI.txt", "genre.csv"]
    assert (tmp_path / "genre.csv").read_text("utf-8").startswith("genre_id;libelle;ordre;est_connue\n")


def test_synthetic_data_says_so(synthetic, tmp_path):
    done = export(synthetic, tmp_path / "a.xlsx")
    assert "SYNTHETIC" in done.stderr
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    assert "SYNTHÉTIQUES" in book["Lisez-moi"]["A1"].value
    assert all("SYNTHÉTIQUES" in (sheet.oddHeader.right.text or "") for sheet in book.worksheets[1:])
    export(synthetic, tmp_path / "csv", "--format", "csv", "--table", "dim_genre")
    assert (tmp_path / "csv" / "dim_genre-synthetique.csv").is_file()
    assert (tmp_path / "csv" / "LISEZMOI.txt").read_text("utf-8").startswith("DONNÉES SYNTHÉTIQUES")


def test_too_many_rows_for_a_sheet_is_said_before_anything_is_written(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "MAX_ROWS", 3)
    done = export(data_dir, tmp_path / "a.xlsx", "--table", "mart_trimestre")
    assert done.exit_code == 2
    assert done.stderr.strip().splitlines()[-1].startswith("error: mart_trimestre has 3 rows, and a sheet holds 2")
    assert list(tmp_path.iterdir()) == []


def test_too_long_a_text_for_a_cell_is_said(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "MAX_TEXT", 5)
    done = export(data_dir, tmp_path / "a.xlsx", "--table", "dim_genre")
    assert done.exit_code == 2
    assert "export it with --format csv" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.xlsx", "--table", "fct_dosiers"], "there is no table 'fct_dosiers'"),
        (["a.csv"], "name one table with --table"),
        (["rien/a.xlsx"], "there is no folder"),
        (["dossier.xlsx"], "is a folder"),
        (["fichier", "--format", "csv"], "is a file"),
    ],
)
def test_wrong_usage_is_one_clear_line(data_dir, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dossier.xlsx").mkdir()
    (tmp_path / "fichier").write_text("à garder", encoding="utf-8")
    done = export(data_dir, *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("error:") == 1
    assert (tmp_path / "fichier").read_text("utf-8") == "à garder"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dossier.xlsx", "fichier"]


def test_without_a_warehouse_it_says_what_to_type(tmp_path):
    done = CliRunner().invoke(main, ["export", "--data-dir", str(tmp_path), str(tmp_path / "a.xlsx")])
    assert done.exit_code == 2
    assert "mcf-pipeline run" in done.stderr
