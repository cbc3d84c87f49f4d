"""Steps on machines that have nothing: each is made from the bucket alone, and the publication finds everything."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import dagster as dg
import pytest

from mcf_pipeline.definitions import ASSETS, build_defs
from mcf_pipeline.orchestration.jobs import INTAKE, JOB
from mcf_pipeline.orchestration.resources import WorkspaceResource
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.end_to_end.story import tables_of
from mcf_pipeline_tests.orchestration.assets import graph
from mcf_pipeline_tests.orchestration.assets.small import rewrite
from mcf_pipeline_tests.remote.bucket import Bucket

pytestmark = pytest.mark.slow


@pytest.fixture
def on_a_machine(built, tmp_path, monkeypatch):
    """Take this process to a machine that has nothing."""

    def go(name: str) -> Path:
        for variable, value in built.machine(tmp_path / name).items():
            monkeypatch.setenv(variable, value)
        return tmp_path / name

    return go


def materialize(bucket: Bucket, source: Path, names: list[str], quarter: Quarter | None = None) -> None:
    job = build_defs(WorkspaceResource(data_dir=bucket.url, source=str(source))).resolve_job_def(JOB)
    with dg.DagsterInstance.ephemeral() as instance:
        job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(name) for name in names],
            partition_key=quarter.partition_key if quarter else None,
            run_config=graph.QUIET,
        )


def layers() -> list[list[str]]:
    """The quarterly assets, op by op."""
    quarterly = [asset for asset in ASSETS if asset.partitions_def]
    return [sorted(key.to_user_string() for key in asset.keys) for asset in quarterly]


def test_each_step_of_a_quarter_may_be_made_elsewhere(built, on_a_machine, second_run, small_releases, tmp_path):
    on_a_machine("intake")
    materialize(built, small_releases[1], [key.to_user_string() for key in INTAKE])
    quarters = [Quarter(2020, 3), Quarter(2020, 4), Quarter(2021, 1)]
    for quarter in quarters:
        for names in layers():
            machine = on_a_machine(f"{quarter}-{names[0]}")
            built.front.forget()
            materialize(built, small_releases[1], names, quarter)
            put = [key for method, key in built.front.seen if method == "PUT"]
            assert all(f"/{quarter}/" in key for key in put)
            # It fetched this quarter alone.
            files = [*machine.rglob("tables/*/*/*.parquet"), *machine.rglob("raw/quarters/*/*.parquet")]
            assert {file.parent.name for file in files} == {quarter.id}
    made = set(built.names("tables/"))
    on_a_machine("publication")
    materialize(built, small_releases[1], graph.WHOLE)
    # The publication found what it needs of the quarters, but for what compares nothing: nothing was made twice.
    assert {key.split("/")[1] for key in set(built.names("tables/")) - made} <= {"mart_revisions"}
    assert tables_of(built.published(tmp_path)) == tables_of(second_run.database)


def test_a_quarter_is_made_by_any_layer_from_the_archive_alone(built, on_a_machine, small_releases):
    """The bucket has lost all tables: the marts of one quarter are made from its archived lines."""
    for key in built.names("tables/"):
        built.s3.delete_object(Bucket=built.name, Key=f"mcf/{key}")
    on_a_machine("worker")
    materialize(built, small_releases[0], ["mart_trimestre"], Quarter(2020, 2))
    made = {tuple(key.split("/")[1:3]) for key in built.names("tables/")}
    assert {("stg_usagers", "2020-T2"), ("fct_dossiers", "2020-T2"), ("mart_trimestre", "2020-T2")} <= made
    assert {quarter for _, quarter in made} == {"2020-T2"}


def test_what_a_check_found_wrong_is_gone_from_the_bucket(built, on_a_machine, small_releases):
    """Else the next machine would take it for done."""
    on_a_machine("worker")
    space = Workspace(Settings.from_env(source=str(small_releases[0])))
    quarter = Quarter(2020, 2)
    with space.step([quarter]):
        snapshot = space.snapshot()
        path = snapshot.current_file("mart_trimestre", quarter)
        assert path
        assert path.exists()
        space.files.remove(path)
    assert not [key for key in built.names("tables/mart_trimestre/") if "/2020-T2/" in key]


def test_a_table_that_is_damaged_in_the_bucket_is_made_again(built, on_a_machine, small_releases, tmp_path):
    (key,) = [key for key in built.names("tables/mart_trimestre/") if "/2020-T2/" in key]
    whole = built.read(key)
    built.put(key, whole[: len(whole) // 2])
    env = built.machine(tmp_path / "other")
    answer = mcf_here("run", "--source", small_releases[0], **env)
    assert answer.code == 0, answer.err
    assert len(built.read(key)) > len(whole) // 2


def test_a_release_that_the_bucket_lost_is_an_error_and_stays_in_the_copy(
    built, on_a_machine, small_releases, tmp_path
):
    env = built.machine(tmp_path / "cache")
    assert mcf_here("status", **env).code == 0
    built.s3.delete_object(Bucket=built.name, Key="mcf/raw/releases/2021-01-08/manifest.json")
    answer = mcf_here("run", "--source", small_releases[0], **env)
    assert answer.code == 1
    assert f"{built.url} no longer has release 2021-01-08" in answer.error
    assert list((tmp_path / "cache").glob("*/raw/releases/2021-01-08/manifest.json"))
    shutil.rmtree(tmp_path / "cache")
    assert mcf_here("run", "--source", small_releases[0], **env).code == 0
    assert "raw/releases/2021-01-08/manifest.json" in built.names()


def test_a_held_release_is_held_for_every_machine_until_one_accepts_it(built, on_a_machine, small_releases, tmp_path):
    shrunk = rewrite(small_releases[1], tmp_path / "shrunk.csv", without="2020-T1")
    ours, theirs = built.machine(tmp_path / "ours"), built.machine(tmp_path / "theirs")
    assert mcf_here("run", "--source", shrunk, **ours).code == 4
    assert mcf_here("status", "--check", **theirs).code == 4
    assert mcf_here("run", "--accept-release", "2021-04-08", **theirs).code == 0
    assert built.pointer("warehouse")["release_id"] == "2021-04-08"
    releases = json.loads(mcf_here("status", "--json", **ours).out)["releases"]
    assert [(release["release_id"], release["held"]) for release in releases] == [
        ("2021-01-08", []),
        ("2021-04-08", []),
    ]
