"""Files are the old ones or the new ones; what the disk refuses is reported in words."""

from __future__ import annotations

import errno
import hashlib
import os

import pytest

from mcf_pipeline.errors import PipelineError, UsageError
from mcf_pipeline.files import (
    ensure_writable,
    explain_disk_errors,
    is_disk_full,
    put_in_place,
    remove_left_over,
    remove_left_over_folders,
    sha256_of,
    write_atomically,
)
from mcf_pipeline.notices.memory import Memory
from mcf_pipeline.settings import DataDir
from mcf_pipeline.site.writing import write_dashboard


def test_the_hash_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"abc" * 1_000_000)
    assert sha256_of(path) == hashlib.sha256(b"abc" * 1_000_000).hexdigest()


def test_a_file_is_replaced_and_no_draft_stays(tmp_path):
    path = tmp_path / "sub" / "f"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_whoever_reads_the_old_file_keeps_it(tmp_path):
    path = tmp_path / "f"
    write_atomically(path, b"old")
    with path.open("rb") as reader:
        write_atomically(path, b"new")
        assert reader.read() == b"old"


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_draft(tmp_path):
    path = tmp_path / "f"
    (path / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_atomically(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("writer", "age", "is_left"),
    [
        ("dead", 120, True),
        ("dead", 10, False),  # another container's, for all that can be seen from here
        ("dead", -3600, True),  # written before the clock was set back
        ("alive", 120, False),
        ("ourselves", 120, True),  # an earlier process had our id
        ("nobody", 120, False),
    ],
)
def test_the_next_writer_removes_what_a_killed_one_left(tmp_path, dead, writer, age, is_left):
    path = tmp_path / "f"
    number = {"dead": dead, "alive": os.getppid(), "ourselves": os.getpid(), "nobody": "x"}[writer]
    draft = path.with_name(f".f.{number}")
    draft.write_bytes(b"half")
    then = draft.stat().st_mtime - age
    os.utime(draft, (then, then))
    remove_left_over(path)
    assert draft.exists() is not is_left
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("name", [".probe.{}", ".index.html.{}", ".notices.json.{}"])
def test_no_killed_process_leaves_a_file_for_ever(small_copy, dead, name):
    """Each of them is removed by the next process that writes the same."""
    folder = small_copy.data_dir / ("site" if "html" in name else "")
    left = folder / name.format(dead)
    left.touch()
    os.utime(left, (0, 0))
    ensure_writable(small_copy.data_dir)
    (small_copy.data_dir / "site" / "index.html").unlink()
    write_dashboard(DataDir(small_copy.data_dir))
    Memory().write(DataDir(small_copy.data_dir).notices)
    assert not left.exists()


def test_a_folder_appears_whole(tmp_path):
    new = tmp_path / "new"
    new.mkdir()
    (new / "a").write_text("a")
    put_in_place(new, tmp_path / "final")
    assert not new.exists()
    assert (tmp_path / "final" / "a").read_text() == "a"


def test_a_folder_never_replaces_one(tmp_path):
    for name in ("new", "final"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
    with pytest.raises(OSError, match="not empty"):
        put_in_place(tmp_path / "new", tmp_path / "final")
    assert (tmp_path / "final" / "a").read_text() == "final"


def test_a_writable_folder_is_made_and_left_empty(tmp_path):
    ensure_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_place_of_the_folder_is_refused_with_what_to_do(tmp_path, place):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"cannot be written .*--data-dir or MCF_DATA_DIR"):
        ensure_writable(tmp_path / place)


@pytest.mark.parametrize(
    ("number", "expected", "message"),
    [
        (errno.ENOSPC, PipelineError, "no space left on the disk under /d/f"),
        (errno.EDQUOT, PipelineError, "no space left on the disk under /d/f"),
        (errno.EACCES, UsageError, "/d/f cannot be written"),
        (errno.EPERM, UsageError, "/d/f cannot be written"),
        (errno.EROFS, UsageError, "/d/f cannot be written"),
        (errno.EIO, OSError, "Input/output error"),
    ],
)
def test_what_the_disk_refuses_is_told_in_words(number, expected, message):
    with pytest.raises(expected, match=message) as caught, explain_disk_errors():
        raise OSError(number, "Input/output error", "/d/f")
    assert type(caught.value) is expected


def test_errors_that_came_from_each_other_are_looked_at_once():
    """Dagster makes such: the search for a full disk went round for ever, and the command line with it."""
    first, second = ValueError("a"), KeyError("b")
    first.__context__, second.__context__ = second, first
    assert not is_disk_full(first)
    second.args = ("No space left on device",)
    assert is_disk_full(first)


def test_temporary_folders_of_killed_processes_go_and_no_others(tmp_path, dead):
    mine = tmp_path / f"work-{os.getpid()}"
    kept = [mine, tmp_path / f"work-{os.getppid()}", tmp_path / "work-notes", tmp_path / f"other-{dead}"]
    gone = tmp_path / f"work-{dead}"
    for folder in (*kept, gone):
        folder.mkdir()
        (folder / "rows").write_text("x")
    remove_left_over_folders(mine)
    assert gone.exists(), "it may be that of a process in another container"
    for folder in (*kept, gone):
        os.utime(folder, (0, 0))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    # The temporary folder is everybody's: a link in it must not lead anywhere.
    (tmp_path / "work-999999999").symlink_to(elsewhere)
    remove_left_over_folders(mine)
    assert not gone.exists()
    assert all((folder / "rows").exists() for folder in kept)
    assert elsewhere.is_dir()
