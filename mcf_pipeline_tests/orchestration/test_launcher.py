"""Whether the process of a run lives: what run monitoring asks, answered by real sockets and locks."""

from __future__ import annotations

import json
import socket
import tempfile
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from filelock import FileLock

from mcf_pipeline.orchestration.launcher import WatchedRunLauncher
from mcf_pipeline.orchestration.storage import checkout
from mcf_pipeline_tests.end_to_end.deployment import free_port


def run_of(server: dict[str, object] | None) -> dg.DagsterRun:
    return dg.DagsterRun("release", tags={GRPC_INFO_TAG: json.dumps(server)} if server else {})


def status_of(server: dict[str, object] | None) -> WorkerStatus:
    return WatchedRunLauncher().check_run_worker_health(run_of(server)).status


@pytest.fixture
def short_folder():
    """A socket's path has at most 107 characters."""
    with tempfile.TemporaryDirectory(prefix="mcf-") as folder:
        yield Path(folder)


def test_a_code_server_on_a_socket(short_folder):
    path = short_folder / "socket"
    server = {"host": "localhost", "socket": str(path)}
    assert status_of(server) == WorkerStatus.FAILED
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        assert status_of(server) == WorkerStatus.RUNNING
    assert path.exists(), "a process that dies leaves its socket behind"
    assert status_of(server) == WorkerStatus.FAILED


def test_a_code_server_on_a_port():
    server = {"host": "127.0.0.1", "port": free_port()}
    assert status_of(server) == WorkerStatus.FAILED
    with socket.create_server(("127.0.0.1", server["port"])):
        assert status_of(server) == WorkerStatus.RUNNING


def test_a_server_that_cannot_be_asked_is_not_taken_for_dead(short_folder):
    assert status_of({"host": "localhost", "socket": str(short_folder / ("x" * 200))}) == WorkerStatus.RUNNING


def test_a_run_of_the_command_line_lives_while_the_data_directory_is_held(tmp_path, monkeypatch):
    monkeypatch.setenv("MCF_DATA_DIR", str(tmp_path))
    assert status_of(None) == WorkerStatus.FAILED
    with FileLock(tmp_path / "pipeline.lock"):
        assert status_of(None) == WorkerStatus.RUNNING
    assert status_of(None) == WorkerStatus.FAILED


def test_the_checkout_uses_it_and_run_monitoring_is_on():
    config = yaml.safe_load((checkout() / "dagster.yaml").read_text())
    assert config["run_launcher"]["class"] == WatchedRunLauncher.__name__
    assert config["run_monitoring"]["enabled"] is True
    assert config["run_monitoring"]["max_runtime_seconds"] == 3 * 3600
    assert WatchedRunLauncher().supports_check_run_worker_health
