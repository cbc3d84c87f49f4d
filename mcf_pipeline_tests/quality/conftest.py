"""A warehouse of two releases, built once, its tables in memory to spoil, and copies of it."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from mcf_pipeline.schemas.base import describe
from mcf_pipeline.warehouse.assembly import PUBLISHED
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import ingest, line, masked, quarter_lines, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all, copy_of


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory) -> Workspace:
    """Two releases, built and published; a region of masked lines alone."""
    built = workspace_in(tmp_path_factory.mktemp("two_releases"))
    lines = [*quarter_lines("2024-T1", 8), *quarter_lines("2024-T2", 8), masked("2024-T1", region="Mayotte")]
    ingest(built.archive, lines, "2024-07-08")
    ingest(built.archive, [*lines[:-1], line("2024-T2", region="Mayotte"), lines[-1]], "2024-10-08")
    build_all(built)
    return built


@pytest.fixture
def space(two_releases, tmp_path) -> Workspace:
    """The same, for one test to spoil."""
    return copy_of(two_releases, tmp_path / "copy")


@pytest.fixture
def con(two_releases) -> Iterator[duckdb.DuckDBPyConnection]:
    """Its tables and histories in memory, for one test to spoil."""
    with tables_of(two_releases) as opened:
        yield opened


def tables_of(space: Workspace) -> duckdb.DuckDBPyConnection:
    """Tables in memory with the rows of a published file, without constraints."""
    names = [describe(model).name for model in PUBLISHED]
    con = duckdb.connect(config={"threads": 1})
    con.execute(f"ATTACH '{space.data_dir.published_database}' AS publie (READ_ONLY)")
    con.execute("USE publie")
    for name in (*names, "fct_dossiers_historique", "fct_financements_historique"):
        con.execute(f"CREATE TABLE memory.{name} AS FROM {name}")
    con.execute("USE memory")
    con.execute("DETACH publie")
    return con
