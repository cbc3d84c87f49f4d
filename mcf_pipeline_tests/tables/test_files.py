"""Immutable files: there and whole, or to be made; two makers of one file are no harm."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mcf_pipeline.duck import scratch
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.warehouse import DimGenre
from mcf_pipeline.tables.files import TableFiles, read_files

QUARTER = Quarter(2024, 3)
TABLE = pa.table({"a": [1, 2]})


@pytest.fixture
def files(tmp_path) -> TableFiles:
    return TableFiles(tmp_path)


def test_a_file_is_named_after_its_table_quarter_and_mark(files):
    assert files.path("fct_dossiers", QUARTER, "m") == files.root / "fct_dossiers" / "2024-T3" / "m.parquet"


def test_what_is_written_is_there_with_what_is_kept_beside_it(files):
    path = files.path("t", QUARTER, "m")
    assert not files.is_there(path)
    files.write(path, TABLE, {"kept": "beside"})
    assert files.is_there(path)
    assert pq.read_table(path).equals(TABLE)
    assert pq.read_schema(path).metadata[b"kept"] == b"beside"


@pytest.mark.parametrize("keep", [0, 3, 4, 8, 12, 100])
def test_a_file_that_a_power_cut_tore_is_not_there(files, keep):
    path = files.path("t", QUARTER, "m")
    files.write(path, TABLE)
    os.truncate(path, keep)
    assert not files.is_there(path)


def test_an_error_while_writing_leaves_nothing_and_an_older_file_as_it_was(files):
    path = files.path("t", QUARTER, "m")
    files.write(path, TABLE)
    before = path.read_bytes()

    def fail() -> None:
        with files.writing(path) as draft:
            draft.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [found.name for found in path.parent.iterdir()] == ["m.parquet"]
    assert path.read_bytes() == before


def test_two_writers_of_one_file_end_in_one_whole_file(files):
    path = files.path("t", QUARTER, "m")
    with files.writing(path) as draft:
        pq.write_table(TABLE, draft)
        # Another process, which has drafts of its own name, is quicker.
        other = path.with_name(f".{path.name}.other")
        pq.write_table(TABLE, other)
        other.replace(path)
    assert pq.read_table(path).equals(TABLE)


def age(path: Path, span: timedelta) -> None:
    then = path.stat().st_mtime - span.total_seconds()
    os.utime(path, (then, then))


def test_files_that_nothing_uses_go_after_a_while(files):
    used, old, young = (files.path("t", QUARTER, mark) for mark in ("used", "old", "young"))
    draft = old.with_name(".old.parquet.1")
    for path in (used, old, young, draft):
        files.write(path, TABLE)
    for path in (used, old, draft):
        age(path, timedelta(days=2))
    assert files.remove_unused([used]) == 2
    assert {path.name for path in old.parent.iterdir()} == {"used.parquet", "young.parquet"}


def test_the_draft_of_a_killed_process_goes_at_once(files, dead):
    used = files.path("t", QUARTER, "used")
    left = used.with_name(f".new.parquet.{dead}")
    for path in (used, left):
        files.write(path, TABLE)
        age(path, timedelta(minutes=2))
    assert files.remove_unused([used]) == 1
    assert list(used.parent.iterdir()) == [used]


def test_where_there_is_no_file_at_all_there_is_an_empty_table(files):
    spec = describe(DimGenre)
    path = files.path(spec.name, QUARTER, "m")
    files.write(path, pa.table({name: ["x"] for name in spec.column_names}))
    with scratch() as con:
        names = ", ".join(spec.column_names)
        (row,) = con.execute(f"SELECT {names} FROM {read_files([path], DimGenre)}").fetchall()
        assert set(row) == {"x"}
        assert con.execute(f"SELECT {names} FROM {read_files([], DimGenre)}").fetchall() == []
