"""Pruning real archives: the figures stay, the history begins later, and a kill at any step leaves all or nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mcf_pipeline.archive.retention import retain
from mcf_pipeline.archive.store import Archive
from mcf_pipeline.errors import ArchiveError, HeldReleaseError
from mcf_pipeline.warehouse.verification import verify_archive, verify_warehouse
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import Line, archive_in, ingest, lean_quarter, listing, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all, contents, published

T1, T2, T3 = lean_quarter("2024-T1"), lean_quarter("2024-T2"), lean_quarter("2024-T3")
CHANGED = lean_quarter("2024-T1", statut_dossier="Rejeté")
CHANGED_AGAIN = lean_quarter("2024-T1", genre="Homme")
BROKEN = lean_quarter("2024-T1", prix_moyen="cher")
"""Every line is rejected, so the quarter is refused."""

Told = tuple[str, Sequence[Line]]
GROWING: list[Told] = [
    ("2024-08-08", [*T1, *T2]),
    ("2025-01-08", [*CHANGED, *T2]),
    ("2025-04-08", [*CHANGED, *T2, *T3]),
    ("2025-07-08", [*CHANGED_AGAIN, *T2, *T3]),
]
SEQUENCES: dict[str, tuple[list[Told], int, list[str]]] = {
    # what is ingested, in this order; how many to keep; the releases that stay
    "late ones, and a repetition": (
        [GROWING[3], GROWING[0], ("2025-05-08", GROWING[2][1]), GROWING[2], GROWING[1]],
        2,
        ["2025-04-08", "2025-05-08", "2025-07-08"],
    ),
    "a quarter that vanished, one that was refused": (
        [("2024-08-08", [*T1, *T2, *T3]), ("2025-01-08", [*BROKEN, *T2]), ("2025-04-08", [*CHANGED, *T2])],
        1,
        ["2025-04-08"],
    ),
}
ACCEPTED = "2025-01-08"
"""Accepted wherever it is held; nothing else is held."""


def take_in(space: Workspace, told: Sequence[Told]) -> None:
    for day, lines in told:
        with contextlib.suppress(HeldReleaseError):
            ingest(space.archive, lines, day)
    if ACCEPTED in space.archive.held():
        space.archive.accept(ACCEPTED)


def retention_of(space: Workspace, keep: int):
    snapshot = space.snapshot()
    return retain(snapshot.manifests, space.archive.accepted(snapshot.manifests), snapshot.refused_contents, keep)


def figures(space: Workspace) -> dict[str, list[tuple]]:
    """The current tables; without since when a figure stands, which is what pruning changes."""
    found = {}
    for table in ("fct_dossiers", "fct_financements", *published_marts(space), "v_annee", "v_trimestre_evolution"):
        since = [
            name
            for (name,) in published(
                space,
                "SELECT column_name FROM duckdb_columns() WHERE table_name = ? AND column_name LIKE ?",
                [table, "release_id%"],
            )
        ]
        left_out = f"* EXCLUDE ({', '.join(since)})" if since else "*"
        found[table] = published(space, f"SELECT {left_out} FROM {table} ORDER BY ALL")
    return found


def published_marts(space: Workspace) -> list[str]:
    query = "SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'mart%' AND table_name <> 'mart_revisions'"
    return [name for (name,) in published(space, f"{query} ORDER BY 1")]


def problems(space: Workspace) -> list[str]:
    return [*verify_archive(space.archive), *verify_warehouse(space.archive, space.snapshot())]


@pytest.mark.parametrize("name", SEQUENCES)
def test_figures_stay_and_the_history_is_that_of_the_kept_releases(name, tmp_path):
    told, keep, expected = SEQUENCES[name]
    space = workspace_in(tmp_path / "pruned")
    take_in(space, told)
    build_all(space)
    before, size = figures(space), sum(map(len, listing(tmp_path / "pruned" / "raw")))
    as_told = {
        day: published(space, f"SELECT * EXCLUDE (release_id) FROM dossiers_au('{day}') ORDER BY ALL")
        for (day,) in published(space, "SELECT release_id FROM dim_release")
    }

    space.archive.prune(retention_of(space, keep))
    assert [m.release_id for m in space.archive.manifests()] == expected
    build_all(space)
    assert figures(space) == before
    for (day,) in published(space, "SELECT release_id FROM dim_release"):
        told_now = published(space, f"SELECT * EXCLUDE (release_id) FROM dossiers_au('{day}') ORDER BY ALL")
        assert told_now == as_told[day]
    assert problems(space) == []
    assert sum(map(len, listing(tmp_path / "pruned" / "raw"))) < size

    # As if the pipeline had been begun with the first of them.
    fresh = workspace_in(tmp_path / "fresh")
    take_in(fresh, [entry for entry in told if entry[0] in expected])
    build_all(fresh)
    assert contents(space.data_dir.published_database) == contents(fresh.data_dir.published_database)
    assert listing(space.data_dir.quarters) == listing(fresh.data_dir.quarters)


def test_a_quarter_that_rests_on_an_old_release_keeps_it(tmp_path):
    space = workspace_in(tmp_path)
    take_in(space, [("2024-08-08", [*T1, *T2]), ("2025-04-08", [*BROKEN, *T2]), ("2025-07-08", [*BROKEN, *T2, *T3])])
    build_all(space)
    before = listing(tmp_path / "raw")
    found = retention_of(space, 1)
    assert (found.removed, found.applied) == ((), 3)
    assert found.reason == "2024-T1 of release 2025-07-08 was refused, so it shows what release 2024-08-08 says of it"
    assert listing(tmp_path / "raw") == before


# -- killed ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def grown_once(tmp_path_factory) -> Path:
    """Four releases, and one that is held between the first two."""
    folder = tmp_path_factory.mktemp("grown")
    for day, lines in [*GROWING, ("2024-11-08", T2)]:
        with contextlib.suppress(HeldReleaseError):
            ingest(archive_in(folder), lines, day)
    return folder


def pruned(archive: Archive) -> None:
    manifests = archive.manifests()
    archive.prune(retain(manifests, archive.accepted(manifests), (), 2))


def killed_at(step: int, archive: Archive) -> bool:
    """Prune in a process that dies before a step on the disk; whether it came to that."""
    child = os.fork()
    if child == 0:
        left = [step]

        def count(event: str, arguments: tuple) -> None:
            if event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir"):
                if not left[0]:
                    os._exit(9)
                left[0] -= 1

        sys.addaudithook(count)
        try:
            pruned(archive)
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9)
    return code == 9


def test_killed_at_any_step_all_of_them_are_there_or_none(grown_once, tmp_path):
    whole = tmp_path / "whole"
    shutil.copytree(grown_once, whole)
    before = [m.release_id for m in archive_in(whole).manifests()]
    pruned(archive_in(whole))
    after, files = [m.release_id for m in archive_in(whole).manifests()], listing(whole / "raw")
    assert (len(before), len(after)) == (5, 2)

    seen, step = [], 0
    while True:
        folder = tmp_path / f"killed-{step}"
        shutil.copytree(grown_once, folder)
        archive = archive_in(folder)
        was_killed = killed_at(step, archive)
        found = [m.release_id for m in archive.manifests()]
        assert found in (before, after)
        assert list(verify_archive(archive)) == []
        assert set(archive.held()) == {"2024-11-08"} & set(found)
        seen.append(found == after)
        # The next intake completes what was begun; the next prune does all of it.
        assert not ingest(archive, GROWING[3][1], GROWING[3][0]).is_new
        assert listing(folder / "raw") == (files if found == after else listing(grown_once / "raw"))
        pruned(archive)
        assert listing(folder / "raw") == files
        if not was_killed:
            break
        shutil.rmtree(folder)
        step += 1
    assert seen == sorted(seen)
    assert sum(seen) > 10
    assert not seen[0]


def test_a_pruned_release_can_be_taken_in_again(grown_once, tmp_path):
    """Even where the pruning of it was not completed."""
    shutil.copytree(grown_once, tmp_path / "data")
    archive = archive_in(tmp_path / "data")
    killed_at(2, archive)
    assert "2024-08-08" not in [m.release_id for m in archive.manifests()]
    assert ingest(archive, GROWING[0][1], GROWING[0][0]).is_new
    assert [m.release_id for m in archive.manifests()] == ["2024-08-08", "2025-04-08", "2025-07-08"]
    assert list(verify_archive(archive)) == []


def test_a_damaged_list_of_what_goes_stops_every_reading(grown_once, tmp_path):
    shutil.copytree(grown_once, tmp_path / "data")
    archive = archive_in(tmp_path / "data")
    archive.data_dir.pruning.write_text("{")
    with pytest.raises(ArchiveError, match=r"pruning\.json is damaged"):
        archive.manifests()


def test_whoever_only_looks_meanwhile_sees_all_or_none(grown_once, tmp_path, monkeypatch):
    """A folder that goes between being listed and being read is no damage."""
    shutil.copytree(grown_once, tmp_path / "data")
    archive = archive_in(tmp_path / "data")
    listed = archive.release_folders()
    pruned(archive)
    answers = [listed]
    real = Archive.release_folders
    monkeypatch.setattr(Archive, "release_folders", lambda self: answers.pop() if answers else real(self))
    assert [m.release_id for m in archive.manifests()] == ["2025-04-08", "2025-07-08"]
