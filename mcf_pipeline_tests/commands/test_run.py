"""``run``: its summary, its exit codes, and what a second run does."""

import shutil

import dagster as dg
import duckdb
import pytest

from mcf_pipeline.commands.run import FIRST_QUERY
from mcf_pipeline.orchestration.instance import open_instance
from mcf_pipeline_tests.commands.terminal import kept, mcf_here
from mcf_pipeline_tests.orchestration.assets import graph, small
from mcf_pipeline_tests.warehouse.builds import contents


def events_of(data_dir, monkeypatch, name):
    """Materializations of an asset in the persistent instance, newest first: partition and release."""
    monkeypatch.setenv("MCF_DATA_DIR", str(data_dir))
    with open_instance() as instance:
        records = instance.fetch_materializations(dg.AssetKey(name), limit=100).records
        return [(r.partition_key, r.asset_materialization.metadata["release_id"].value) for r in records]


def test_the_summary_says_what_was_done_and_what_to_type_next(first_run):
    with duckdb.connect(first_run.database, read_only=True) as con:
        lines, masked = con.execute("SELECT count(*), sum(est_masque::INT) FROM fct_dossiers").fetchone()
    *said, following = first_run.answer.out.splitlines()
    assert said == [
        "Release 2021-01-08: 4 quarters new, 0 changed, 0 unchanged.",
        f"{lines:,} lines, {masked:,} of them masked, 0 rejected; 4 quarters, 2020-T1 to 2020-T4; 1 release archived.",
        f"Warehouse: {first_run.database}",
        f"Dashboard: {first_run.database.parents[1] / 'site' / 'index.html'}",
    ]
    assert following.startswith("Next: mcf-pipeline sql --data-dir ")
    assert following.endswith(f'data "{FIRST_QUERY}"')
    assert "SYNTHETIC data" in first_run.answer.err


def test_the_materializations_of_a_run_stand_in_the_ui(first_run, monkeypatch):
    made = events_of(first_run.data_dir, monkeypatch, "mart_region")
    keys = ["2020-10-01", "2020-07-01", "2020-04-01", "2020-01-01"]
    assert made == [(key, "2021-01-08") for key in keys]
    assert events_of(first_run.data_dir, monkeypatch, "warehouse") == [(None, "2021-01-08")]


def test_a_run_writes_nothing_outside_its_data_directory(first_run):
    assert [path.name for path in first_run.data_dir.parent.iterdir()] == ["data"]


def test_a_second_run_finds_nothing_and_touches_nothing(ready, first_run):
    before = kept(ready), (ready / "dagster" / "storage" / "history" / "runs.db").stat().st_mtime_ns
    answer = mcf_here("run", "--source", first_run.csv, "--data-dir", ready)
    assert answer.code == 0
    assert answer.out.startswith("Nothing new: unchanged (sha256: ")
    assert "Nothing was materialized." in answer.out
    after = kept(ready), (ready / "dagster" / "storage" / "history" / "runs.db").stat().st_mtime_ns
    assert after == before


def test_the_next_release_is_taken_in_and_counted(second_run):
    assert second_run.answer.code == 0, second_run.answer.err
    assert "Release 2021-04-08: 1 quarters new, 2 changed, 2 unchanged." in second_run.answer.out


def test_force_makes_every_quarter_anew(ready, first_run, monkeypatch):
    answer = mcf_here("run", "--source", first_run.csv, "--data-dir", ready, "--force")
    assert answer.code == 0, answer.err
    made = events_of(ready, monkeypatch, "mart_statut")
    assert len(made) == 8
    assert {partition for partition, _ in made[:4]} == {
        "2020-01-01",
        "2020-04-01",
        "2020-07-01",
        "2020-10-01",
    }


def test_an_unknown_modality_is_published_by_the_first_run(first_run, tmp_path):
    """It needs its row in the dimension before the facts that hold it can be published."""
    release = small.rewrite(first_run.csv, tmp_path / "new_region.csv", [("2020-T4", {"region": "atlantide"})])
    answer = mcf_here("run", "--source", release, "--data-dir", tmp_path / "data")
    assert answer.code == 0, answer.err
    reported = "Unknown modalities, kept apart: region 'atlantide' (1 lines). If one means a known modality,"
    assert reported in answer.out
    assert reported in mcf_here("status", "--data-dir", tmp_path / "data").out
    with duckdb.connect(tmp_path / "data" / "warehouse" / "mcf.duckdb", read_only=True) as con:
        found = con.execute("SELECT libelle FROM dim_region WHERE NOT est_connue").fetchall()
    assert found == [("atlantide",)]


