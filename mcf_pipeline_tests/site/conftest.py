"""Dashboards to look at: of three small releases, of the sample, and of data with hostile labels."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from mcf_pipeline.settings import DataDir
from mcf_pipeline.site.writing import write_dashboard
from mcf_pipeline_tests.conftest import made_once
from mcf_pipeline_tests.orchestration.assets import graph

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
FORMULA = "=cmd()|' /C calc'!A0"


@pytest.fixture(scope="session")
def _three(tmp_path_factory, second_run, small_releases):
    def make(folder: Path):
        root = folder / "data"
        shutil.copytree(second_run.data_dir, root, symlinks=True)
        with dg.DagsterInstance.ephemeral() as instance:
            graph.ingest(root, small_releases[2], instance)
            graph.follow_plan(root, small_releases[2], instance)
            return DataDir(root), graph.shown_by_all(instance)

    return made_once(tmp_path_factory, "three_releases", make)


@pytest.fixture(scope="session")
def three_releases(_three) -> DataDir:
    """Three small releases, published one after the other; nobody may change it."""
    return _three[0]


@pytest.fixture(scope="session")
def three_shown(_three):
    """The metadata of each asset's last materialization, of three small releases."""
    return _three[1]


@pytest.fixture(scope="session")
def hostile(tmp_path_factory, three_releases) -> DataDir:
    """The same data under labels that would break out of a page or a spreadsheet if they could."""
    data_dir = DataDir(tmp_path_factory.mktemp("hostile"))
    data_dir.published_database.parent.mkdir(parents=True)
    shutil.copy(three_releases.published_database, data_dir.published_database)
    with duckdb.connect(data_dir.published_database) as con:
        con.execute("UPDATE dim_region SET libelle = $1 WHERE region_id = '11'", [HOSTILE])
        con.execute("UPDATE dim_region SET libelle = $1 WHERE region_id = '53'", [FORMULA])
    write_dashboard(data_dir)
    return data_dir


@pytest.fixture
def copy_of_three(three_releases, tmp_path) -> DataDir:
    """A copy for one test to change."""
    shutil.copytree(three_releases.root, tmp_path / "data", symlinks=True)
    return DataDir(tmp_path / "data")
