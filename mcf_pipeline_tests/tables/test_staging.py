"""Staging on disk: each state read once, refused where too much of it is broken, found damaged where it is."""

from __future__ import annotations

import shutil

import pyarrow.parquet as pq
import pytest

from mcf_pipeline.archive.store import Archive
from mcf_pipeline.errors import ArchiveError
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.tables.staging import Staging, read_head, refusal
from mcf_pipeline_tests.exports import archive_in, lean, take_in
from mcf_pipeline_tests.warehouse.told import T1, T2

QUARTER = Quarter(2024, 1)


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Archive:
    archive = archive_in(tmp_path_factory.mktemp("archive"))
    take_in(archive, [*T1, *T2], "2026-10-08")
    return archive


@pytest.fixture
def staging(archive, tmp_path) -> Staging:
    """A staging of its own, of a copy of the archive."""
    shutil.copytree(archive.data_dir.root / "raw", tmp_path / "raw")
    return Staging(archive_in(tmp_path), "rules")


def state_of(staging: Staging):
    return staging.archive.timeline().current(QUARTER)


def test_a_state_is_staged_with_what_there_is_to_say_of_it(staging):
    staged = staging.stage(QUARTER, state_of(staging))
    assert (staged.received, staged.valid, staged.masked, staged.rejected) == (3, 3, 1, 0)
    assert {path.name for path in staged.folder.iterdir()} == {
        "usagers.parquet",
        "financements.parquet",
        "rejets.parquet",
        "summary.json",
    }
    assert pq.read_table(staged.file("usagers")).num_rows == 3
    assert list(read_head(staged, "usagers", rows=2)["trimestre_id"]) == ["2024-T1"] * 2
    assert staging.find(QUARTER, state_of(staging)) == staged


def test_what_was_staged_is_not_read_again_unless_asked(staging):
    state = state_of(staging)
    first = staging.stage(QUARTER, state)
    (first.folder / "mark").touch()
    assert (staging.stage(QUARTER, state).folder / "mark").exists()
    assert not (staging.stage(QUARTER, state, anew=True).folder / "mark").exists()


def test_other_rules_stage_anew_and_beside(staging):
    state = state_of(staging)
    staged = staging.stage(QUARTER, state)
    other = Staging(staging.archive, "other rules")
    assert other.find(QUARTER, state) is None
    assert other.stage(QUARTER, state).folder != staged.folder


@pytest.mark.parametrize("content", [None, b"", b'{"received": 3'], ids=["missing", "empty", "cut"])
def test_a_state_without_its_summary_is_not_staged(staging, content):
    state = state_of(staging)
    summary = staging.stage(QUARTER, state).folder / "summary.json"
    if content is None:
        summary.unlink()
    else:
        summary.write_bytes(content)
    assert staging.find(QUARTER, state) is None
    assert staging.stage(QUARTER, state).valid == 3


def test_no_draft_stays(staging):
    staging.stage(QUARTER, state_of(staging))
    assert [path.name for path in (staging.data_dir.staging / QUARTER.id).iterdir() if path.name.startswith(".")] == []


def test_pruning_keeps_the_states_that_count(staging):
    state = state_of(staging)
    kept = staging.stage(QUARTER, state)
    Staging(staging.archive, "old rules").stage(QUARTER, state)
    (kept.folder.parent / ".draft.killed").mkdir()
    staging.prune(QUARTER, [state])
    assert list(kept.folder.parent.iterdir()) == [kept.folder]


def test_pruning_what_was_never_staged_does_nothing(staging):
    staging.prune(Quarter(2020, 1), [])


def quarter_of(count: int, bad: int) -> list:
    return [lean(region=f"R{i}", nb_dossiers="x" if i < bad else "10") for i in range(count)]


@pytest.mark.parametrize(("count", "is_refused"), [(100, False), (99, True)])
def test_a_quarter_with_more_than_one_rejected_line_in_a_hundred_is_refused(tmp_path, count, is_refused):
    archive = archive_in(tmp_path)
    take_in(archive, quarter_of(count, 1))
    staged = Staging(archive, "rules").stage(QUARTER, archive.timeline().current(QUARTER))
    assert (staged.rejected, staged.is_refused) == (1, is_refused)


def test_a_refusal_names_the_three_commonest_reasons(tmp_path):
    archive = archive_in(tmp_path)
    lines = [
        *(lean(region=f"A{i}", nb_dossiers="x") for i in range(4)),
        *(lean(region=f"B{i}", montant_engage="-1") for i in range(3)),
        *(lean(region=f"C{i}", nb_titulaires="y") for i in range(2)),
        lean(region="D", part_etat="z"),
    ]
    take_in(archive, lines)
    error = refusal(QUARTER, Staging(archive, "rules").stage(QUARTER, archive.timeline().current(QUARTER)))
    assert (error.rule, error.exit_code) == ("trop_de_rejets", 4)
    assert (
        "2024-T1: 10 of 10 lines rejected, more than 1%: nombre_illisible in nb_dossiers (4 lines); "
        "nombre_negatif in montant_engage (3 lines); nombre_illisible in nb_titulaires (2 lines)" in str(error)
    )


def flip(path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [flip, lambda path: path.unlink()], ids=["a flipped bit", "missing"])
def test_damaged_lines_are_never_read(staging, damage):
    state = state_of(staging)
    damage(staging.archive.quarter_file(QUARTER, state.sha256))
    with pytest.raises(ArchiveError, match="is missing or damaged: `mcf-pipeline rebuild` makes it again"):
        staging.stage(QUARTER, state)


def test_missing_line_numbers_are_found(staging):
    staging.archive.lines_file("2026-10-08").unlink()
    with pytest.raises(ArchiveError, match=r"lignes\.parquet is missing or damaged"):
        staging.stage(QUARTER, state_of(staging))


def test_damaged_line_numbers_are_never_read(staging):
    flip(staging.archive.lines_file("2026-10-08"))
    with pytest.raises(ArchiveError, match=r"lignes\.parquet is missing or damaged"):
        staging.stage(QUARTER, state_of(staging))
