"""The command line's instance: where it keeps its history, and what the checkout's `dagster.yaml` makes of it."""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.telemetry_upload import upload_logs

from mcf_pipeline.orchestration.instance import open_instance
from mcf_pipeline.orchestration.launcher import WatchedRunLauncher
from mcf_pipeline.orchestration.storage import DataDirComputeLogs
from mcf_pipeline_tests.orchestration.dagster_runs import add_run


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """What is written to the temporary folder can be seen."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(autouse=True)
def working_directory(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def use_it() -> set[str]:
    with open_instance() as instance:
        add_run(instance, dg.DagsterRunStatus.SUCCESS)
        return {run.run_id for run in instance.get_runs()}


@pytest.mark.parametrize(
    ("source", "data_dir", "expected"),
    [
        ("sample", None, "data/sample/dagster"),
        ("portal", None, "data/dagster"),
        (None, None, "data/dagster"),
        ("sample", "elsewhere", "elsewhere/dagster"),
        ("portal", "elsewhere", "elsewhere/dagster"),
    ],
)
def test_the_history_lies_in_the_data_directory(monkeypatch, working_directory, temporary, source, data_dir, expected):
    for name, value in (("MCF_SOURCE", source), ("MCF_DATA_DIR", data_dir)):
        if value:
            monkeypatch.setenv(name, value)
    use_it()
    assert files_under(working_directory / expected)
    assert all(path.is_relative_to(working_directory / expected) for path in files_under(working_directory))
    assert list(temporary.iterdir()) == []


def test_the_sample_and_the_real_data_do_not_see_each_others_runs(monkeypatch):
    monkeypatch.setenv("MCF_SOURCE", "sample")
    sample = use_it()
    monkeypatch.setenv("MCF_SOURCE", "portal")
    real = use_it()
    assert len(sample) == len(real) == 1
    assert sample != real


def test_a_dagster_home_is_honoured(monkeypatch, tmp_path, working_directory):
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    ours = use_it()
    assert files_under(working_directory) == []
    with dg.DagsterInstance.get() as instance:
        assert {run.run_id for run in instance.get_runs()} == ours


def test_what_the_checkouts_dagster_yaml_says_counts():
    with open_instance() as instance:
        assert instance.telemetry_enabled is False
        assert instance.nux_enabled is False
        assert instance.run_monitoring_enabled is True
        assert instance.run_retries_enabled is True
        assert isinstance(instance.run_launcher, WatchedRunLauncher)
        assert isinstance(instance.compute_log_manager, DataDirComputeLogs)
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1


def test_a_killed_process_leaves_nothing_in_the_temporary_folder(temporary, working_directory):
    with open_instance():
        assert list(temporary.iterdir()) == []
        assert {path.name for path in working_directory.iterdir()} == {"data"}
    assert "DAGSTER_HOME" not in os.environ


def test_the_uploader_of_telemetry_is_off_too(monkeypatch, tmp_path):
    """Dagster starts it whatever its settings say; it makes folders in the home directory, and sends what is there."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with open_instance():
        upload_logs(threading.Event(), raise_errors=True)
    assert not (tmp_path / "home").exists()
