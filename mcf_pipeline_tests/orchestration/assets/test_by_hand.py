"""Any asset, any quarter, picked by hand: from the archive alone, without the network, and without the others."""

from __future__ import annotations

import shutil
import socket

import dagster as dg
import pytest

from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.names import FACT_NAMES, QUARTERLY_MART_NAMES, STAGED
from mcf_pipeline_tests.orchestration.assets import graph
from mcf_pipeline_tests.warehouse.builds import contents, read

QUARTER = Quarter(2020, 3)
KEY = QUARTER.partition_key
DIMENSIONS = sorted(name for name in graph.WHOLE if name.startswith("dim_"))


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as fresh:
        yield fresh


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def nobody(self, address):
        raise AssertionError(f"asked {address}")

    monkeypatch.setattr(socket.socket, "connect", nobody)


@pytest.fixture
def archive_alone(small_built, tmp_path):
    """A data directory of which nothing but `raw/` is left."""
    shutil.copytree(small_built.data_dir / "raw", tmp_path / "data" / "raw")
    return tmp_path / "data"


def materialize(data_dir, instance, names, quarter=None):
    result = graph.job_of(data_dir, "portal").execute_in_process(
        instance=instance,
        partition_key=quarter,
        asset_selection=[dg.AssetKey(name) for name in names],
        run_config=graph.QUIET,
    )
    assert result.success
    return graph.materialized(instance, [*graph.QUARTERLY, *graph.WHOLE])


def tables_in(data_dir):
    """The tables of which there is a file, each with its quarters."""
    found = {}
    for path in (data_dir / "tables").glob("*/*/*.parquet"):
        found.setdefault(path.parent.parent.name, set()).add(path.parent.name)
    return found


@pytest.mark.parametrize("name", graph.QUARTERLY)
def test_a_quarterly_asset_by_itself(archive_alone, instance, name):
    made = materialize(archive_alone, instance, [name], KEY)
    assert [(asset, partition) for _, asset, partition in made] == [(name, KEY)]
    assert graph.metadata_of(instance, name, KEY)["dagster/row_count"].value > 0
    files = tables_in(archive_alone)
    assert set().union(*files.values()) <= {QUARTER.id}, "no quarter but the one that was picked"
    needed = {
        "raw_usagers": set(),
        "stg_usagers": set(STAGED),
        "fct_dossiers": {*STAGED, "fct_dossiers"},
        "fct_financements": {*STAGED, *FACT_NAMES},
    }.get(name, {*STAGED, *FACT_NAMES, name, "mart_revisions"})
    assert files.keys() == needed, "what it is made from, and no other table of its op"


@pytest.mark.parametrize("names", [["dim_region"], ["dim_region", "dim_release"], DIMENSIONS], ids=len)
def test_dimensions_by_themselves(archive_alone, instance, names):
    made = materialize(archive_alone, instance, names)
    assert sorted(asset for _, asset, _ in made) == sorted(names)


@pytest.mark.parametrize("name", ["mart_revisions", "warehouse"])
def test_what_is_made_of_every_quarter_makes_what_is_missing(archive_alone, instance, small_built, name):
    made = materialize(archive_alone, instance, [name])
    assert [asset for _, asset, _ in made] == [name]
    files = tables_in(archive_alone)
    assert all(len(quarters) == 4 for quarters in files.values())
    if name == "warehouse":
        assert contents(archive_alone / "warehouse" / "mcf.duckdb") == contents(small_built.database)


def test_the_package_by_itself(small_copy, instance):
    shutil.rmtree(small_copy.data_dir / "package")
    materialize(small_copy.data_dir, instance, ["data_package"])
    assert (small_copy.data_dir / "package" / "datapackage.json").is_file()


def test_some_of_an_op_for_one_quarter(archive_alone, instance):
    names = ["mart_region", "mart_statut"]
    made = materialize(archive_alone, instance, names, KEY)
    assert sorted((asset, partition) for _, asset, partition in made) == [(name, KEY) for name in names]
    assert set(QUARTERLY_MART_NAMES) & tables_in(archive_alone).keys() == set(names)


def test_a_mart_made_by_hand_reaches_the_published_file_with_the_next_publication(small_copy, small_releases, instance):
    graph.ingest(small_copy.data_dir, small_releases[1], instance)
    before = read(small_copy.database, f"FROM mart_region WHERE trimestre_id = '{QUARTER}' ORDER BY ALL")
    materialize(small_copy.data_dir, instance, ["mart_region"], KEY)
    snapshot = graph.open_workspace(small_copy.data_dir, small_releases[1]).snapshot()
    path = snapshot.current_file("mart_region", QUARTER)
    made = path.stat()
    assert read(small_copy.database, f"FROM mart_region WHERE trimestre_id = '{QUARTER}' ORDER BY ALL") == before
    materialize(small_copy.data_dir, instance, ["warehouse"])
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns), "it was not made twice"
    after = read(small_copy.database, f"FROM mart_region WHERE trimestre_id = '{QUARTER}' ORDER BY ALL")
    assert after != before
    assert after == sorted(read(small_copy.database, f"SELECT * FROM read_parquet('{path}') ORDER BY ALL"))


def test_a_quarter_that_no_release_covers_is_made_empty(small_copy, instance):
    materialize(small_copy.data_dir, instance, graph.QUARTERLY, "2023-01-01")
    for name in graph.QUARTERLY:
        if name != "stg_usagers":
            assert graph.metadata_of(instance, name, "2023-01-01")["dagster/row_count"].value == 0, name
    assert graph.follow_plan(small_copy.data_dir, small_copy.csv, instance) == []
