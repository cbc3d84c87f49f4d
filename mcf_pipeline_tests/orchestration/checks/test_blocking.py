"""What a red check stops: nothing that comes after it is made, and no later run publishes what it found wrong."""

from __future__ import annotations

import dagster as dg
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from mcf_pipeline.definitions import ASSETS
from mcf_pipeline.orchestration.jobs import selection_of
from mcf_pipeline.orchestration.runner import upcoming
from mcf_pipeline.tables import facts, marts
from mcf_pipeline_tests.commands.terminal import kept, mcf_here
from mcf_pipeline_tests.orchestration.assets import graph
from mcf_pipeline_tests.orchestration.checks.evaluating import evaluate, failed
from mcf_pipeline_tests.warehouse.builds import contents


def wrong_mart(monkeypatch: pytest.MonkeyPatch) -> None:
    """`mart_statut` counts a line too many."""
    right = marts.query
    monkeypatch.setattr(
        marts,
        "query",
        lambda name: (
            f"SELECT * REPLACE (nb_lignes + 1 AS nb_lignes) FROM ({right(name)})"
            if name == "mart_statut"
            else right(name)
        ),
    )


def wrong_fact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line of `fct_dossiers` is there twice."""
    right = facts.fact_sql
    monkeypatch.setattr(
        facts,
        "fact_sql",
        lambda model, lines, columns: (
            f"{right(model, lines, columns)} UNION ALL {right(model, lines, columns)}"
            if model is facts.FctDossiers
            else right(model, lines, columns)
        ),
    )


@pytest.fixture
def second_release(small_copy, small_releases):
    """The second release is archived beside the first, which is published."""
    with dg.DagsterInstance.ephemeral() as instance:
        graph.ingest(small_copy.data_dir, small_releases[1], instance)
    return graph.open_workspace(small_copy.data_dir, small_releases[1])


@pytest.mark.parametrize(
    ("mistake", "red", "not_made"),
    [
        (wrong_fact, ("fct_dossiers", "cle_unique"), "mart_region"),
        (wrong_mart, ("mart_statut", "egal_aux_faits"), "warehouse"),
    ],
)
def test_what_comes_after_a_red_check_is_not_made(second_release, monkeypatch, small_releases, mistake, red, not_made):
    data_dir = second_release.data_dir.root
    before, snapshot = kept(data_dir), second_release.snapshot()
    step = upcoming(second_release, snapshot)
    names = [key.to_user_string() for key in selection_of(step, ASSETS)]
    with dg.DagsterInstance.ephemeral() as instance:
        with monkeypatch.context() as patch:
            mistake(patch)
            evaluations = evaluate(
                data_dir, names, first=step.first.partition_key, last=step.last.partition_key, instance=instance
            )
        assert (*red, None, "ERROR") in failed(evaluations)
        assert graph.materialized(instance, [not_made, "warehouse", "data_package"]) == []
        assert kept(data_dir) == before

        # What is wrong is to be made again, and not to be published.
        again = second_release.snapshot()
        assert upcoming(second_release, again) == step
        graph.follow_plan(data_dir, small_releases[1], instance)
    assert second_release.is_published(second_release.snapshot())
    assert kept(data_dir)["warehouse/mcf.duckdb"] != before["warehouse/mcf.duckdb"]


def test_the_command_line_ends_with_4_and_the_next_run_goes_on(small_copy, second_run, small_releases, monkeypatch):
    arguments = ("run", "--source", small_releases[1], "--data-dir", small_copy.data_dir)
    published = kept(small_copy.data_dir)["warehouse/mcf.duckdb"]
    with monkeypatch.context() as patch:
        wrong_mart(patch)
        answer = mcf_here(*arguments)
        assert answer.code == 4
        assert "a check failed and what depends on it was not built" in answer.error
        assert "egal_aux_faits" in answer.error
        assert kept(small_copy.data_dir)["warehouse/mcf.duckdb"] == published
        assert mcf_here(*arguments).code == 4, "it is as wrong the second time"
    answer = mcf_here(*arguments)
    assert answer.code == 0, answer.err
    assert contents(small_copy.database) == contents(second_run.database)


def test_a_file_that_a_check_found_wrong_is_made_again_by_the_next_run(small_copy):
    space = graph.open_workspace(small_copy.data_dir, small_copy.csv)
    before = contents(small_copy.database)
    quarter = space.snapshot().timeline.quarters[1]
    path = space.snapshot().revisions_file(quarter)
    whole = pq.read_table(path)
    place = whole.schema.get_field_index("montant_apres")
    field = whole.schema.field(place)
    pq.write_table(whole.set_column(place, field, pc.add(whole["montant_apres"], 1).cast(field.type)), path)
    evaluations = evaluate(small_copy.data_dir, ["mart_revisions"])
    assert failed(evaluations) == [("mart_revisions", "egal_aux_faits", None, "ERROR")]
    assert space.snapshot().plan.to_do == [quarter]
    with dg.DagsterInstance.ephemeral() as instance:
        graph.follow_plan(small_copy.data_dir, small_copy.csv, instance)
    assert pq.read_table(path).equals(whole)
    assert contents(small_copy.database) == before
