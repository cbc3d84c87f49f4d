"""A newcomer's two terminals, for real: ``dagster dev`` in one, a portal in the other.

One story in one test, since every chapter goes on where the one before it ended and a start costs half a minute.
"""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests
from filelock import FileLock

from mcf_pipeline.assets.base import POOL
from mcf_pipeline.sources.simulated_portal import SimulatedPortal
from mcf_pipeline_tests.assets.graph import QUARTERLY, WHOLE
from mcf_pipeline_tests.end_to_end import releases
from mcf_pipeline_tests.end_to_end.deployment import UNDER_WAY, Deployment, started
from mcf_pipeline_tests.independent import KEY, Recomputed
from mcf_pipeline_tests.test_independent_marts import KEYS, assert_same, rows_of

pytestmark = pytest.mark.unproven

DAY = {"2020-T1": "2020-01-01", "2020-T2": "2020-04-01", "2020-T3": "2020-07-01", "2020-T4": "2020-10-01"}
DAY |= {"2021-T1": "2021-01-01", "2021-T2": "2021-04-01"}


def post(portal: SimulatedPortal, path: str, **body: Any) -> None:
    answer = requests.post(f"{portal.url}{path}", json=body, timeout=30)
    assert answer.ok, answer.text


class Reader:
    """A user of the published file, who looks all the time and must never see half a file or go back in time."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.seen: list[set[str]] = []

    def __call__(self) -> None:
        if not self.database.exists():
            assert not self.seen, "the published file has gone"
            return
        with duckdb.connect(self.database, read_only=True) as con:
            told = {row[0] for row in con.execute("SELECT release_id FROM dim_release").fetchall()}
            facts = {row[0] for row in con.execute("SELECT DISTINCT release_id FROM fct_dossiers").fetchall()}
        assert facts <= told
        if not self.seen or self.seen[-1] != told:
            assert not self.seen or self.seen[-1] < told
            self.seen.append(told)


class Chapter:
    """What was launched and materialized since a moment."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.runs_before = {run["runId"] for run in deployment.runs()}

    def runs(self) -> list[dict[str, Any]]:
        return [run for run in self.deployment.runs() if run["runId"] not in self.runs_before]

    def steps(self) -> list[str]:
        """What each run was for, oldest first."""
        return [run["tags"].get("mcf/step", "intake") for run in self.runs()]

    def materialized(self) -> dict[str, list[dict[str, Any]]]:
        return {
            asset: [event for event in events if event["runId"] not in self.runs_before]
            for asset, events in self.deployment.materializations().items()
        }

    def assert_exactly(self, quarters: list[str]) -> None:
        """These quarters of each quarterly asset once and no other; the rest once, what is published last."""
        found = self.materialized()
        expected = Counter(DAY[quarter] for quarter in quarters)
        assert {name: Counter(e["partition"] for e in found[name]) for name in QUARTERLY} == dict.fromkeys(
            QUARTERLY, expected
        )
        assert {name: len(found[name]) for name in WHOLE} == dict.fromkeys(WHOLE, 1)
        assert len(found["portal_release"]) == 1
        last_quarter = max(float(event["timestamp"]) for name in QUARTERLY for event in found[name])
        for name in ("warehouse", "data_package"):
            (event,) = found[name]
            assert float(event["timestamp"]) >= last_quarter


