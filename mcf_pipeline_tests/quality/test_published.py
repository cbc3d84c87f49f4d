"""The published file: it opens, and it is what the tables' files are."""

from __future__ import annotations

import duckdb
import pytest

from mcf_pipeline.duck import scratch
from mcf_pipeline.quality import Finding
from mcf_pipeline.quality.published import conforms, readable
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import ingest, quarter_lines
from mcf_pipeline_tests.warehouse.builds import build_quarters


def opens(space: Workspace) -> Finding:
    path = space.data_dir.published_database
    return readable(lambda: duckdb.connect(path, read_only=True), path)


def is_as_it_should_be(space: Workspace) -> Finding:
    with scratch() as con:
        return conforms(con, space.data_dir.published_database, space.snapshot())


def test_the_published_file(space):
    assert opens(space).holds
    finding = is_as_it_should_be(space)
    assert finding.holds
    assert "lignes publiées" in finding.note


def test_a_published_file_of_an_older_state(space):
    ingest(space.archive, [*quarter_lines("2024-T1", 9), *quarter_lines("2024-T2", 9)], "2025-01-08")
    build_quarters(space)
    sample = [row[:2] for row in is_as_it_should_be(space).sample]
    assert sample[:2] == [("meta_publication", "état"), ("fct_dossiers", "marques")]


def test_a_published_file_that_lacks_rows(space):
    with duckdb.connect(space.data_dir.published_database) as con:
        con.execute("DELETE FROM mart_region WHERE trimestre_id = '2024-T2'")
    assert [row[:2] for row in is_as_it_should_be(space).sample] == [("mart_region", "lignes")]


@pytest.mark.parametrize("content", [None, b"", b"x" * 5000])
def test_no_published_file(space, content):
    path = space.data_dir.published_database
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert opens(space).count >= 1
    assert is_as_it_should_be(space).count >= 1


def test_a_published_file_that_lacks_a_table(space):
    with duckdb.connect(space.data_dir.published_database) as con:
        con.execute("DROP TABLE mart_profil")
    assert opens(space).sample[0][0] == "mart_profil"
