"""Whether the process of a run lives: what run monitoring asks, answered by real sockets and locks."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from filelock import FileLock

from mcf_pipeline.orchestration.launcher import WatchedRunLauncher
from mcf_pipeline.orchestration.private import DefaultRunLauncher
from mcf_pipeline.orchestration.storage import checkout
from mcf_pipeline_tests.end_to_end.deployment import free_port
from mcf_pipeline_tests.orchestration.dagster_runs import add_run


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


@contextmanager
def a_run_that_is_deaf(instance, socket_of_server: str, named: str) -> Iterator[tuple[dg.DagsterRun, int]]:
    """A run whose process does not react, as a child of what stands for its code server; and the process."""
    run = add_run(instance, dg.DagsterRunStatus.STARTED, {GRPC_INFO_TAG: json.dumps({"socket": socket_of_server})})
    child = "import signal; signal.pause()"
    server = (
        f"import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', {child!r}]); print(c.pid, flush=True)"
    )
    server += "; c.wait()"
    with subprocess.Popen([sys.executable, "-c", server, named], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        try:
            instance.report_engine_event(f"Started process for run (pid: {pid}).", run)
            yield run, pid
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(("named", "is_killed"), [("/tmp/of-its-run", True), ("/tmp/of-another", False)])
def test_a_run_that_does_not_react_is_killed_and_no_other_process(instance, monkeypatch, named, is_killed):
    monkeypatch.setattr("mcf_pipeline.orchestration.launcher.GRACE_SECONDS", 0.2)
    monkeypatch.setattr(DefaultRunLauncher, "terminate", lambda *_: True)
    launcher = WatchedRunLauncher()
    launcher.register_instance(instance)
    with a_run_that_is_deaf(instance, "/tmp/of-its-run", named) as (run, pid):
        process = os.pidfd_open(pid)
        assert launcher.terminate(run.run_id) is True
        assert bool(select.select([process], [], [], 10 if is_killed else 0)[0]) is is_killed
        os.close(process)


def test_the_checkout_uses_it_and_run_monitoring_is_on():
    config = yaml.safe_load((checkout() / "dagster.yaml").read_text())
    assert config["run_launcher"]["class"] == WatchedRunLauncher.__name__
    assert config["run_monitoring"]["enabled"] is True
    assert config["run_monitoring"]["max_runtime_seconds"] == 3 * 3600
    assert WatchedRunLauncher().supports_check_run_worker_health