def tables_of(database: Path) -> dict[str, list[tuple]]:
    """Everything that is published."""
    with duckdb.connect(database, read_only=True) as con:
        names = [row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        return {name: con.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in names}


def assert_published(database: Path, files: list[Path]) -> None:
    """Every cell of every mart and every line as the CSV files themselves say it."""
    expected = Recomputed(files)
    for mart, key in KEYS.items():
        assert_same(rows_of(database, f"FROM {mart}"), getattr(expected, mart)(), key)
    assert_same(rows_of(database, "FROM fct_dossiers"), expected.dossiers(), KEY, has_means=False)
    for release in expected.ids:
        told = rows_of(database, f"FROM dossiers_au('{release}')")
        assert_same(told, expected.dossiers(release), KEY, has_means=False)


def test_releases_come_in_by_themselves(tmp_path):
    files = releases.write(tmp_path / "csv")
    served = [releases.FIRST, releases.Gap(), releases.LAST]
    reader = Reader(tmp_path / "root" / "data" / "warehouse" / "mcf.duckdb")
    with (
        SimulatedPortal(served) as portal,
        started(tmp_path / "root", portal.url, reader) as deployment,
    ):
        first_release(deployment, files)
        switches(deployment)
        failing_portal(deployment, portal)
        second_release(deployment, portal, files)
        old_release_by_hand(deployment, files)
        killed_run(deployment, portal, files)
        rebuilt(deployment, files)
        failed = [tick for tick in deployment.ticks() if tick["status"] == "FAILURE"]
        assert failed == []
        nothing_elsewhere(deployment)
    assert [sorted(told) for told in reader.seen] == [
        ["2021-01-08"],
        ["2021-01-08", "2021-04-08"],
        ["2020-10-08", "2021-01-08", "2021-04-08"],
        ["2020-10-08", "2021-01-08", "2021-04-08", "2021-07-08"],
    ]


def first_release(deployment: Deployment, files: dict[str, Path]) -> None:
    """Nobody does anything: the sensor is on, finds a release, and has it taken in and built."""
    runs = deployment.settled()
    assert [run["status"] for run in runs] == ["SUCCESS", "SUCCESS"]
    assert [run["tags"].get("mcf/step") for run in runs] == [None, "2020-T1..2020-T4+whole"]
    assert {run["tags"]["dagster/sensor_name"] for run in runs} == {"release_sensor"}
    found = deployment.materializations()
    assert {name: sorted(e["partition"] for e in found[name]) for name in QUARTERLY} == dict.fromkeys(
        QUARTERLY, sorted(list(DAY.values())[:4])
    )
    assert {name: len(found[name]) for name in WHOLE} == dict.fromkeys(WHOLE, 1)
    assert_published(deployment.database, [files["first"]])


def switches(deployment: Deployment) -> None:
    """Sensor and schedule are there, described, on, and can be switched off and on again."""
    found = deployment.automations()
    assert {name: entry["status"] for name, entry in found.items()} == {
        "release_sensor": "RUNNING",
        "quarterly_release": "RUNNING",
    }
    assert all(entry["description"] for entry in found.values())
    for name in found:
        assert deployment.switch(name, on=False) == "STOPPED"
        assert deployment.switch(name, on=True) == "RUNNING"


def failing_portal(deployment: Deployment, portal: SimulatedPortal) -> None:
    """Whatever the portal says, a tick skips with the reason, and no run is launched."""
    chapter = Chapter(deployment)
    for fault, options, reason in (
        ("failing", {"status": 500}, "500"),
        ("too_many", {"reset_in": 7200}, "quota|429"),
        ("garbage", {}, "metadata"),
    ):
        post(portal, "/misbehave", fault=fault, times=None, **options)
        last = deployment.ticks()[0]["timestamp"]
        deployment.forget_cursor()

        def told(last: float = last, reason: str = reason) -> str | None:
            newer = [tick for tick in deployment.ticks() if tick["timestamp"] > last]
            assert {tick["status"] for tick in newer} <= {"SKIPPED"}, newer
            reasons = [tick["skipReason"] for tick in newer if re.search(reason, tick["skipReason"])]
            return reasons[0] if reasons else None

        said = deployment.until(f"tick that tells of {fault}", told)
        assert "next look at" in said
        post(portal, "/behave")
    assert chapter.runs() == []
    # Left alone it would look again when the portal said; a person can tell it to look now.
    deployment.forget_cursor()
    deployment.settled()


def second_release(deployment: Deployment, portal: SimulatedPortal, files: dict[str, Path]) -> None:
    """One quarter added, two revised that do not lie side by side: two stretches."""
    chapter = Chapter(deployment)
    post(portal, "/next")
    deployment.until("intake of the second release", chapter.runs)
    deployment.settled()
    assert chapter.steps() == ["intake", "2020-T1..2020-T1", "2020-T4..2021-T1+whole"]
    assert {run["status"] for run in chapter.runs()} == {"SUCCESS"}
    chapter.assert_exactly(["2020-T1", "2020-T4", "2021-T1"])
    assert_published(deployment.database, [files["first"], files["gap"]])


def old_release_by_hand(deployment: Deployment, files: dict[str, Path]) -> None:
    """A release older than all, given on the command line while the daemon is up, takes its place in time."""
    chapter = Chapter(deployment)
    done = deployment.command("run", "--source", files["old"])
    assert done.returncode == 0, done.stderr
    deployment.settled()
    # Each quarter that it tells of has now been known for longer; the others are as they were.
    assert chapter.steps() == ["intake", "2020-T1..2020-T3+whole"]
    assert not any("dagster/sensor_name" in run["tags"] for run in chapter.runs())
    chapter.assert_exactly(["2020-T1", "2020-T2", "2020-T3"])
    assert_published(deployment.database, [files["old"], files["first"], files["gap"]])


def killed_run(deployment: Deployment, portal: SimulatedPortal, files: dict[str, Path]) -> None:
    """A run's process is killed inside a step, holding the pool; the work is finished all the same."""
    chapter = Chapter(deployment)
    before = deployment.database.stat()
    post(portal, "/next")
    building = deployment.until(
        "build of the last release",
        lambda: next((run for run in chapter.runs() if run["tags"].get("mcf/step")), None),
    )
    # While we hold the data directory, the run waits inside its first step that needs it.
    with FileLock(deployment.data_dir / "pipeline.lock"):

        def step_under_way() -> int | None:
            events = deployment.messages(building["runId"])
            if not any(e["__typename"] == "ExecutionStepStartEvent" and e["stepKey"] == "stg_usagers" for e in events):
                return None
            pids = [re.search(r"\(pid: (\d+)\)", e.get("message") or "") for e in events]
            return next(int(found[1]) for found in pids if found)

        process = deployment.until("start of stg_usagers", step_under_way)
        assert deployment.slots() == [building["runId"]]
        os.kill(process, signal.SIGKILL)

        def failed() -> bool:
            return any(r["runId"] == building["runId"] and r["status"] == "FAILURE" for r in chapter.runs())

        deployment.until("end of the killed run", failed)
        now = deployment.database.stat()
        assert (now.st_ino, now.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    deployment.settled()
    assert deployment.slots() == []
    assert Counter(run["status"] for run in chapter.runs())["FAILURE"] == 1
    assert not any(run["status"] in UNDER_WAY for run in chapter.runs())
    assert_published(deployment.database, list(files.values()))


def rebuilt(deployment: Deployment, files: dict[str, Path]) -> None:
    """The warehouse made anew from the archive alone is the one that grew, table by table."""
    grown = tables_of(deployment.database)
    done = deployment.command("rebuild")
    assert done.returncode == 0, done.stderr
    anew = tables_of(deployment.database)
    assert grown.keys() == anew.keys()
    assert [name for name in grown if grown[name] != anew[name]] == []
    assert_published(deployment.database, list(files.values()))
    done = deployment.command("verify")
    assert done.returncode == 0, done.stderr


def nothing_elsewhere(deployment: Deployment) -> None:
    """Nothing is written outside of the data directory that stays."""
    homes = [path for path in deployment.checkout.iterdir() if path.name.startswith(".tmp_dagster_home_")]
    assert len(homes) == 1
    assert [path for path in homes[0].rglob("*") if path.is_file()] == []
    assert deployment.stop() == 0
    assert not deployment.is_running()
    assert sorted(path.name for path in deployment.checkout.iterdir()) == ["dagster.yaml", "workspace.yaml"]
    assert list(deployment.home.rglob("*")) == []
    assert list(deployment.tmp.rglob("*")) == []
    assert POOL == "duckdb"
