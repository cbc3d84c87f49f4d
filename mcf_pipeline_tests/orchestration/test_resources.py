"""What the steps are given: connections that are closed whatever happens, and no waiting for a file that is missing."""

from __future__ import annotations

import dagster as dg
import duckdb
import pytest

from mcf_pipeline.duck import ENGINE, one
from mcf_pipeline.orchestration.resources import Engine, PublishedWarehouse, WorkspaceResource


def published_in(data_dir) -> PublishedWarehouse:
    return PublishedWarehouse(workspace=WorkspaceResource(data_dir=str(data_dir), source="sample"))


def is_closed(con: duckdb.DuckDBPyConnection) -> bool:
    try:
        con.execute("SELECT 1")
    except duckdb.ConnectionException:
        return True
    return False


def test_the_engine_is_an_empty_database_of_its_own_each_time():
    engine = Engine()
    with engine.get_connection() as con:
        con.execute("CREATE TABLE mine AS SELECT 1 AS a")
        assert one(con, "SELECT current_setting('threads')") == (ENGINE["threads"],)
    with engine.get_connection() as con:
        assert con.execute("SHOW TABLES").fetchall() == []


def test_a_connection_is_closed_at_the_end_and_where_the_work_fails(small_built):
    for resource in (Engine(), published_in(small_built.data_dir)):
        with resource.get_connection() as con:
            assert not is_closed(con)
        assert is_closed(con)
        with pytest.raises(ZeroDivisionError), resource.get_connection() as con:
            raise ZeroDivisionError
        assert is_closed(con)


def test_the_published_file_is_read_and_cannot_be_written(small_built):
    with published_in(small_built.data_dir).get_connection() as con:
        assert one(con, "SELECT count(*) FROM mart_trimestre") == (4,)
        with pytest.raises(duckdb.InvalidInputException):
            con.execute("DELETE FROM mart_trimestre")


@pytest.mark.parametrize("content", [None, b"not a database"], ids=["missing", "damaged"])
def test_a_file_that_cannot_be_opened_is_an_error_at_once(tmp_path, monkeypatch, content):
    """Dagster's own resource would try ten times, for more than a minute and a half."""
    opened, connect = [], duckdb.connect

    def counting(path, *args, **options):
        opened.append(path)
        return connect(path, *args, **options)

    monkeypatch.setattr(duckdb, "connect", counting)
    path = tmp_path / "warehouse" / "mcf.duckdb"
    if content:
        path.parent.mkdir()
        path.write_bytes(content)
    for resource in (published_in(tmp_path), Engine(database=str(tmp_path / "no" / "folder.duckdb"))):
        opened.clear()
        with pytest.raises(duckdb.IOException), resource.get_connection():
            pass
        assert len(opened) == 1


def test_an_asset_is_given_them_by_name():
    """As `DuckDBResource` is: whoever adds an asset asks for `engine`, and can put another in its place."""

    @dg.asset
    def answer(engine: Engine) -> int:
        with engine.get_connection() as con:
            return int(one(con, "SELECT 42")[0])

    result = dg.materialize([answer], resources={"engine": Engine(connection_config={"threads": 1})})
    assert result.output_for_node("answer") == 42
