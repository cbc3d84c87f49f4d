"""A folder becomes a bucket: a backup of the folder, restored into an empty prefix."""

from __future__ import annotations

import json

import pytest

from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.end_to_end.story import tables_of
from mcf_pipeline_tests.remote.conftest import copy_of

pytestmark = pytest.mark.slow


@pytest.fixture
def backed_up(small_copy, small_releases, tmp_path):
    """A backup of a folder with two releases."""
    assert mcf_here("run", "--source", small_releases[1], "--data-dir", small_copy.data_dir).code == 0
    assert mcf_here("backup", tmp_path / "backup", "--data-dir", small_copy.data_dir).code == 0
    return tmp_path / "backup"


def test_every_machine_builds_from_it_what_the_folder_held(backed_up, bucket, small_copy, tmp_path):
    answer = mcf_here("restore", backed_up, **bucket.machine(tmp_path / "cache"))
    assert answer.code == 0, answer.err
    assert "2 releases" in answer.out
    assert not [name for name in bucket.names() if not name.startswith("raw/")]

    other = bucket.machine(tmp_path / "other")
    answer = mcf_here("rebuild", **other)
    assert answer.code == 0, answer.err
    assert tables_of(bucket.published(tmp_path)) == tables_of(small_copy.database)
    assert mcf_here("verify", **other).code == 0

    # And back.
    assert mcf_here("backup", tmp_path / "back", **other).code == 0
    assert mcf_here("restore", tmp_path / "back", "--data-dir", tmp_path / "folder").code == 0
    kept = {path.relative_to(small_copy.data_dir) for path in (small_copy.data_dir / "raw").rglob("*.parquet")}
    assert {path.relative_to(tmp_path / "folder") for path in (tmp_path / "folder" / "raw").rglob("*.parquet")} == kept


def test_a_bucket_that_holds_something_is_refused(backed_up, bucket, tmp_path):
    bucket.put("notes.txt", b"somebody else's")
    answer = mcf_here("restore", backed_up, **bucket.machine(tmp_path / "cache"))
    assert (answer.code, answer.out) == (2, "")
    assert "is not empty (it holds notes.txt)" in " ".join(answer.err.split())
    assert bucket.names() == ["notes.txt"]


def test_what_could_not_be_sent_the_next_run_sends(backed_up, bucket, small_releases, tmp_path):
    env = bucket.machine(tmp_path / "cache") | {"MCF_LIMIT_STORE_ATTEMPTS": "1"}
    second = json.loads(mcf_here("status", "--json", "--data-dir", tmp_path / "data").out)["releases"][-1]["release_id"]
    bucket.front.before = lambda method, key: 503 if method == "PUT" and second in key else None
    answer = mcf_here("restore", backed_up, **env)
    assert answer.code == 3, answer.err
    assert len([name for name in bucket.names("raw/releases/") if name.endswith("manifest.json")]) == 1

    bucket.front.before = lambda method, key: None
    answer = mcf_here("run", "--source", small_releases[1], **env)
    assert answer.code == 0, answer.err
    assert "2 releases archived" in answer.out
    assert len([name for name in bucket.names("raw/releases/") if name.endswith("manifest.json")]) == 2
    assert copy_of(env).is_dir()
