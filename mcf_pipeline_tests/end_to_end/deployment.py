"""``dagster dev`` as a person starts it, in a folder that looks like the checkout, and GraphQL to ask it.

Everything that its processes may write to is a folder of the test's own, so that the test can look into it.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import requests

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
HOST = "127.0.0.1"
PATIENCE = 240.0
"""Seconds after which what we wait for will not come; a machine under load takes tens of seconds to start a run."""

T = TypeVar("T")

SELECTOR = {"repositoryName": "__repository__", "repositoryLocationName": "mcf_pipeline"}
NOTHING_TO_DO = re.compile("unchanged|nothing new")
UNDER_WAY = {"QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING"}


@dataclass
class Deployment:
    """A checkout, a data directory, a home and a temporary folder, and the processes in them.

    Attributes:
        root: holds all four.
        portal_url: where the releases come from.
        watch: called at every look while waiting; raises if what must always hold does not.
    """

    root: Path
    portal_url: str
    watch: Callable[[], None] = lambda: None
    port: int = field(default_factory=lambda: free_port())
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.checkout, self.home = self.root / "checkout", self.root / "home"
        self.checkout.mkdir(parents=True)
        self.home.mkdir()
        # A socket's path has at most 107 characters; pytest's own folders leave too few of them.
        self.tmp = Path(tempfile.mkdtemp(prefix="mcf-"))
        self.data_dir = self.root / "data"
        for name in ("dagster.yaml", "workspace.yaml"):
            shutil.copy(CHECKOUT / name, self.checkout)

    @property
    def database(self) -> Path:
        """What users query."""
        return self.data_dir / "warehouse" / "mcf.duckdb"

    @property
    def env(self) -> dict[str, str]:
        """A clean environment: nothing of Dagster's, and only what a person would set to try a portal."""
        return {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "TMPDIR": str(self.tmp),
            "LANG": "C.UTF-8",
            "MCF_DATA_DIR": str(self.data_dir),
            "MCF_PORTAL_URL": self.portal_url,
            "MCF_POLL_SECONDS": "1",
            "MCF_LIMIT_MAX_ATTEMPTS": "1",
        }

    def __enter__(self) -> Self:
        self.process = self.dev(self.port, self.root / "dev.log")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.tmp, ignore_errors=True)

    def dev(self, port: int, log: Path) -> subprocess.Popen[bytes]:
        """Type ``dagster dev`` in the checkout."""
        # What a shell starts in the background is deaf to Ctrl-C, and so is all that it starts itself.
        heard = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with log.open("wb") as stream:
                return subprocess.Popen(
                    [BIN / "dagster", "dev", "--port", str(port)],
                    cwd=self.checkout,
                    env=self.env,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        finally:
            signal.signal(signal.SIGINT, heard)

    def stop(self) -> int:
        """As Ctrl-C in its terminal does; whatever has not ended by itself then is killed. Returns the exit code."""
        assert self.process
        deadline = time.monotonic() + PATIENCE
        try:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGINT)
            self.process.wait(PATIENCE)
            # The code servers see that it has gone, and follow.
            while self.is_running() and time.monotonic() < deadline:
                time.sleep(0.1)
        finally:
            if left := self.is_running():
                os.killpg(self.process.pid, signal.SIGKILL)
        assert not left, "a process that dagster dev started outlives it"
        return self.process.returncode

    def is_running(self) -> bool:
        """Whether any process that it started is there; a dead one that nobody has buried yet is not."""
        assert self.process
        # pid (name) state ppid pgrp …: the name may hold anything, a bracket too.
        fields = [stat.rpartition(")")[2].split() for stat in _process_table()]
        return any(state != "Z" and int(group) == self.process.pid for state, _, group, *_ in fields)

    def until(self, what: str, probe: Callable[[], T | None], patience: float = PATIENCE) -> T:
        """Look again and again until `probe` gives something."""
        assert self.process
        deadline = time.monotonic() + patience
        while True:
            self.watch()
            found = probe()
            if found:
                return found
            tail = (self.root / "dev.log").read_text(errors="replace")[-5000:]
            assert self.process.poll() is None, f"dagster dev ended while we waited for {what}:\n{tail}"
            assert time.monotonic() < deadline, f"no {what} after {patience:.0f} seconds:\n{tail}"
            time.sleep(0.3)

    def command(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Type an ``mcf-pipeline`` command in the checkout and wait for its end."""
        with self.begun(*arguments) as process:
            out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def begun(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Type an ``mcf-pipeline`` command in the checkout."""
        return subprocess.Popen(
            [BIN / "mcf-pipeline", *map(str, arguments)],
            cwd=self.checkout,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    # -- GraphQL -----------------------------------------------------------------------------------------

    def ask(self, query: str, **variables: Any) -> Any:
        """What the webserver answers; None where it is not up yet."""
        try:
            answer = requests.post(
                f"http://{HOST}:{self.port}/graphql", json={"query": query, "variables": variables}, timeout=60
            ).json()
        except (requests.ConnectionError, requests.Timeout):
            return None
        if "errors" in answer:
            assert self.excuses(answer["errors"]), answer["errors"]
            return None
        return answer["data"]

    def excuses(self, errors: list[dict[str, Any]]) -> bool:
        """Whether the webserver may answer so for a while; here it may not."""
        return not errors

    def automations(self) -> dict[str, dict[str, Any]]:
        """The sensor and the schedule by name, as the Automation page lists them; empty until they are loaded."""
        found = self.ask(
            """query ($selector: RepositorySelector!) { repositoryOrError(repositorySelector: $selector) {
                 ... on Repository {
                   sensors { name description sensorState { id selectorId status } }
                   schedules { name description scheduleState { id selectorId status } } } } }""",
            selector=SELECTOR,
        )
        repository = found["repositoryOrError"] if found else {}
        listed = repository.get("sensors", []) + repository.get("schedules", [])
        return {
            entry["name"]: {**entry, **(entry.get("sensorState") or entry.get("scheduleState"))} for entry in listed
        }

    def switch(self, name: str, *, on: bool) -> str:
        """Flip the switch of a sensor or schedule on the Automation page; returns its state afterwards."""
        kind = "Sensor" if "sensor" in name else "Schedule"
        if on:
            variables = {"selector": {**SELECTOR, f"{kind.lower()}Name": name}}
            field_ = "startSensor(sensorSelector: $selector)"
            field_ = field_ if kind == "Sensor" else "startSchedule(scheduleSelector: $selector)"
            head = f"mutation ($selector: {kind}Selector!)"
        else:
            variables = {"id": self.automations()[name]["id"]}
            field_ = "stopSensor(id: $id)" if kind == "Sensor" else "stopRunningSchedule(id: $id)"
            head = "mutation ($id: String!)"
        self.ask(f"{head} {{ {field_} {{ __typename }} }}", **variables)
        return str(self.automations()[name]["status"])

    def forget_cursor(self) -> None:
        """Reset the sensor's cursor, as its page offers to: it looks at the source at its next tick."""
        self.ask(
            """mutation ($selector: SensorSelector!) {
                 setSensorCursor(sensorSelector: $selector, cursor: null) { __typename } }""",
            selector={**SELECTOR, "sensorName": "release_sensor"},
        )

    def ticks(self, limit: int = 20) -> list[dict[str, Any]]:
        """The sensor's latest ticks that have ended, newest first."""
        found = self.ask(
            """query ($selector: SensorSelector!, $limit: Int!) {
                 sensorOrError(sensorSelector: $selector) { ... on Sensor {
                   sensorState { ticks(limit: $limit) {
                     status timestamp skipReason error { message } } } } } }""",
            limit=limit,
            selector={**SELECTOR, "sensorName": "release_sensor"},
        )
        ticks = found["sensorOrError"].get("sensorState", {}).get("ticks", []) if found else []
        return [tick for tick in ticks if tick["status"] != "STARTED"]

    def runs(self) -> list[dict[str, Any]]:
        """All runs, oldest first, each with its tags as a mapping."""
        found = self.ask(
            """{ runsOrError { ... on Runs { results {
                 runId status startTime endTime assetSelection { path } tags { key value } } } } }"""
        )
        results = found["runsOrError"]["results"] if found else []
        return [{**run, "tags": {t["key"]: t["value"] for t in run["tags"]}} for run in reversed(results)]

    def settled(self) -> list[dict[str, Any]]:
        """Wait until the sensor has looked, with no run under way and nothing to launch; returns the runs."""
        asked = time.time()

        def probe() -> list[dict[str, Any]] | None:
            ticks, runs = self.ticks(), self.runs()
            if not ticks or any(run["status"] in UNDER_WAY for run in runs):
                return None
            # A tick is reported with the moment it began at: an earlier one may have looked before all this happened.
            is_later = ticks[0]["timestamp"] > max([asked, *(run["endTime"] for run in runs)])
            is_quiet = ticks[0]["status"] == "SKIPPED" and NOTHING_TO_DO.match(ticks[0]["skipReason"] or "")
            return runs if is_later and is_quiet else None

        return self.until("sensor with nothing left to do", probe)

    def materializations(self) -> dict[str, list[dict[str, Any]]]:
        """Of every asset, oldest first: partition, run, timestamp."""
        found = self.ask(
            """{ assetsOrError { ... on AssetConnection { nodes { key { path }
                 assetMaterializations(limit: 500) { partition runId timestamp } } } } }"""
        )
        return {
            node["key"]["path"][-1]: sorted(node["assetMaterializations"], key=lambda m: float(m["timestamp"]))
            for node in found["assetsOrError"]["nodes"]
        }

    def partitions(self) -> dict[str, list[tuple[str, str, str]]]:
        """The unbroken ranges of partitions of each quarterly asset, as its page draws them: from, to, status."""
        found = self.ask(
            """{ assetNodes { assetKey { path } isPartitioned assetPartitionStatuses {
                 ... on TimePartitionStatuses { ranges { startKey endKey status } } } } }"""
        )
        return {
            node["assetKey"]["path"][-1]: [
                (drawn["startKey"], drawn["endKey"], drawn["status"])
                for drawn in node["assetPartitionStatuses"]["ranges"]
            ]
            for node in found["assetNodes"]
            if node["isPartitioned"]
        }

    def messages(self, run_id: str) -> list[dict[str, Any]]:
        """The event log of a run."""
        found = self.ask(
            """query ($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
                 __typename ... on MessageEvent { message stepKey } } } } }""",
            run=run_id,
        )
        return list(found["logsForRun"].get("events", [])) if found else []


def _process_table() -> Iterator[str]:
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just gone
            yield entry.read_text()


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(root: Path, portal_url: str, watch: Callable[[], None] | None = None) -> Iterator[Deployment]:
    """A deployment whose webserver answers and whose code is loaded."""
    with Deployment(root, portal_url) as deployment:
        if watch:
            deployment.watch = watch
        deployment.until("webserver with the graph", deployment.automations)
        yield deployment
