"""The graph as a whole: what is in it, and what its users rely on."""

import datetime as dt

import dagster as dg
import pytest

from mcf_pipeline.definitions import ASSETS, build_defs
from mcf_pipeline.orchestration.partitions import QUARTERS
from mcf_pipeline.orchestration.resources import WorkspaceResource

GRAPH = """
dashboard          publication -       html              < warehouse
data_package       publication -       csv,parquet       < warehouse
dim_classe_age     warehouse   -       pandas,table      < fct_dossiers
dim_financeur      warehouse   -       pandas,table      < fct_dossiers
dim_genre          warehouse   -       pandas,table      < fct_dossiers
dim_region         warehouse   -       pandas,table      < fct_dossiers
dim_release        warehouse   -       pandas,table      < fct_dossiers
dim_situation      warehouse   -       pandas,table      < fct_dossiers
dim_statut         warehouse   -       pandas,table      < fct_dossiers
dim_trimestre      warehouse   -       pandas,table      < fct_dossiers
fct_dossiers       warehouse   quarter duckdb,parquet    < stg_usagers
fct_financements   warehouse   quarter duckdb,parquet    < stg_usagers
mart_financement   marts       quarter duckdb,parquet,sql < fct_dossiers fct_financements
mart_profil        marts       quarter duckdb,parquet,sql < fct_dossiers fct_financements
mart_qualite       marts       quarter duckdb,parquet,sql < fct_dossiers fct_financements
mart_region        marts       quarter duckdb,parquet,sql < fct_dossiers fct_financements
mart_region_financement marts       quarter duckdb,parquet,sql < fct_dossiers fct_financements
mart_region_situation marts       quarter duckdb,parquet,sql < fct_dossiers fct_financements
mart_revisions     marts       -       duckdb,parquet,sql < dim_release fct_dossiers
mart_statut        marts       quarter duckdb,parquet,sql < fct_dossiers fct_financements
mart_trimestre     marts       quarter duckdb,parquet,sql < fct_dossiers fct_financements
portal_release     raw         -       file,opendatasoft <
raw_usagers        raw         quarter parquet           < portal_release
stg_usagers        staging     quarter pandera,parquet   < raw_usagers
warehouse          publication -       duckdb,file       < every dim_*, fct_* and mart_*
"""
"""Every asset: group, partitions, kinds, what it is made from. Each line changed here is meant."""


@pytest.fixture(scope="module")
def graph():
    return build_defs().resolve_asset_graph()


@pytest.fixture(scope="module")
def nodes(graph):
    return {key.to_user_string(): graph.get(key) for key in graph.get_all_asset_keys()}


def shown(name, node, names):
    parents = sorted(key.to_user_string() for key in node.parent_keys)
    everything = sorted(n for n in names if n.startswith(("dim_", "fct_", "mart_")))
    return (
        f"{name:18} {node.group_name:11} {'quarter' if node.partitions_def else '-':7} "
        f"{','.join(sorted(node.kinds)):17} < "
        f"{'every dim_*, fct_* and mart_*' if parents == everything else ' '.join(parents)}"
    ).rstrip()


def test_the_graph_is_this(nodes):
    assert "\n".join(shown(name, nodes[name], nodes) for name in sorted(nodes)) == GRAPH.strip()


def test_the_assets_are_there_in_their_groups(nodes):
    groups = {}
    for name, node in nodes.items():
        groups.setdefault(node.group_name, set()).add(name)
    modalities = ("trimestre", "region", "genre", "classe_age", "situation", "statut", "financeur", "release")
    marts = ("trimestre", "region", "profil", "financement", "statut", "qualite", "revisions")
    by_region = ("region_situation", "region_financement")
    assert groups["raw"] == {"portal_release", "raw_usagers"}
    assert groups["staging"] == {"stg_usagers"}
    assert groups["warehouse"] == {"fct_dossiers", "fct_financements", *(f"dim_{name}" for name in modalities)}
    assert groups["marts"] == {f"mart_{name}" for name in (*marts, *by_region)}
    assert groups["publication"] == {"warehouse", "data_package", "dashboard"}
    assert groups.keys() == {"raw", "staging", "warehouse", "marts", "publication"}


