"""The tables made from the models: types, empty cells, comments; and values that come back as they went in."""

from __future__ import annotations

import duckdb
import pandas as pd
import pytest

from mcf_pipeline.duck import to_frame
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.ddl import comments, create_table
from mcf_pipeline.schemas.warehouse import FctDossiers
from mcf_pipeline.warehouse.assembly import PUBLISHED_VIEWS, insert
from mcf_pipeline_tests.schemas.rows import EXPECTED, frame, other_key

TABLES = [pytest.param(model, id=describe(model).name) for model in EXPECTED if model not in PUBLISHED_VIEWS]


@pytest.fixture(scope="module")
def con():
    with duckdb.connect(config={"threads": 1}) as con:
        for model in EXPECTED:
            if model not in PUBLISHED_VIEWS:
                con.execute(create_table(model))
                for statement in comments(model, licence="Licence d'essai."):
                    con.execute(statement)
        yield con


@pytest.mark.parametrize("model", TABLES)
def test_the_table_has_the_columns_of_its_model(con, model):
    found = con.execute(
        "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index",
        [describe(model).name],
    ).fetchall()
    assert found == [(c.name, c.duckdb_type, c.nullable) for c in describe(model).columns]


@pytest.mark.parametrize("model", TABLES)
def test_the_comments_arrive(con, model):
    spec = describe(model)
    (table,) = con.execute("SELECT comment FROM duckdb_tables() WHERE table_name = ?", [spec.name]).fetchone()
    columns = con.execute(
        "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = ?", [spec.name]
    ).fetchall()
    assert table == f"{spec.description} Licence d'essai."
    assert dict(columns) == {c.name: c.comment for c in spec.columns}


@pytest.mark.parametrize("model", TABLES)
def test_values_come_back_with_their_types_whatever_the_order_of_the_columns(con, model):
    expected = EXPECTED[model]
    empty = other_key(expected.row, expected.key[0]) | dict.fromkeys(expected.nullable)
    put_in = frame(model, expected.row, empty)
    insert(con, model, put_in[put_in.columns[::-1]])
    columns = ", ".join(put_in.columns)
    found = to_frame(con, f"SELECT {columns} FROM {describe(model).name}")
    pd.testing.assert_frame_equal(found, put_in)


def test_an_empty_cell_where_none_may_be_is_refused_by_the_table_too(con):
    con.execute(create_table(FctDossiers).replace("fct_dossiers", "essai"))
    with pytest.raises(duckdb.ConstraintException, match=r"NOT NULL constraint failed: essai\.region_id"):
        con.execute("INSERT INTO essai BY NAME SELECT NULL AS region_id, '2024-T1' AS trimestre_id")


def test_making_a_table_twice_changes_nothing(con):
    for model in EXPECTED:
        if model not in PUBLISHED_VIEWS:
            con.execute(create_table(model))
