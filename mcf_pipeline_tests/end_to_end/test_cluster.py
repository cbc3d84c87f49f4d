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
from mcf_pipeline_tests.end_to_end.deployment import UNDER_WAY
from mcf_pipeline_tests.end_to_end.servers import servers
from mcf_pipeline_tests.end_to_end.story import tables_of
from mcf_pipeline_tests.orchestration.assets import graph, small
from mcf_pipeline_tests.portal import SimulatedPortal
from mcf_pipeline_tests.remote.bucket import Bucket

pytestmark = pytest.mark.slow

LOG = logging.getLogger(__name__)
STARTED = re.compile(r"Started process for run \(pid: (\d+)\)")


@dataclass(frozen=True)
class Story:
    """Where it takes place.

    Attributes:
        cluster: webserver, daemon, workers, and their servers.
        portal: what the daemon looks at.
        root: for one machine that gets the same archive, and no cluster.
    """

    cluster: Cluster
    portal: SimulatedPortal
    root: Path

    @property
    def bucket(self) -> Bucket:
        return self.cluster.servers.bucket


def test_many_machines_publish_what_one_publishes(tmp_path, monkeypatch):
    releases = [small.FIRST, small.FIRST.next(), small.FIRST.next().next()]
    with (
        servers(tmp_path / "servers") as shared,
        SimulatedPortal(releases) as portal,
        Cluster(tmp_path / "root", portal.url, servers=shared) as cluster,
    ):
        for name, value in shared.bucket.machine(tmp_path / "looking", direct=True).items():
            monkeypatch.setenv(name, value)
        for chapter in (
            a_worker_is_killed_and_the_database_restarted_under_a_first_build,
            the_broker_is_killed_and_the_store_fails_under_an_increment,
            a_person_ends_a_run,
        ):
            began = time.monotonic()
            chapter(Story(cluster, portal, tmp_path))
            LOG.info("%s took %.0f s", chapter.__name__, time.monotonic() - began)


def a_worker_is_killed_and_the_database_restarted_under_a_first_build(story: Story) -> None:
    """What the worker was making is made by another; what is published waits for it, and is published once."""
    cluster = story.cluster
    quarter, run_id, worker = cluster.until("a quarter that is half made", lambda: frozen_at_work(story))
    cluster.kill_worker(worker)
    cluster.servers.database.stop()
    cluster.servers.database.start()
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


def the_broker_is_killed_and_the_store_fails_under_an_increment(story: Story) -> None:
    """Nothing of what the broker holds is lost, nor what the workers are doing; the store is asked again."""
    cluster = story.cluster
    before = {run["runId"] for run in cluster.runs()}
    answered: Counter[tuple[str, str]] = Counter()

    def fail_twice(method: str, key: str) -> int | None:
        answered[method, key] += 1
        return {1: 500, 2: 503}.get(answered[method, key])

    story.bucket.front.before = fail_twice
    story.portal.next()

    def at_work() -> bool:
        return any(run["status"] == "STARTED" and ".." in run["tags"]["mcf/step"] for run in cluster.runs())

    cluster.until("a quarter that is being made", at_work)
    cluster.servers.broker.kill()
    cluster.servers.broker.start()
    runs = [run for run in cluster.settled() if run["runId"] not in before]
    assert_done_once(runs, ["2020-T3", "2020-T4", "2021-T1"])
    assert {run["status"] for run in runs} == {"SUCCESS"}
    assert {method for method, _ in answered} >= {"GET", "PUT"}
    assert_as_one_machine(story)


def a_person_ends_a_run(story: Story) -> None:
    """In the UI, since it makes no progress: it counts as canceled, not as a worker that died."""
    cluster = story.cluster
    before = {run["runId"] for run in cluster.runs()}
    story.portal.next()

    def begun() -> tuple[str, int] | None:
        started = [run["runId"] for run in cluster.runs() if run["status"] == "STARTED" and run["runId"] not in before]
        pid = pid_of(cluster, started[0]) if started else None
        return (started[0], pid) if pid else None

    run_id, pid = cluster.until("a run that takes the release in", begun)
    # Its worker goes on answering from another process.
    os.kill(pid, signal.SIGSTOP)
    cluster.ask("mutation ($run: String!) { terminateRun(runId: $run) { __typename } }", run=run_id)
    os.kill(pid, signal.SIGCONT)

    def ended() -> str | None:
        (status,) = [run["status"] for run in cluster.runs() if run["runId"] == run_id] or [None]
        return status if status not in UNDER_WAY else None

    assert cluster.until("the run's end", ended) == "CANCELED"


def frozen_at_work(story: Story) -> tuple[str, str, str] | None:
    """A quarter of which some files are there and others are not, its run, and its worker, which stands still."""
    cluster = story.cluster
    for run in cluster.runs():
        quarter = run["tags"]["mcf/step"].partition("..")[0]
        if run["status"] != "STARTED" or not is_half_made(story.bucket, quarter):
            continue
        worker = worker_of(cluster, run["runId"])
        if worker is None:
            continue
        os.killpg(cluster.workers[worker].pid, signal.SIGSTOP)
        if is_half_made(story.bucket, quarter):
            return quarter, run["runId"], worker
        os.killpg(cluster.workers[worker].pid, signal.SIGCONT)
    return None


def is_half_made(bucket: Bucket, quarter: str) -> bool:
    """Staging comes first, what the releases changed last."""
    made = {name.split("/")[1] for name in bucket.names("tables/") if name.split("/")[2] == quarter}
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
    alone = story.root / "alone"
    space = Workspace(Settings.from_env())
    with space.fresh_copy() as copy:
        shutil.copytree(copy.data_dir.root / "raw", alone / "raw", dirs_exist_ok=True)
        ours = tables_of(copy.data_dir.published_database)
    with dg.DagsterInstance.ephemeral() as instance:
        (step,) = graph.follow_plan(alone, "portal", instance)
    assert step.makes_whole
    assert ours == tables_of(alone / "warehouse" / "mcf.duckdb")
    files = {str(path.relative_to(alone)) for path in (alone / "tables").glob("*/*/[!.]*")}
    assert set(story.bucket.names("tables/")) == files
    space.refresh()
    assert space.is_published(space.snapshot())
