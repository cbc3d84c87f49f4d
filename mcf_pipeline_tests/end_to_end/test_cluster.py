"""A cluster as `deploy/cluster/` sets it up, for real, and what happens when its parts fail under a release.

One story in one test, since every chapter goes on where the one before it ended and a start costs half a minute.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.end_to_end.cluster import WORKERS, Cluster
from mcf_pipeline_tests.end_to_end.servers import servers
from mcf_pipeline_tests.end_to_end.story import tables_of
from mcf_pipeline_tests.orchestration.assets import graph, small
from mcf_pipeline_tests.portal import SimulatedPortal

pytestmark = pytest.mark.slow

LOG = logging.getLogger(__name__)
STARTED = re.compile(r"Started process for run \(pid: (\d+)\)")


@dataclass(frozen=True)
class Story:
    """Where it takes place.

    Attributes:
        cluster: webserver, daemon, workers, and their servers.
        portal: what the daemon looks at.
        one_machine: a data directory that gets the same releases, and no cluster.
    """

    cluster: Cluster
    portal: SimulatedPortal
    one_machine: Path


def test_many_machines_publish_what_one_publishes(tmp_path):
    with (
        servers(tmp_path / "servers") as (database, broker),
        SimulatedPortal([small.FIRST, small.FIRST.next()]) as portal,
        Cluster(tmp_path / "root", portal.url, database_server=database, broker=broker) as cluster,
    ):
        for chapter in (
            a_worker_is_killed_and_the_database_restarted_under_a_first_build,
            the_broker_is_killed_under_an_increment,
            a_person_ends_a_run,
        ):
            began = time.monotonic()
            chapter(Story(cluster, portal, tmp_path / "one"))
            LOG.info("%s took %.0f s", chapter.__name__, time.monotonic() - began)


def a_worker_is_killed_and_the_database_restarted_under_a_first_build(story: Story) -> None:
    """What the worker was making is made by another; what is published waits for it, and is published once."""
    cluster = story.cluster
    quarter, run_id, worker = cluster.until("a quarter that is half made", lambda: frozen_at_work(cluster))
    cluster.kill_worker(worker)
    cluster.database_server.stop()
    cluster.database_server.start()
    runs = cluster.settled()
    (died,) = [run for run in runs if run["runId"] == run_id]
    assert died["status"] == "FAILURE"
    said = cluster.until("the run's log", lambda: [str(event.get("message")) for event in cluster.messages(run_id)])
    assert any(f"the worker {worker}@127.0.0.1 does not answer" in message for message in said)
    made = [run for run in runs if run["tags"]["mcf/step"] == f"{quarter}..{quarter}" and run["status"] == "SUCCESS"]
    assert worker_of(cluster, made[-1]["runId"]) in set(WORKERS) - {worker}
    assert_done_once(runs, ["2020-T1", "2020-T2", "2020-T3", "2020-T4"])
    assert_as_one_machine(story)
    cluster.start_worker(worker)


def the_broker_is_killed_under_an_increment(story: Story) -> None:
    """Nothing of what it holds is lost, nor what the workers are doing."""
    cluster = story.cluster
    before = {run["runId"] for run in cluster.runs()}
    story.portal.next()

    def at_work() -> bool:
        return any(run["status"] == "STARTED" and ".." in run["tags"]["mcf/step"] for run in cluster.runs())

    cluster.until("a quarter that is being made", at_work)
    cluster.broker.kill()
    cluster.broker.start()
    runs = [run for run in cluster.settled() if run["runId"] not in before]
    assert_done_once(runs, ["2020-T3", "2020-T4", "2021-T1"])
    assert {run["status"] for run in runs} == {"SUCCESS"}
    assert_as_one_machine(story)


def a_person_ends_a_run(story: Story) -> None:
    """In the UI, since it makes no progress: it counts as canceled, and its worker takes the next one."""
    cluster = story.cluster
    shutil.rmtree(cluster.data_dir / "tables" / "mart_region" / "2020-T4")

    def begun() -> str | None:
        run = cluster.runs()[-1]
        return run["runId"] if run["status"] == "STARTED" and pid_of(cluster, run["runId"]) else None

    run_id = cluster.until("a run that makes the quarter again", begun)
    pid = pid_of(cluster, run_id)
    assert pid
    # Its worker goes on answering from another process.
    os.kill(pid, signal.SIGSTOP)
    cluster.ask("mutation ($run: String!) { terminateRun(runId: $run) { __typename } }", run=run_id)
    os.kill(pid, signal.SIGCONT)

    def canceled() -> bool:
        return cluster.runs()[-1]["status"] == "CANCELED"

    cluster.until("a run that is canceled", canceled)
    assert cluster.runs()[-1]["runId"] == run_id


def frozen_at_work(cluster: Cluster) -> tuple[str, str, str] | None:
    """A quarter of which some files are there and others are not, its run, and its worker, which stands still."""
    for run in cluster.runs():
        quarter = run["tags"]["mcf/step"].partition("..")[0]
        if run["status"] != "STARTED" or not is_half_made(cluster.data_dir, quarter):
            continue
        worker = worker_of(cluster, run["runId"])
        if worker is None:
            continue
        os.killpg(cluster.workers[worker].pid, signal.SIGSTOP)
        if is_half_made(cluster.data_dir, quarter):
            return quarter, run["runId"], worker
        os.killpg(cluster.workers[worker].pid, signal.SIGCONT)
    return None


def is_half_made(data_dir: Path, quarter: str) -> bool:
    """Staging comes first, what the releases changed last."""
    made = {path.parent.parent.name for path in (data_dir / "tables").glob(f"*/{quarter}/[!.]*.parquet")}
    return "stg_usagers" in made and "mart_revisions" not in made


def pid_of(cluster: Cluster, run_id: str) -> int | None:
    """The process that a worker runs it in; None where it has not begun."""
    pids = [int(found[1]) for event in cluster.messages(run_id) if (found := STARTED.match(event.get("message", "")))]
    assert len(pids) <= 1
    return pids[0] if pids else None


def worker_of(cluster: Cluster, run_id: str) -> str | None:
    """The worker that took a run; None where it is not there any more."""
    with suppress(ProcessLookupError):
        group = os.getpgid(pid_of(cluster, run_id) or 0)
        return next((name for name, process in cluster.workers.items() if process.pid == group), None)
    return None


def assert_done_once(runs: list[dict[str, Any]], quarters: list[str]) -> None:
    """A release is taken in and published once, the latter after all else; each quarter is made once, and no other."""
    done = Counter(run["tags"]["mcf/step"] for run in runs if run["status"] == "SUCCESS")
    assert done == Counter(["intake", *(f"{quarter}..{quarter}" for quarter in quarters), "none+whole"])
    (published,) = [run for run in runs if run["tags"]["mcf/step"] == "none+whole"]
    assert published["startTime"] >= max(run["endTime"] for run in runs if run is not published)


def assert_as_one_machine(story: Story) -> None:
    """The same archive built without a cluster gives the same file, table by table, and the same files of quarters."""
    there = story.cluster.data_dir
    shutil.copytree(there / "raw", story.one_machine / "raw", dirs_exist_ok=True)
    with dg.DagsterInstance.ephemeral() as instance:
        (step,) = graph.follow_plan(story.one_machine, "portal", instance)
    assert step.makes_whole
    assert tables_of(story.cluster.database) == tables_of(story.one_machine / "warehouse" / "mcf.duckdb")
    assert finished(there) == finished(story.one_machine)
    space = Workspace(Settings.from_env({}, data_dir=there))
    assert space.is_published(space.snapshot())


def finished(data_dir: Path) -> set[Path]:
    return {path.relative_to(data_dir) for path in (data_dir / "tables").glob("*/*/[!.]*")}
