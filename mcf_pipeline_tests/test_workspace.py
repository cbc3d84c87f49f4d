"""One data directory: the lock on it, and the fingerprint of what should be published."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mcf_pipeline.errors import BusyError, UsageError
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.sources.file import FileSource
from mcf_pipeline.sources.portal import PortalSource
from mcf_pipeline.sources.sample import SampleSource
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import ingest, lean_quarter, listing, workspace_in
from mcf_pipeline_tests.warehouse.builds import stage_all


@pytest.fixture
def space(tmp_path):
    return workspace_in(tmp_path / "data")


@contextmanager
def held_elsewhere(space: Workspace) -> Iterator[subprocess.Popen]:
    """Another process that holds the directory until it hears a line end."""
    code = "import filelock, sys; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print('held', flush=True)"
    command = [sys.executable, "-c", f"{code}; input()", str(space.data_dir.lock)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process


def test_a_step_inside_a_run_that_holds_the_directory_gets_in_at_once(space):
    with space.lock(timeout=0), workspace_in(space.data_dir.root).lock(timeout=0):
        pass


def test_another_process_waits_and_is_told_who_holds_it(space):
    with space.lock():
        pass
    with held_elsewhere(space) as process:
        with pytest.raises(BusyError, match="another run holds") as caught, space.lock(timeout=0.1):
            pass
        process.communicate(b"\n")
    assert caught.value.exit_code == 5
    with space.lock(timeout=0):
        pass


def test_the_lock_of_a_killed_process_is_free(space):
    with space.lock():
        pass
    with held_elsewhere(space) as process:
        process.kill()
    with space.lock(timeout=0):
        pass


def test_an_error_inside_lets_go_of_the_directory(space):
    with pytest.raises(RuntimeError), space.lock():
        raise RuntimeError
    free = threading.Event()

    def elsewhere() -> None:
        with space.lock(timeout=0):
            free.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert free.is_set()


def test_a_directory_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"), workspace_in(tmp_path / "file").lock():
        pass


@pytest.mark.parametrize(
    ("source", "expected"), [("portal", PortalSource), ("sample", SampleSource), ("/tmp/export.csv", FileSource)]
)
def test_the_source_is_what_the_settings_say(tmp_path, source, expected):
    assert isinstance(workspace_in(tmp_path, source=source).source(), expected)


def test_a_quarter_with_too_many_rejects_is_left_out_and_the_others_go_on(space):
    ingest(space.archive, [*lean_quarter("2024-T1", prix_moyen="cher"), *lean_quarter("2024-T2", prix_moyen="1")])
    assert [q.id for q in space.snapshot().plan.to_do] == ["2024-T1", "2024-T2"]
    snapshot = stage_all(space)
    assert [q.id for q in snapshot.timeline.quarters] == [q.id for q in snapshot.plan.to_do] == ["2024-T2"]
    assert [q.id for q in snapshot.reported.quarters] == ["2024-T1", "2024-T2"]
    assert [(q.id, e.rule) for q, e in space.refusals(snapshot).items()] == [("2024-T1", "trop_de_rejets")]


def test_a_refused_content_of_a_quarter_leaves_the_one_before_it(space):
    """Were it but the past one: a state that no reader may trust is no state, whenever it came."""
    for day, prix in (("2026-01-08", "1"), ("2026-04-08", "cher"), ("2026-07-08", "2")):
        ingest(space.archive, lean_quarter("2024-T1", prix_moyen=prix), day)
    snapshot = stage_all(space)
    (quarter,) = snapshot.timeline.quarters
    states = snapshot.timeline.states[quarter]
    assert [(s.since, s.until) for s in states] == [("2026-01-08", "2026-07-08"), ("2026-07-08", None)]
    assert all(snapshot.files.is_there(snapshot.file("stg_usagers", quarter, state)) for state in states)
    assert space.refusals(snapshot) == {}


def test_other_rules_give_what_was_refused_another_look(space, tmp_path):
    ingest(space.archive, lean_quarter("2024-T1", prix_moyen="cher"))
    snapshot = stage_all(space)
    source_map = tmp_path / "map.toml"
    source_map.write_text('[modalities.genre]\n"X" = "femme"\n')
    assert snapshot.timeline.quarters == []
    assert workspace_in(space.data_dir.root, source_map=source_map).snapshot().timeline.quarters == [Quarter(2024, 1)]


def test_what_version_0_1_derived_is_removed_and_its_archive_stays(space):
    ingest(space.archive, lean_quarter())
    build = space.data_dir.root / "warehouse" / "build.duckdb"
    old = [build, build.with_name("build.duckdb.wal"), space.data_dir.root / "staging" / "2024-T1" / "x.parquet"]
    for path in old:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"old")
    before = listing(space.data_dir.root / "raw")
    assert space.remove_old_build()
    assert not any(path.exists() for path in old)
    assert not space.remove_old_build()
    assert listing(space.data_dir.root / "raw") == before
    assert [q.id for q in space.snapshot().plan.to_do] == ["2024-T1"]


def test_drafts_of_killed_publications_go(space, dead):
    database, page = space.data_dir.published_database, space.data_dir.dashboard
    drafts = [database.with_name(f".{database.name}.{dead}"), database.with_name(f".{database.name}.{dead}.wal")]
    drafts.append(page.with_name(f".{page.name}.{dead}"))
    kept = [database, page, database.with_name("notes.txt")]
    for path in (*drafts, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    space.remove_drafts()
    assert [path for path in drafts if path.exists()] == []
    assert all(path.exists() for path in kept)
