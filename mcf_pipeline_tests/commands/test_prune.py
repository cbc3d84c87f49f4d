"""``prune``: says what goes before it goes, publishes what stays, and leaves a warehouse that `verify` finds right."""

from __future__ import annotations

import pytest

from mcf_pipeline.settings import DataDir
from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.exports import listing, workspace_in
from mcf_pipeline_tests.test_workspace import held_elsewhere
from mcf_pipeline_tests.warehouse.builds import read

FIGURES = "SELECT * EXCLUDE (release_id_debut_etat) FROM mart_trimestre ORDER BY ALL"


def test_the_newest_releases_stay_and_the_warehouse_is_published(grown):
    database = grown / "warehouse" / "mcf.duckdb"
    before, tree = read(database, FIGURES), listing(grown)
    answer = mcf_here("prune", "--keep", 2, "--dry-run", "--data-dir", grown)
    assert answer.code == 0, answer.err
    plan, last = answer.out.splitlines()
    assert plan.startswith(
        "Would remove 1 of 3 releases: 2021-01-08; with them 2 quarter states from the history and 2 stored quarters: "
    )
    assert plan.endswith("Kept: 2 releases, from 2021-04-08 on.")
    assert last == "Nothing was changed."
    assert listing(grown) == tree

    answer = mcf_here("prune", "--keep", 2, "--data-dir", grown)
    assert answer.code == 0, answer.err
    said, done = answer.out.splitlines()
    assert said == plan.replace("Would remove", "Removing")
    assert done == (
        "Done: the history begins with release 2021-04-08; the current figures are unchanged, and published."
    )
    assert read(database, FIGURES) == before
    assert read(database, "SELECT release_id FROM dim_release ORDER BY 1") == [("2021-04-08",), ("2021-07-08",)]
    first = "SELECT DISTINCT nature, release_precedente_id FROM mart_revisions WHERE release_id = '2021-04-08'"
    assert read(database, first) == [("ajout", None)]
    assert mcf_here("verify", "--data-dir", grown).code == 0

    answer = mcf_here("prune", "--keep", 2, "--data-dir", grown)
    assert (answer.code, answer.out) == (
        0,
        "Nothing to remove: 2 releases archived, 2 of them applied with changes of their own.\n",
    )
    # What is left of a pruned release's bytes is nothing, and a run finds nothing new.
    assert not list((grown / "raw").rglob("*2021-01-08*"))


def test_a_prune_that_was_killed_is_completed_by_the_next_run(grown, small_releases):
    data_dir = DataDir(grown)
    data_dir.pruning.write_text('{"releases": ["2021-01-08"]}')
    answer = mcf_here("run", "--source", small_releases[2], "--data-dir", grown)
    assert answer.code == 0, answer.err
    assert not data_dir.pruning.exists()
    assert sorted(path.name for path in data_dir.releases.iterdir()) == ["2021-04-08", "2021-07-08"]
    assert mcf_here("verify", "--data-dir", grown).code == 0


def test_while_another_run_holds_the_directory_nothing_is_removed(ready):
    before = listing(ready / "raw")
    with held_elsewhere(workspace_in(ready)) as process:
        answer = mcf_here("prune", "--keep", 1, "--data-dir", ready)
        process.communicate(b"\n")
    assert (answer.code, answer.error[:17]) == (5, "another run holds")
    assert listing(ready / "raw") == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Missing option '--keep'"),
        (["--keep", "0"], "0 is not in the range x>=1"),
        (["--keep", "1"], "there is no release under"),
        (["--keep", "1", "--dry-run"], "there is no release under"),
    ],
)
def test_what_cannot_be_done_is_refused_and_makes_no_directory(tmp_path, arguments, said):
    answer = mcf_here("prune", *arguments, "--data-dir", tmp_path / "data")
    assert answer.code == 2
    assert said in answer.error
    assert not (tmp_path / "data").exists()


def test_a_dry_run_builds_nothing(ready):
    for path in (ready / "tables").rglob("*.parquet"):
        path.unlink()
    before = listing(ready)
    answer = mcf_here("prune", "--keep", 1, "--dry-run", "--data-dir", ready)
    assert answer.code == 2
    assert answer.error == "the archive has quarters that are not built yet: run `mcf-pipeline run` first"
    assert listing(ready) == before
