"""Whether a worker of Celery still has a run: what run monitoring asks, answered by a real broker and a real worker."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import dagster as dg
import pytest
import yaml
from celery.contrib.testing.worker import start_worker
from dagster._core.launcher.base import WorkerStatus
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from redis.exceptions import ConnectionError as NotThere

from mcf_pipeline.orchestration import celery_launcher
from mcf_pipeline.orchestration.celery_launcher import WatchedCeleryRunLauncher
from mcf_pipeline.orchestration.storage import checkout
from mcf_pipeline_tests.end_to_end.servers import Broker

pytestmark = pytest.mark.slow

TASK = "7a1f"
RUN = dg.DagsterRun("release", tags={DAGSTER_CELERY_TASK_ID_TAG: TASK})
WORKER = "one@127.0.0.1"


@pytest.fixture(autouse=True)
def _root_logger_as_it_was() -> Iterator[None]:
    """A worker of Celery in this process takes the root logger for itself, and later tests would see no warning."""
    level, handlers = logging.root.level, list(logging.root.handlers)
    yield
    logging.root.setLevel(level)
    logging.root.handlers[:] = handlers


@pytest.fixture
def broker(tmp_path) -> Iterator[Broker]:
    server = Broker(tmp_path / "broker")
    yield server
    server.kill()


@pytest.fixture
def launcher(broker, monkeypatch) -> WatchedCeleryRunLauncher:
    monkeypatch.setattr(celery_launcher, "ANSWER_SECONDS", 1.0)
    return WatchedCeleryRunLauncher(silence_seconds=0, broker=broker.url, backend=broker.url, default_queue="dagster")


def begun(launcher: WatchedCeleryRunLauncher) -> None:
    """What a worker that has begun a task writes down."""
    launcher.celery.backend.mark_as_started(TASK, pid=1, hostname=WORKER)


def status_of(launcher: WatchedCeleryRunLauncher, run: dg.DagsterRun = RUN) -> tuple[WorkerStatus, str]:
    found = launcher.check_run_worker_health(run)
    return found.status, found.msg or ""


def test_a_run_whose_task_is_not_noted_yet_is_just_beginning(launcher):
    assert status_of(launcher, dg.DagsterRun("release")) == (WorkerStatus.RUNNING, "")


def test_a_worker_that_is_silent_for_too_long_is_dead(launcher):
    begun(launcher)
    assert status_of(launcher) == (WorkerStatus.FAILED, f"the worker {WORKER} does not answer")


def test_a_worker_that_reconnects_has_time_to(broker, launcher):
    patient = WatchedCeleryRunLauncher(broker=broker.url, backend=broker.url, default_queue="dagster")
    begun(patient)
    assert status_of(patient) == (WorkerStatus.RUNNING, "")


def test_a_task_that_the_broker_lost_is_lost(launcher):
    assert status_of(launcher) == (WorkerStatus.FAILED, "no worker has its task")


def test_a_worker_that_answers_without_the_task_was_started_anew(launcher):
    with start_worker(launcher.celery, hostname=WORKER, perform_ping_check=False):
        begun(launcher)
        assert status_of(launcher) == (WorkerStatus.FAILED, f"the worker {WORKER} was restarted")


def test_a_task_that_ended_while_the_run_did_not_is_no_sign_of_life(launcher):
    """Dagster's database was away when it did, or a person ended it."""
    backend = launcher.celery.backend
    for end, state in (
        (lambda: backend.mark_as_done(TASK, 0), "SUCCESS"),
        (lambda: backend.mark_as_failure(TASK, RuntimeError("killed")), "FAILURE"),
        (lambda: backend.mark_as_revoked(TASK, "terminated"), "REVOKED"),
    ):
        backend.forget(TASK)
        end()
        said = f"its task has ended ({state}) without the run's end being recorded"
        assert status_of(launcher) == (WorkerStatus.FAILED, said)


def test_where_the_broker_cannot_be_asked_nothing_is_said(broker, launcher):
    begun(launcher)
    broker.kill()
    with pytest.raises(NotThere):
        launcher.check_run_worker_health(RUN)


def test_the_cluster_uses_it_and_run_monitoring_is_on():
    config = yaml.safe_load((checkout() / "deploy" / "cluster" / "dagster.yaml").read_text())
    assert config["run_launcher"]["class"] == WatchedCeleryRunLauncher.__name__
    assert config["run_monitoring"]["enabled"] is True