def test_the_graph_reads_from_raw_to_publication(nodes):
    order = ["raw", "staging", "warehouse", "marts", "publication"]
    for name, node in nodes.items():
        for parent in node.parent_keys:
            before = nodes[parent.to_user_string()]
            assert order.index(before.group_name) <= order.index(node.group_name), f"{parent} -> {name}"


def test_every_asset_has_an_owner_and_a_french_description(nodes):
    for name, node in nodes.items():
        assert node.owners == ["team:mcf_pipeline"], name
        assert node.description.endswith("."), name
        assert not node.description.startswith(("The ", "A ")), name


def test_the_quarters_of_a_release_run_together(nodes):
    quarterly = [node for node in nodes.values() if node.partitions_def]
    assert len(quarterly) == 12
    assert {node.backfill_policy for node in quarterly} == {dg.BackfillPolicy.single_run()}
    assert {node.partitions_def for node in quarterly} == {QUARTERS}


def test_one_op_per_layer(graph):
    """A step costs more than a quarter's work; each table can be selected by itself all the same."""
    ops = {asset.op.name: asset for asset in ASSETS}
    several = {
        name: sorted(key.to_user_string() for key in asset.keys) for name, asset in ops.items() if asset.can_subset
    }
    assert several.keys() == {"facts", "dimensions", "marts"}
    assert [len(several[name]) for name in ("facts", "dimensions", "marts")] == [2, 8, 8]
    assert {name for name, asset in ops.items() if len(asset.keys) > 1} == several.keys()


def test_no_step_waits_for_another_by_a_pool(nodes):
    """A quarter of a table is a file: two steps that make the same one disturb nobody."""
    assert {name: node.pools for name, node in nodes.items() if node.pools} == {}


def test_an_asset_yields_its_own_checks_and_only_lateness_stands_alone(graph):
    alone = {key.to_user_string() for checks in build_defs().asset_checks for key in checks.check_keys}
    assert alone == {"warehouse:release_en_retard"}
    of_assets = {key for asset in ASSETS for key in asset.check_keys}
    assert {key.to_user_string() for key in graph.asset_check_keys - of_assets} == alone


def test_a_partition_is_a_calendar_quarter_named_by_its_first_day():
    keys = QUARTERS.get_partition_keys(current_time=dt.datetime(2021, 2, 15, tzinfo=dt.UTC))
    assert keys == ["2020-01-01", "2020-04-01", "2020-07-01", "2020-10-01", "2021-01-01"]
    window = QUARTERS.time_window_for_partition_key("2024-07-01")
    assert (window.start.date(), window.end.date()) == (dt.date(2024, 7, 1), dt.date(2024, 10, 1))


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (dt.datetime(2026, 9, 30, 23, 59, 59, tzinfo=dt.UTC), "2026-07-01"),
        (dt.datetime(2026, 10, 1, 0, 0, 0, tzinfo=dt.UTC), "2026-10-01"),
        (dt.datetime(2026, 12, 31, 23, 59, 59, tzinfo=dt.UTC), "2026-10-01"),
    ],
)
def test_the_running_quarter_is_the_last_partition(now, last):
    assert QUARTERS.get_partition_keys(current_time=now)[-1] == last


def test_what_starts_runs_is_on_by_default():
    repository = build_defs().get_repository_def()
    assert "release" in repository.job_names
    assert {s.name: s.default_status for s in repository.schedule_defs} == {
        "overdue_release": dg.DefaultScheduleStatus.RUNNING,
        "quarterly_release": dg.DefaultScheduleStatus.RUNNING,
    }
    assert {s.name: s.default_status for s in repository.sensor_defs} == {
        "release_sensor": dg.DefaultSensorStatus.RUNNING
    }


def test_each_call_gives_a_graph_on_its_own_workspace(tmp_path):
    for name in ("one", "other"):
        defs = build_defs(WorkspaceResource(data_dir=str(tmp_path / name), source="sample"))
        assert defs.resources["workspace"].open().data_dir.root == tmp_path / name
    assert list(tmp_path.iterdir()) == [], "naming a data directory must not make it"


def test_empty_settings_are_those_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MCF_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("MCF_SOURCE", "sample")
    space = build_defs().resources["workspace"].open()
    assert (space.data_dir.root, space.settings.source) == (tmp_path, "sample")
