"""A reader of ``package`` finds the old one or the new one, whole, whenever the writer stops."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from mcf_pipeline.errors import PipelineError
from mcf_pipeline.package import writing
from mcf_pipeline.package.state import is_current
from mcf_pipeline.package.writing import write_package
from mcf_pipeline_tests.package.handmade import LINES, publish_handmade


def version(data_dir):
    return json.loads((data_dir.package / "datapackage.json").read_bytes())["version"]


def kept(data_dir):
    return sorted(path.name for path in (data_dir.root / ".package").iterdir())


@pytest.fixture
def data_dir(handmade, tmp_path):
    """A copy to change, with one package made in it."""
    root = tmp_path / "data"
    (root / "warehouse").mkdir(parents=True)
    shutil.copy(handmade.published_database, root / "warehouse")
    data_dir = type(handmade)(root)
    write_package(data_dir)
    return data_dir


@pytest.fixture(scope="module")
def newer(tmp_path_factory):
    """The published file of a later release."""
    return publish_handmade(tmp_path_factory.mktemp("newer"), LINES[:3], "2027-01-08", state="autre").published_database


def test_a_new_package_takes_the_place_of_the_old_one(data_dir, newer):
    old = data_dir.package.resolve()
    shutil.copy(newer, data_dir.published_database)
    write_package(data_dir)
    assert version(data_dir) == "2027-01-08"
    # Whoever has resolved the link goes on reading; the one before that is gone.
    assert (old / "datapackage.json").is_file()
    write_package(data_dir)
    assert not old.exists()
    assert len(kept(data_dir)) == 2


def test_the_package_says_what_it_was_made_from(data_dir, monkeypatch):
    assert is_current(data_dir, "etat")
    assert not is_current(data_dir, "autre")
    (data_dir.package / "datapackage.json").write_text("{", encoding="utf-8")
    assert not is_current(data_dir, "etat")
    data_dir.package.unlink()
    assert not is_current(data_dir, "etat")


@pytest.mark.parametrize("step", ["_write_table", "_write_tables", "_write_json", "_sync_all", "_link"])
def test_a_failure_leaves_the_old_package(data_dir, newer, monkeypatch, step):
    before = kept(data_dir)
    shutil.copy(newer, data_dir.published_database)

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(writing, step, fail)
        with pytest.raises(PipelineError, match="no space left"):
            write_package(data_dir)
    assert version(data_dir) == "2026-10-08"
    assert kept(data_dir) == before
    write_package(data_dir)
    assert version(data_dir) == "2027-01-08"


@pytest.mark.parametrize("step", ["_write_table", "_sync_all", "_link"])
def test_what_a_killed_run_left_is_swept(data_dir, newer, monkeypatch, step):
    shutil.copy(newer, data_dir.published_database)
    pid = os.fork()
    if pid == 0:
        setattr(writing, step, lambda *_: os._exit(9))
        write_package(data_dir)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    assert version(data_dir) == "2026-10-08"
    assert len(kept(data_dir)) == 2
    write_package(data_dir)
    assert version(data_dir) == "2027-01-08"
    assert len(kept(data_dir)) == 2
    assert not list(data_dir.root.glob(".package.link.*"))


def test_a_copy_that_followed_the_link_is_taken_over(data_dir, newer, tmp_path):
    copied = type(data_dir)(shutil.copytree(data_dir.root, tmp_path / "copy"))
    assert not copied.package.is_symlink()
    shutil.copy(newer, copied.published_database)
    write_package(copied)
    assert copied.package.is_symlink()
    assert version(copied) == "2027-01-08"


def test_the_data_directory_can_be_moved(data_dir, tmp_path):
    moved = type(data_dir)(data_dir.root.rename(tmp_path / "elsewhere"))
    assert version(moved) == "2026-10-08"
    assert is_current(moved, "etat")


def test_without_a_warehouse_there_is_nothing_to_package(tmp_path, data_dir):
    with pytest.raises(PipelineError, match="mcf-pipeline run"):
        write_package(type(data_dir)(tmp_path / "empty"))
    assert not (tmp_path / "empty").exists()
