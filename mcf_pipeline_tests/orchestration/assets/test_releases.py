"""What a release rematerializes: the new and the changed quarters, and no other."""

import shutil
import socket

import dagster as dg
import duckdb
import pytest

from mcf_pipeline.errors import ContractError, SourceError
from mcf_pipeline.orchestration.jobs import INTAKE
from mcf_pipeline.orchestration.steps import Step
from mcf_pipeline.quarter import Quarter
from mcf_pipeline_tests.orchestration.assets import graph, small


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as fresh:
        yield fresh


def quarters_made(instance, name):
    return [partition for _, _, partition in graph.materialized(instance, [name])]


@pytest.fixture(scope="module")
def second_release(tmp_path_factory, small_built, small_releases):
    """The runs that the second release takes after the first, and what they materialized, in order."""
    data_dir = tmp_path_factory.mktemp("second_release") / "data"
    shutil.copytree(small_built.data_dir, data_dir)
    with dg.DagsterInstance.ephemeral() as instance:
        graph.ingest(data_dir, small_releases[1], instance)
        steps = graph.follow_plan(data_dir, small_releases[1], instance)
        assert graph.follow_plan(data_dir, small_releases[1], instance) == []
        return steps, graph.materialized(instance, ["portal_release", *graph.QUARTERLY, *graph.WHOLE])


def test_a_release_makes_the_quarter_it_adds_and_the_two_it_revises(second_release):
    steps, events = second_release
    assert steps == [Step(Quarter(2020, 3), Quarter(2021, 1), makes_whole=True)]
    made = {name: [partition for _, asset, partition in events if asset == name] for name in graph.QUARTERLY}
    assert made == {name: ["2020-07-01", "2020-10-01", "2021-01-01"] for name in graph.QUARTERLY}


def test_what_is_not_partitioned_is_made_once(second_release):
    _, events = second_release
    once = sorted(name for _, name, partition in events if partition is None)
    assert once == sorted(["portal_release", *graph.WHOLE])


def test_what_is_not_partitioned_is_made_after_the_quarters(second_release):
    _, events = second_release
    names = [name for _, name, _ in events]
    last_quarterly = max(i for i, name in enumerate(names) if name in graph.QUARTERLY)
    early = [name for name in names[:last_quarterly] if name in graph.WHOLE]
    assert early == [], f"made before {names[last_quarterly]}"


def test_changed_quarters_that_are_not_adjacent_take_one_run_per_stretch(small_copy, tmp_path, instance):
    changed = [(quarter, {"nb_titulaires": "5"}) for quarter in ("2020-T1", "2020-T3", "2020-T4")]
    release = small.rewrite(small_copy.csv, tmp_path / "revised.csv", changed, day="2021-02-08")
    graph.ingest(small_copy.data_dir, release, instance)
    assert graph.follow_plan(small_copy.data_dir, release, instance) == [
        Step(Quarter(2020, 1), Quarter(2020, 1), makes_whole=False),
        Step(Quarter(2020, 3), Quarter(2020, 4), makes_whole=True),
    ]
    for name in graph.QUARTERLY:
        assert quarters_made(instance, name) == ["2020-01-01", "2020-07-01", "2020-10-01"], name
    assert sorted(name for _, name, _ in graph.materialized(instance, graph.WHOLE)) == graph.WHOLE


def test_a_release_that_says_the_same_makes_nothing(small_copy, tmp_path, instance):
    again = small.rewrite(small_copy.csv, tmp_path / "again.csv", day="2021-02-08")
    graph.ingest(small_copy.data_dir, again, instance)
    assert graph.follow_plan(small_copy.data_dir, again, instance) == []
    assert graph.materialized(instance, [*graph.QUARTERLY, *graph.WHOLE]) == []


def test_a_known_release_is_not_archived_twice(small_copy, instance):
    before = sorted(small_copy.data_dir.joinpath("raw").rglob("*"))
    graph.ingest(small_copy.data_dir, small_copy.csv, instance)
    assert graph.metadata_of(instance, "portal_release")["is_new"].value is False
    assert sorted(small_copy.data_dir.joinpath("raw").rglob("*")) == before
    assert graph.follow_plan(small_copy.data_dir, small_copy.csv, instance) == []


def test_once_the_files_are_gone_every_quarter_is_made(small_copy, instance):
    shutil.rmtree(small_copy.data_dir / "tables")
    steps = graph.follow_plan(small_copy.data_dir, small_copy.csv, instance)
    assert steps == [Step(Quarter(2020, 1), Quarter(2020, 4), makes_whole=True)]
    assert graph.follow_plan(small_copy.data_dir, small_copy.csv, instance) == []


