"""The package's CSV and Parquet files hold what the published file holds, and no spreadsheet runs any of it."""

from __future__ import annotations

import csv
import gzip
import re
import subprocess
from decimal import Decimal

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.package.files import COMPRESSED, UNSAFE, unescape, write_csv
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.ddl import create_table, query
from mcf_pipeline.schemas.documentation import Dictionnaire
from mcf_pipeline.schemas.marts import MartQualite, MartStatut
from mcf_pipeline.schemas.staging import StgRejets
from mcf_pipeline.schemas.warehouse import DIMENSIONS, DimRegion
from mcf_pipeline.warehouse.assembly import IN_CLEAR, PUBLIC
from mcf_pipeline_tests.package.handmade import HOSTILE

PACKAGED = (*PUBLIC, *IN_CLEAR)
"""The tables and views of the package."""
TABLES = pytest.mark.parametrize("model", PACKAGED, ids=lambda model: describe(model).name)


def cells(path):
    """A CSV as a reader that knows only the dialect sees it; an empty cell without quotes is no value."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.reader(file, delimiter=";"))


def csv_of(data_dir, model):
    """The one CSV of a table, plain or not."""
    (path,) = (data_dir.package / "csv").glob(f"{describe(model).name}.csv*")
    return path


def published(data_dir, query):
    with duckdb.connect(data_dir.published_database, read_only=True) as con:
        return con.execute(query).fetchall()


def in_order(data_dir, model):
    """A table by its key; the dictionary and the views as one reads them."""
    spec = describe(model)
    order = "" if model in (Dictionnaire, *IN_CLEAR) else f"ORDER BY {', '.join(spec.key)}"
    return published(data_dir, f"SELECT * FROM {spec.name} {order}")


@pytest.mark.parametrize("model", IN_CLEAR, ids=lambda model: describe(model).name)
def test_a_view_says_its_order_itself(model):
    """The files of the package keep it: without one, the same figures could give other bytes."""
    last = query(describe(model).name).rpartition("ORDER BY")[2]
    assert ")" not in last.partition("list_position(")[0]
    assert last.strip()


@TABLES
def test_parquet_holds_the_table_in_its_order(handmade, model):
    spec = describe(model)
    path = handmade.package / "parquet" / f"{spec.name}.parquet"
    expected = in_order(handmade, model)
    with duckdb.connect() as con:
        con.execute(f"CREATE VIEW p AS SELECT * FROM read_parquet('{path}')")
        assert con.execute("SELECT * FROM p").fetchall() == expected
        types = [row[1] for row in con.execute("DESCRIBE p").fetchall()]
    assert types == [column.duckdb_type for column in spec.columns]


@TABLES
def test_parquet_is_compressed_with_statistics_and_says_where_it_comes_from(handmade, model):
    file = pq.ParquetFile(handmade.package / "parquet" / f"{describe(model).name}.parquet")
    assert b"Licence Ouverte 2.0" in file.metadata.metadata[b"mention"]
    for group in range(file.metadata.num_row_groups):
        for index in range(file.metadata.num_columns):
            chunk = file.metadata.row_group(group).column(index)
            assert chunk.compression == "ZSTD"
            assert chunk.is_stats_set


@TABLES
def test_csv_holds_the_table(handmade, model):
    spec = describe(model)
    header, *rows = cells(csv_of(handmade, model))
    assert header == list(spec.column_names)
    expected = in_order(handmade, model)
    assert len(rows) == len(expected)
    for row, wanted in zip(rows, expected, strict=True):
        for column, cell, value in zip(spec.columns, row, wanted, strict=True):
            if value is None:
                assert cell == ""
            elif column.duckdb_type == "VARCHAR":
                assert unescape(cell) == value
            elif column.duckdb_type.startswith("DECIMAL"):
                assert Decimal(cell) == value
                assert "," not in cell
            elif column.duckdb_type == "BOOLEAN":
                assert cell == str(value).lower()
            elif column.duckdb_type == "TIMESTAMP":
                assert cell == f"{value:%Y-%m-%dT%H:%M:%SZ}"
            else:
                assert type(value)(cell) == value if isinstance(value, int | float) else cell == str(value)


@TABLES
def test_a_table_that_a_spreadsheet_opens_is_a_plain_csv(handmade, model):
    name = describe(model).name
    is_long = name in {"fct_financements", "fct_financements_etats_passes", "fct_dossiers_etats_passes"}
    assert csv_of(handmade, model).name == f"{name}.csv" + (".gz" if is_long else "")


def test_a_gzipped_csv_is_the_plain_one_and_the_same_bytes_each_time(handmade, tmp_path):
    with duckdb.connect(handmade.published_database, read_only=True) as con:
        for model in COMPRESSED:
            write_csv(con, model, tmp_path / "plain.csv")
            write_csv(con, model, tmp_path / "again.csv.gz")
            packed = csv_of(handmade, model)
            unpacked = subprocess.run(
                ["gzip", "--decompress", "--stdout", packed], capture_output=True, check=True
            ).stdout
            assert unpacked == (tmp_path / "plain.csv").read_bytes()
            assert packed.read_bytes() == (tmp_path / "again.csv.gz").read_bytes()


@pytest.mark.parametrize("place", ["nowhere/x.csv.gz", "/dev/full"])
def test_what_stops_the_compression_is_what_is_said(handmade, tmp_path, place, monkeypatch):
    """DuckDB only knows that its pipe broke; whoever reads the error wants to know why."""
    path = tmp_path / place
    if place.startswith("/dev"):
        path = tmp_path / "full.csv.gz"
        path.symlink_to(place)
    with (
        duckdb.connect(handmade.published_database, read_only=True) as con,
        pytest.raises(OSError, match=r"No such file|No space left"),
    ):
        write_csv(con, COMPRESSED[0], path)


def test_a_query_that_fails_while_it_writes_says_so(tmp_path):
    """The reader of the pipe must hear of its end, or it would wait for ever."""
    spec = describe(COMPRESSED[0])
    columns = (f"CAST(NULL AS {column.duckdb_type}) AS {column.name}" for column in spec.columns[1:])
    first = f"CASE WHEN i = 90000 THEN error('au milieu') ELSE 'x' END AS {spec.columns[0].name}"
    with duckdb.connect() as con:
        for model in DIMENSIONS:
            con.execute(create_table(model))
        con.execute(f"CREATE VIEW {spec.name} AS SELECT {first}, {', '.join(columns)} FROM range(100000) AS t(i)")
        with pytest.raises(duckdb.Error, match="au milieu"):
            write_csv(con, COMPRESSED[0], tmp_path / "x.csv.gz")


def test_no_text_of_a_csv_begins_like_a_formula(handmade):
    found = 0
    for model in PACKAGED:
        spec = describe(model)
        texts = [i for i, column in enumerate(spec.columns) if column.duckdb_type == "VARCHAR"]
        for row in cells(csv_of(handmade, model))[1:]:
            for index in texts:
                assert not re.match(r"[=+\-@\t\r\n＝＋－＠]|\s+[=+\-@]", row[index]), row[index]
                found += row[index].startswith("'")
    assert found >= 2 * (len(HOSTILE) - 2)


def test_hostile_text_comes_back_whole(handmade):
    spec = describe(StgRejets)
    values = [row[spec.column_names.index("valeur")] for row in cells(csv_of(handmade, StgRejets))[1:]]
    assert sorted(unescape(value) for value in values) == sorted(HOSTILE)
    assert "'=1" not in values


def test_the_label_of_an_unknown_modality_is_safe(handmade):
    labels = [row[describe(DimRegion).column_names.index("libelle")] for row in cells(csv_of(handmade, DimRegion))]
    assert f"'{HOSTILE[0]}" in labels
    assert HOSTILE[0] not in labels


def test_a_negative_number_stays_a_number(handmade):
    header, *rows = cells(csv_of(handmade, MartQualite))
    column = header.index("ecart_prix_montant")
    assert any(row[column].startswith("-") for row in rows), "the case must be there for the test to mean something"
    for row in rows:
        assert row[column] == "" or Decimal(row[column]) == Decimal(row[column])


@given(st.text(alphabet=st.sampled_from("'=+-@＝ \t\r\nab;\""), max_size=6))
def test_escaping_can_be_undone(text):
    escaped = f"'{text}" if re.match(UNSAFE, text) else text
    assert unescape(escaped) == text
    assert not re.match(r"[=+\-@\t\r\n＝＋－＠]", escaped)


def test_a_foreign_key_is_escaped_like_the_key_it_points_to(tmp_path):
    # No identifier of ours begins like that today; the file must stay joinable if one ever does.
    with duckdb.connect() as con:
        for model in (
            MartStatut,
            *(m for m in PACKAGED if describe(m).name in ("dim_statut", "dim_trimestre", "dim_release")),
        ):
            spec = describe(model)
            con.execute(f"CREATE TABLE {spec.name} ({', '.join(f'{c.name} {c.duckdb_type}' for c in spec.columns)})")
        con.execute("INSERT INTO dim_statut (statut_id) VALUES ('=x')")
        con.execute("INSERT INTO mart_statut (statut_id) VALUES ('=x')")
        for model in PACKAGED:
            if describe(model).name in ("dim_statut", "mart_statut"):
                write_csv(con, model, tmp_path / f"{describe(model).name}.csv")
    dimension, fact = (cells(tmp_path / f"{name}.csv") for name in ("dim_statut", "mart_statut"))
    assert dimension[1][0] == "'=x"
    assert fact[1][fact[0].index("statut_id")] == "'=x"
