"""Every output says whose data it is, of which day and licence, who modified it, and whether it is made up.

Each is read as its reader reads it. An output that is added has to be added here: the last tests look for files and
tables that no output names.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest

from mcf_pipeline import __version__
from mcf_pipeline.cli import main
from mcf_pipeline.settings import DataDir
from mcf_pipeline_tests.commands.terminal import mcf_here

PARTS = (
    "Caisse des Dépôts",
    "Mon Compte Formation - Les usagers",
    "publication du 08/10/2026",
    "Licence Ouverte 2.0",
    "ETALAB-Licence-Ouverte-v2.0.pdf",
    f"modifiées par mcf_pipeline {__version__}",
)
SYNTHETIC = "DONNÉES SYNTHÉTIQUES"


@pytest.fixture(scope="module", params=[False, True], ids=["real", "synthetic"])
def published(request, handmade, synthetic) -> tuple[DataDir, bool]:
    return synthetic if request.param else handmade, request.param


def rows(data_dir: DataDir, query: str) -> list[str]:
    with duckdb.connect(data_dir.published_database, read_only=True) as con:
        return [text for (text,) in con.execute(query).fetchall()]


def export(data_dir: DataDir, target: Path, *options: str) -> Path:
    done = mcf_here("export", target, "--data-dir", data_dir.root, *options)
    assert done.code == 0, done.err
    return target


def parquet_mention(path: Path) -> str:
    return pq.read_metadata(path).metadata[b"mention"].decode()


def meta_publication(data_dir: DataDir, _: Path) -> list[str]:
    return rows(data_dir, "SELECT mention FROM meta_publication")


def tables(data_dir: DataDir, _: Path) -> list[str]:
    return rows(data_dir, "SELECT coalesce(comment, table_name) FROM duckdb_tables() WHERE NOT internal")


def views(data_dir: DataDir, _: Path) -> list[str]:
    return rows(data_dir, "SELECT coalesce(comment, view_name) FROM duckdb_views() WHERE NOT internal")


def package_parquet(data_dir: DataDir, _: Path) -> list[str]:
    return [parquet_mention(path) for path in (data_dir.package / "parquet").iterdir()]


def package_readme(data_dir: DataDir, _: Path) -> list[str]:
    """For the CSV too, which cannot say it themselves."""
    return [(data_dir.package / "LISEZMOI.txt").read_text(encoding="utf-8")]


def datapackage(data_dir: DataDir, _: Path) -> list[str]:
    told = json.loads((data_dir.package / "datapackage.json").read_text(encoding="utf-8"))
    return [told["description"], told["mcf:attribution"]]


def dcat(data_dir: DataDir, _: Path) -> list[str]:
    graph = json.loads((data_dir.package / "dcat.jsonld").read_text(encoding="utf-8"))["@graph"]
    kinds = ("dcat:Catalog", "dcat:Dataset", "dcat:Distribution")
    return [node["dct:description"]["@value"] for node in graph if node["@type"] in kinds]


def exported_csv(data_dir: DataDir, into: Path) -> list[str]:
    return [(export(data_dir, into / "csv", "--format", "csv") / "LISEZMOI.txt").read_text(encoding="utf-8")]


def exported_file(data_dir: DataDir, into: Path) -> list[str]:
    export(data_dir, into / "genre.csv", "--table", "dim_genre")
    return [(into / "genre.LISEZMOI.txt").read_text(encoding="utf-8")]


def exported_parquet(data_dir: DataDir, into: Path) -> list[str]:
    folder = export(data_dir, into / "parquet", "--format", "parquet")
    return [parquet_mention(path) for path in folder.glob("*.parquet")]


def workbook(data_dir: DataDir, into: Path) -> list[str]:
    book = openpyxl.load_workbook(export(data_dir, into / "mcf.xlsx"))
    notes = "\n".join(str(cell) for row in book["Lisez-moi"].iter_rows(values_only=True) for cell in row)
    return [notes, book.properties.description]


def sql(form: str) -> Callable[[DataDir, Path], list[str]]:
    def asked(data_dir: DataDir, _: Path) -> list[str]:
        return [mcf_here("sql", "FROM v_annee", "--data-dir", data_dir.root, "--format", form).err]

    return asked


OUTPUTS: dict[str, tuple[Callable[[DataDir, Path], list[str]], int]] = {
    "mcf.duckdb: meta_publication": (meta_publication, 1),
    "mcf.duckdb: comments on tables": (tables, 23),
    "mcf.duckdb: comments on views": (views, 4),
    "package: Parquet": (package_parquet, 21),
    "package: LISEZMOI.txt": (package_readme, 1),
    "package: datapackage.json": (datapackage, 2),
    "package: dcat.jsonld": (dcat, 44),
    "export: CSV": (exported_csv, 1),
    "export: one CSV": (exported_file, 1),
    "export: Parquet": (exported_parquet, 18),
    "export: xlsx": (workbook, 2),
    "sql: table": (sql("table"), 1),
    "sql: CSV": (sql("csv"), 1),
    "sql: JSON": (sql("json"), 1),
}
"""What each output says, and how many times at least."""


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_output_says_whose_data_it_is(published, tmp_path, output):
    data_dir, synthetic = published
    read, at_least = OUTPUTS[output]
    texts = read(data_dir, tmp_path)
    assert len(texts) >= at_least
    for text in texts:
        assert [part for part in PARTS if part not in text] == [], text
        assert (SYNTHETIC in text) == synthetic, text


def test_every_sheet_and_title_says_that_data_is_made_up(published, tmp_path):
    data_dir, synthetic = published
    book = openpyxl.load_workbook(export(data_dir, tmp_path / "mcf.xlsx"))
    headers = [sheet.oddHeader.right.text for sheet in book.worksheets[1:]]
    package = json.loads((data_dir.package / "datapackage.json").read_text(encoding="utf-8"))
    titles = [book.properties.title, book["Lisez-moi"]["A1"].value, package["title"]]
    assert len(headers) > 10
    assert {SYNTHETIC in title for title in (*headers, *titles)} == {synthetic}


def test_every_file_that_is_moved_alone_says_that_data_is_made_up(published, tmp_path):
    """By its name: a CSV has no other place for it."""
    data_dir, synthetic = published
    for form in ("csv", "parquet"):
        export(data_dir, tmp_path / form, "--format", form)
    files = [
        path
        for folder in (data_dir.package / "csv", data_dir.package / "parquet", tmp_path / "csv", tmp_path / "parquet")
        for path in folder.iterdir()
        if path.name != "LISEZMOI.txt"
    ]
    assert len(files) >= 42
    assert {"-synthetique." in path.name for path in files} == {synthetic}


def test_what_is_said_beside_an_answer_does_not_get_into_it(published):
    data_dir, _ = published
    answer = mcf_here("sql", "SELECT 1 AS un", "--data-dir", data_dir.root, "--format", "csv")
    assert list(csv.reader(io.StringIO(answer.out))) == [["un"], ["1"]]
    assert len(answer.err.strip().splitlines()) == 1


def test_no_file_of_the_package_is_left_out_here(published):
    data_dir, _ = published
    folder = data_dir.package.resolve()
    # What the feed says of synthetic data is tested in `package/test_feed.py`.
    known = {"csv", "parquet", "tableur", "LISEZMOI.txt", "datapackage.json", "dcat.jsonld", "publications.atom"}
    assert {path.name for path in folder.iterdir()} == known


def test_no_way_out_of_the_warehouse_is_left_out_here():
    """Of the commands, those that give data away; what the page says is tested in `site`.

    A backup is the archive itself, manifests with their licence included; a notice goes to who runs the pipeline.
    """
    silent = {"run", "status", "doctor", "rebuild", "verify", "sample", "sample-portal"}
    silent |= {"backup", "restore", "prune", "notify"}
    assert set(main.commands) - silent == {"sql", "export", "dashboard"}
