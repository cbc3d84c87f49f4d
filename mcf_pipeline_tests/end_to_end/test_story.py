"""A newcomer's two terminals, for real: ``dagster dev`` in one, a portal in the other.

One story in one test, since every chapter goes on where the one before it ended and a start costs half a minute.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import time
from collections import Counter

import pytest
from filelock import FileLock

from mcf_pipeline_tests.deploy.running import listening
from mcf_pipeline_tests.end_to_end import releases
from mcf_pipeline_tests.end_to_end.deployment import UNDER_WAY, started
from mcf_pipeline_tests.end_to_end.story import Chapter, Reader, Story, assert_published, post, tables_of
from mcf_pipeline_tests.orchestration.assets.graph import QUARTERLY
from mcf_pipeline_tests.portal import SimulatedPortal

pytestmark = pytest.mark.slow

LOG = logging.getLogger(__name__)


def test_releases_come_in_by_themselves(tmp_path):
    files = releases.write(tmp_path / "csv")
    reader = Reader(tmp_path / "root" / "data" / "warehouse" / "mcf.duckdb")
    with (
        SimulatedPortal([releases.FIRST, releases.Gap(), releases.LAST]) as portal,
        started(tmp_path / "root", portal.url, reader) as deployment,
    ):
        for chapter in (
            loopback_alone,
            switches,
            first_release,
            failing_portal,
            second_release,
            old_release_by_hand,
            killed_run,
            killed_command_line,
            nothing_elsewhere,
        ):
            began = time.monotonic()
            chapter(Story(deployment, portal, files))
            LOG.info("%s took %.0f s", chapter.__name__, time.monotonic() - began)
    assert [sorted(told) for told in reader.seen] == [
        ["2021-01-08"],
        ["2021-01-08", "2021-04-08"],
        ["2020-10-08", "2021-01-08", "2021-04-08"],
        ["2020-10-08", "2021-01-08", "2021-04-08", "2021-07-08"],
    ]


def loopback_alone(story: Story) -> None:
    """Told nothing of where to listen, none of its processes can be reached from another machine."""
    deployment = story.deployment
    assert deployment.process
    assert f"127.0.0.1:{deployment.port}" in listening(deployment.process.pid)
    assert {address.rpartition(":")[0] for address in listening(deployment.process.pid)} == {"127.0.0.1"}


def switches(story: Story) -> None:
    """Sensor and schedules are there, described, on, and can be switched off and on again.

    The schedules stay off: one of them looks at each full hour, which no chapter may depend on.
    """
    deployment = story.deployment
    found = deployment.automations()
    assert {name: entry["status"] for name, entry in found.items()} == {
        "release_sensor": "RUNNING",
        "quarterly_release": "RUNNING",
        "overdue_release": "RUNNING",
    }
    assert all(entry["description"] for entry in found.values())
    # Until then the daemon may still write down that they are on, over what a person has switched.
    deployment.until("first tick of the sensor", deployment.ticks)
    for name in found:
        assert deployment.switch(name, on=False) == "STOPPED"
        assert deployment.switch(name, on=True) == "RUNNING"
    for name in ("quarterly_release", "overdue_release"):
        assert deployment.switch(name, on=False) == "STOPPED"


def first_release(story: Story) -> None:
    """Nobody does anything: the sensor is on, finds a release, and has it taken in and built."""
    deployment = story.deployment
    runs = deployment.settled()
    assert [run["status"] for run in runs] == ["SUCCESS", "SUCCESS"]
    assert {run["tags"]["dagster/sensor_name"] for run in runs} == {"release_sensor"}
    everything = Chapter(deployment, since_the_beginning=True)
    assert everything.steps() == ["intake", "2020-T1..2020-T4+whole"]
    # The runs page shows every tag that is not Dagster's own: words, and no hash.
    assert {key for run in runs for key in run["tags"] if not key.startswith("dagster/")} == {"mcf/step"}
    everything.assert_exactly(["2020-T1", "2020-T2", "2020-T3", "2020-T4"])
    assert deployment.partitions() == {name: [("2020-01-01", "2020-10-01", "MATERIALIZED")] for name in QUARTERLY}
    assert_published(deployment.database, [story.files["first"]])


def failing_portal(story: Story) -> None:
    """Whatever the portal says, a tick skips with the reason, and no run is launched."""
    deployment = story.deployment
    chapter = Chapter(deployment)
    for fault, options, reason in (
        ("failing", {"status": 500}, "500"),
        ("too_many", {"reset_in": 7200}, "quota|429"),
        ("garbage", {}, "metadata"),
    ):
        post(story.portal, "/misbehave", fault=fault, times=None, **options)
        last = deployment.ticks()[0]["timestamp"]
        deployment.forget_cursor()

        def told(last: float = last, reason: str = reason) -> str | None:
            newer = [tick for tick in deployment.ticks() if tick["timestamp"] > last]
            assert {tick["status"] for tick in newer} <= {"SKIPPED"}, newer
            reasons = [tick["skipReason"] for tick in newer if re.search(reason, tick["skipReason"])]
            return reasons[0] if reasons else None

        said = deployment.until(f"tick that tells of {fault}", told)
        assert "next look at" in said
        post(story.portal, "/behave")
    assert chapter.runs() == []
    # Left alone it would look again when the portal said; a person can tell it to look now.
    deployment.forget_cursor()
    deployment.settled()


def second_release(story: Story) -> None:
    """One quarter added, two revised that do not lie side by side: two stretches."""
    deployment = story.deployment
    chapter = Chapter(deployment)
    post(story.portal, "/next")
    deployment.until("intake of the second release", chapter.runs)
    deployment.settled()
    assert chapter.steps() == ["intake", "2020-T1..2020-T1", "2020-T4..2021-T1+whole"]
    assert {run["status"] for run in chapter.runs()} == {"SUCCESS"}
    chapter.assert_exactly(["2020-T1", "2020-T4", "2021-T1"])
    assert deployment.partitions() == {name: [("2020-01-01", "2021-01-01", "MATERIALIZED")] for name in QUARTERLY}
    assert_published(deployment.database, [story.files["first"], story.files["gap"]])


def old_release_by_hand(story: Story) -> None:
    """A release older than all, given on the command line while the daemon is up, takes its place in time."""
    deployment = story.deployment
    chapter = Chapter(deployment)
    done = deployment.command("run", "--source", story.files["old"])
    assert done.returncode == 0, done.stderr
    deployment.settled()
    # Each quarter that it covers has now been known for longer, and 2020-T4 came after another release than before
    # (`mart_revisions` names it); 2021-T1 is as it was.
    assert chapter.steps() == ["2020-T1..2020-T4+whole"]
    assert not any("dagster/sensor_name" in run["tags"] for run in chapter.runs())
    chapter.assert_exactly(["2020-T1", "2020-T2", "2020-T3", "2020-T4"])
    assert_published(deployment.database, [story.files["old"], story.files["first"], story.files["gap"]])


def killed_run(story: Story) -> None:
    """A run's process is killed as it publishes; the work is finished all the same."""
    deployment = story.deployment
    chapter = Chapter(deployment)
    before = deployment.database.stat()
    post(story.portal, "/next")
    building = deployment.until(
        "run that publishes the last release",
        lambda: next((run for run in chapter.runs() if run["tags"]["mcf/step"].endswith("+whole")), None),
    )
    # While we hold the data directory, the run waits inside its publication.
    with FileLock(deployment.data_dir / "pipeline.lock"):

        def step_under_way() -> int | None:
            events = deployment.messages(building["runId"])
            if not any(e["__typename"] == "ExecutionStepStartEvent" and e["stepKey"] == "warehouse" for e in events):
                return None
            pids = [re.search(r"\(pid: (\d+)\)", e.get("message") or "") for e in events]
            return next(int(found[1]) for found in pids if found)

        process = deployment.until("start of the publication", step_under_way)
        os.kill(process, signal.SIGKILL)

        deployment.until("end of the killed run", lambda: chapter.run_of(building["runId"])["status"] == "FAILURE")
        now = deployment.database.stat()
        assert (now.st_ino, now.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    deployment.settled()
    assert Counter(run["status"] for run in chapter.runs())["FAILURE"] == 1
    assert not any(run["status"] in UNDER_WAY for run in chapter.runs())
    assert_published(deployment.database, list(story.files.values()))


def killed_command_line(story: Story) -> None:
    """A run on the command line holds the pipeline while it lives, and nothing once it is killed."""
    deployment = story.deployment
    chapter = Chapter(deployment)
    before, inode = tables_of(deployment.database), deployment.database.stat().st_ino

    def step_under_way() -> str | None:
        run = next((run for run in chapter.runs() if run["status"] == "STARTED"), None)
        events = deployment.messages(run["runId"]) if run else []
        return run["runId"] if any(event["stepKey"] == "facts" for event in events) else None

    with deployment.begun("run", "--force") as process:
        killed = deployment.until("forced run that writes the facts", step_under_way)
        # Stopped, it cannot come to its end before the second one has been turned away.
        process.send_signal(signal.SIGSTOP)
        second = deployment.command("run")
        assert (second.returncode, second.stdout) == (5, "")
        assert re.fullmatch(r"error: another run holds \S+: wait for it to end .*", " ".join(second.stderr.split()))
        assert chapter.run_of(killed)["status"] == "STARTED"
        process.kill()
    assert process.returncode == -signal.SIGKILL
    deployment.until("end of the killed command line", lambda: chapter.run_of(killed)["status"] == "FAILURE")
    assert any(
        "the command line that started it was killed" in e.get("message", "") for e in deployment.messages(killed)
    )
    assert deployment.database.stat().st_ino == inode
    done = deployment.command("run")
    assert done.returncode == 0, done.stderr
    assert tables_of(deployment.database) == before
    deployment.settled()
    # What it was to make a second time is there: nothing is left to do.
    assert [run["status"] for run in chapter.runs()] == ["FAILURE"]


def nothing_elsewhere(story: Story) -> None:
    """No tick has failed, Ctrl-C ends everything, and nothing that was written outside of the data directory stays."""
    deployment = story.deployment
    assert [tick for tick in deployment.ticks(limit=1000) if tick["status"] == "FAILURE"] == []
    homes = [path for path in deployment.checkout.iterdir() if path.name.startswith(".tmp_dagster_home_")]
    assert len(homes) == 1
    assert [path for path in homes[0].rglob("*") if path.is_file()] == []
    assert deployment.stop() == 0
    assert sorted(path.name for path in deployment.checkout.iterdir()) == ["dagster.yaml", "workspace.yaml"]
    assert list(deployment.home.rglob("*")) == []
    assert list(deployment.tmp.rglob("*")) == []
