"""The story of a release, with runs that do what Dagster's do: which there are, in which order, and what stops them."""

from __future__ import annotations

import pytest

from mcf_pipeline.duck import scratch
from mcf_pipeline.errors import ContractError, PipelineError
from mcf_pipeline.orchestration.runner import Materialize, follow
from mcf_pipeline.orchestration.steps import Step
from mcf_pipeline.package.writing import write_package
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.settings import Settings
from mcf_pipeline.site.writing import write_dashboard
from mcf_pipeline.sources.file import FileSource
from mcf_pipeline.tables.build import ensure_quarters
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.warehouse.publication import publish
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import csv_bytes, lean_quarter

T1, T2, T3, T4 = (Quarter(2024, number) for number in range(1, 5))


def workspace(tmp_path, *quarters: str, **changes: str) -> Workspace:
    """A source that covers some quarters; its lines with other figures where there are changes."""
    source = tmp_path / "export.csv"
    source.write_bytes(csv_bytes([entry for quarter in quarters for entry in lean_quarter(quarter, **changes)]))
    return Workspace(Settings.from_env({}, source=str(source), data_dir=tmp_path / "data"))


class Runs(list):
    """Runs without Dagster; what each was asked for."""

    def __init__(self, space: Workspace) -> None:
        super().__init__()
        self.space = space

    def __call__(self, snapshot: Snapshot, step: Step | None, ingested: str | None) -> None:
        self.append((step and step.key, ingested))
        if step is None:
            return
        with scratch() as con:
            if step.first:
                stretch = [step.first + place for place in range(step.last - step.first + 1)]
                ensure_quarters(con, self.space.archive, snapshot, stretch)
            if step.makes_whole:
                publish(con, self.space.archive, snapshot)
                write_package(self.space.data_dir)
                write_dashboard(self.space.data_dir)


def followed(space: Workspace, runs: Materialize, **options: bool):
    with space.lock():
        return follow(space, runs, **options)


def test_a_release_is_ingested_built_and_published_in_one_run(tmp_path):
    space = workspace(tmp_path, "2024-T1", "2024-T2")
    runs = Runs(space)
    outcome = followed(space, runs)
    (release_id,) = outcome.ingested
    assert runs == [("2024-T1..2024-T2+whole", release_id)]
    assert (outcome.runs, outcome.plan.new) == (1, [T1, T2])
    assert space.is_published(outcome.snapshot)


class Several(FileSource):
    """A file, and one that was published before it."""

    before: FileSource

    def earlier(self):
        return (self.before,)


def test_each_release_that_was_ingested_has_its_materialization_the_newest_last(tmp_path, monkeypatch):
    space = workspace(tmp_path, "2024-T1", "2024-T2", date_chargement="2024-10-08")
    older = tmp_path / "older.csv"
    older.write_bytes(csv_bytes(lean_quarter("2024-T1", date_chargement="2024-07-08")))
    source = Several(tmp_path / "export.csv")
    source.before = FileSource(older)
    monkeypatch.setattr(space, "source", lambda: source)
    runs = Runs(space)
    outcome = followed(space, runs)
    assert outcome.ingested == ["2024-07-08", "2024-10-08"]
    assert runs == [("2024-T1..2024-T2+whole", "2024-07-08"), (None, "2024-10-08")]


def test_what_is_known_makes_no_run(tmp_path):
    space = workspace(tmp_path, "2024-T1")
    followed(space, Runs(space))
    runs = Runs(space)
    outcome = followed(space, runs)
    assert (runs, outcome.runs, outcome.ingested) == ([], 0, [])
    assert not outcome.verdict.needs_download


def test_one_run_per_unbroken_stretch_and_what_is_published_in_the_last(tmp_path):
    space = workspace(tmp_path, "2024-T1", "2024-T2", "2024-T3", "2024-T4")
    followed(space, Runs(space))
    for quarter in (T1, T3):
        space.snapshot().current_file("fct_dossiers", quarter).unlink()
    space.data_dir.published_database.unlink()
    runs = Runs(space)
    followed(space, runs)
    assert runs == [("2024-T1..2024-T1", None), ("2024-T3..2024-T3+whole", None)]


def test_forced_every_quarter_is_made_once_though_its_files_are_there(tmp_path):
    space = workspace(tmp_path, "2024-T1", "2024-T2", "2024-T4")
    followed(space, Runs(space))
    runs = Runs(space)
    followed(space, runs, force=True)
    assert runs == [("2024-T1..2024-T2", None), ("2024-T4..2024-T4+whole", None)]


def test_without_asking_the_source_the_archive_is_enough(tmp_path):
    space = workspace(tmp_path, "2024-T1")
    space.ingest()
    (tmp_path / "export.csv").unlink()
    runs = Runs(space)
    assert followed(space, runs, ask_source=False).verdict is None
    assert runs == [("2024-T1..2024-T1+whole", None)]


def test_a_refused_quarter_stops_no_other(tmp_path):
    space = workspace(tmp_path, "2024-T1", "2024-T2")
    source = tmp_path / "export.csv"
    bad = lean_quarter("2024-T1", montant_engage="beaucoup")
    source.write_bytes(csv_bytes([*bad, *lean_quarter("2024-T2")]))
    runs = Runs(space)
    outcome = followed(space, runs)
    assert [key for key, _ in runs] == ["2024-T1..2024-T2+whole", "2024-T2..2024-T2+whole"]
    assert runs[0][1], "the run that met it showed the release"
    assert runs[1][1] is None
    assert list(space.refusals(outcome.snapshot)) == [T1]
    assert space.is_published(outcome.snapshot)


def test_another_error_ends_it(tmp_path):
    space = workspace(tmp_path, "2024-T1")

    def materialize(*_: object) -> None:
        raise ContractError("a check failed", rule="controle_bloquant")

    with pytest.raises(ContractError, match="a check failed"):
        followed(space, materialize)
    assert not space.data_dir.published_database.exists()


def test_a_run_that_leaves_everything_to_do_is_not_repeated_without_end(tmp_path):
    space = workspace(tmp_path, "2024-T1")
    runs = []
    with pytest.raises(PipelineError, match="this is a bug"):
        followed(space, lambda *asked: runs.append(asked))
    assert len(runs) == 1