def test_a_quarter_with_too_many_rejects_ends_with_4_and_the_others_published(ready, small_releases, tmp_path):
    nonsense = [("2020-T3", {"nb_titulaires": "beaucoup"})] * 5 + [("2020-T3", {"montant_engage": "-1"})] * 4
    release = small.rewrite(small_releases[1], tmp_path / "broken.csv", nonsense)
    answer = mcf_here("run", "--source", release, "--data-dir", ready)
    assert answer.code == 4
    assert answer.error.startswith("2020-T3: 9 of ")
    assert "nombre_illisible in nb_titulaires (5 lines); nombre_negatif in montant_engage (4 lines)" in answer.error
    with duckdb.connect(ready / "warehouse" / "mcf.duckdb", read_only=True) as con:
        current = dict(con.execute("SELECT trimestre_id, release_id_debut_etat FROM mart_trimestre").fetchall())
    assert (current["2020-T3"], current["2021-T1"]) == ("2021-01-08", "2021-04-08")


@pytest.fixture
def of_version_01(ready):
    """A data directory as version 0.1 left it: with a build database, and a published file of another structure."""
    shutil.rmtree(ready / "tables")
    (ready / "staging" / "2020-T1").mkdir(parents=True)
    (ready / "staging" / "2020-T1" / "usagers.parquet").write_bytes(b"PAR1")
    (ready / "warehouse" / "build.duckdb.wal").write_bytes(b"")
    (ready / "warehouse" / "mcf.duckdb").unlink()
    for name in ("build.duckdb", "mcf.duckdb"):
        with duckdb.connect(ready / "warehouse" / name) as con:
            con.execute("CREATE TABLE meta_publication AS SELECT 'x' AS etat")
    return ready


def test_a_data_directory_of_version_0_1_is_taken_over(of_version_01, first_run):
    before = {name: digest for name, digest in kept(of_version_01).items() if name.startswith("raw/")}
    answer = mcf_here("run", "--source", first_run.csv, "--data-dir", of_version_01)
    assert answer.code == 0, answer.err
    said = "This data directory was made by version 0.1: its releases in raw/ are kept, and everything else is rebuilt"
    assert answer.err.count(said) == 1
    assert "Release 2021-01-08: 4 quarters new, 0 changed, 0 unchanged." in answer.out
    assert not (of_version_01 / "staging").exists()
    assert [path.name for path in (of_version_01 / "warehouse").iterdir()] == ["mcf.duckdb"]
    after = kept(of_version_01)
    assert {name: after.get(name) for name in before} == before
    assert contents(of_version_01 / "warehouse" / "mcf.duckdb") == contents(first_run.database)
    again = mcf_here("run", "--source", first_run.csv, "--data-dir", of_version_01)
    assert again.out.startswith("Nothing new: ")
    assert said not in again.err


def test_synthetic_and_real_releases_never_mix(ready, first_run, tmp_path):
    real = tmp_path / "real.csv"
    header, *lines = first_run.csv.read_text(encoding="utf-8-sig").splitlines()
    assert header.endswith(";donnees_synthetiques")
    real.write_text("\n".join(line.rpartition(";")[0] for line in [header, *lines]), encoding="utf-8")
    before = kept(ready)
    answer = mcf_here("run", "--source", real, "--data-dir", ready)
    assert answer.code == 2
    assert "this release is real and the data directory holds synthetic ones" in answer.error
    assert kept(ready) == before


def test_a_release_that_lost_a_quarter_waits_until_it_is_accepted(ready, small_releases, tmp_path):
    shrunk = small.rewrite(small_releases[1], tmp_path / "shrunk.csv", without="2020-T2")
    published = kept(ready)["warehouse/mcf.duckdb"]
    held = mcf_here("run", "--source", shrunk, "--data-dir", ready)
    assert held.code == 4
    assert "2020-T2 vanished" in held.error
    assert "--accept-release 2021-04-08" in held.error
    assert kept(ready)["warehouse/mcf.duckdb"] == published
    accepted = mcf_here("run", "--source", shrunk, "--data-dir", ready, "--accept-release", "2021-04-08")
    assert accepted.code == 0, accepted.err
    with duckdb.connect(ready / "warehouse" / "mcf.duckdb", read_only=True) as con:
        (quarters,) = con.execute("SELECT list(trimestre_id ORDER BY trimestre_id) FROM mart_trimestre").fetchone()
    assert quarters == ["2020-T1", "2020-T3", "2020-T4", "2021-T1"]


def test_a_release_that_is_not_there_cannot_be_accepted(ready):
    answer = mcf_here("run", "--source", "portal", "--data-dir", ready, "--accept-release", "2031-01-01")
    assert answer.code == 2
    assert "no release '2031-01-01' in the archive; it holds: 2021-01-08" in answer.error


@pytest.mark.parametrize("scale", [0.05])
def test_the_releases_that_sample_writes_are_applied_one_after_the_other(tmp_path, scale):
    """A quarter that matures has fewer lines each time; the guards must not take that for an accident."""
    with dg.DagsterInstance.ephemeral() as instance:
        for release in small.write_releases(tmp_path / "releases", 4):
            graph.job_of(tmp_path / "data", release).execute_in_process(
                instance=instance, asset_selection=graph.INTAKE, run_config=graph.QUIET
            )
    snapshot = graph.open_workspace(tmp_path / "data", "portal").snapshot()
    assert [manifest.release_id for manifest in snapshot.timeline.releases] == [
        "2021-01-08",
        "2021-04-08",
        "2021-07-08",
        "2021-10-08",
    ]