@pytest.fixture
def unreachable_portal(monkeypatch):
    """The portal as source, at a port where nobody listens; and a test that asks anybody fails."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MCF_PORTAL_URL", f"http://127.0.0.1:{free.getsockname()[1]}")
        monkeypatch.setenv("MCF_LIMIT_MAX_ATTEMPTS", "1")
        yield "portal"


def test_a_quarter_picked_by_hand_comes_from_the_archive_without_the_network(
    small_copy, instance, unreachable_portal, monkeypatch
):
    def nobody(self, address):
        raise AssertionError(f"asked {address}")

    monkeypatch.setattr(socket.socket, "connect", nobody)
    with duckdb.connect(small_copy.database, read_only=True) as con:
        before = con.execute("FROM mart_region ORDER BY ALL").fetchall()
    result = graph.job_of(small_copy.data_dir, unreachable_portal).execute_in_process(
        instance=instance,
        partition_key="2020-07-01",
        asset_selection=[dg.AssetKey(name) for name in [*graph.QUARTERLY, "warehouse"]],
        run_config=graph.QUIET,
    )
    assert result.success
    for name in graph.QUARTERLY:
        assert quarters_made(instance, name) == ["2020-07-01"], name
    with duckdb.connect(small_copy.database, read_only=True) as con:
        assert con.execute("FROM mart_region ORDER BY ALL").fetchall() == before
    assert graph.follow_plan(small_copy.data_dir, small_copy.csv, instance) == []


def test_only_the_release_asks_the_portal(small_copy, instance, unreachable_portal):
    with pytest.raises(SourceError, match=r"127\.0\.0\.1"):
        graph.job_of(small_copy.data_dir, unreachable_portal).execute_in_process(
            instance=instance, asset_selection=INTAKE, run_config=graph.QUIET
        )


# -- a quarter with too many rejected lines -------------------------------------------------------------------


@pytest.fixture
def partly_broken(small_releases, tmp_path):
    """The second release, in which one of the two revised quarters has ten lines of nonsense."""
    nonsense = [
        *[{"nb_dossiers": "beaucoup"}] * 4,
        *[{"montant_engage": "-1"}] * 3,
        *[{"part_etat": "un peu"}] * 2,
        {"nb_titulaires": "qui sait"},
    ]
    edits = [("2020-T3", fields) for fields in nonsense]
    return small.rewrite(small_releases[1], tmp_path / "partly_broken.csv", edits)


def test_a_quarter_with_too_many_rejects_fails_naming_the_three_commonest_reasons(small_copy, partly_broken, instance):
    graph.ingest(small_copy.data_dir, partly_broken, instance)
    step = {
        "dagster/asset_partition_range_start": "2020-07-01",
        "dagster/asset_partition_range_end": "2020-07-01",
    }
    with pytest.raises(ContractError) as error:
        graph.job_of(small_copy.data_dir, partly_broken).execute_in_process(
            instance=instance,
            tags=step,
            asset_selection=[dg.AssetKey("raw_usagers"), dg.AssetKey("stg_usagers")],
            run_config=graph.QUIET,
        )
    said = str(error.value)
    assert error.value.rule == "trop_de_rejets"
    assert said.startswith("2020-T3: 10 of ")
    reasons = ["nb_dossiers (4 lines)", "montant_engage (3 lines)", "part_etat (2 lines)"]
    assert [reason for reason in reasons if reason in said] == reasons
    assert "nb_titulaires" not in said


def test_a_refused_quarter_keeps_its_state_while_the_others_are_built_and_published(
    small_copy, partly_broken, instance
):
    def quarters():
        with duckdb.connect(small_copy.database, read_only=True) as con:
            rows = con.execute(
                "SELECT trimestre_id, release_id, count(*), sum(nb_dossiers) FROM fct_dossiers GROUP BY ALL"
            ).fetchall()
        return {row[0]: row[1:] for row in rows}

    before = quarters()
    graph.ingest(small_copy.data_dir, partly_broken, instance)
    graph.follow_plan(small_copy.data_dir, partly_broken, instance)
    after = quarters()
    assert after["2020-T3"] == before["2020-T3"]
    assert {quarter: state[0] for quarter, state in after.items()} == {
        "2020-T1": "2021-01-08",
        "2020-T2": "2021-01-08",
        "2020-T3": "2021-01-08",
        "2020-T4": "2021-04-08",
        "2021-T1": "2021-04-08",
    }
    assert quarters_made(instance, "mart_trimestre") == ["2020-10-01", "2021-01-01"]
    space = graph.open_workspace(small_copy.data_dir, partly_broken)
    assert list(space.refusals(space.snapshot())) == [Quarter(2020, 3)]
    assert graph.follow_plan(small_copy.data_dir, partly_broken, instance) == []
