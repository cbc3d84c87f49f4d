"""Two terminals with ``dagster dev`` on one data directory, as happens when somebody forgets the first."""

from __future__ import annotations

import os
import re
import signal

import pytest

from mcf_pipeline_tests.end_to_end import releases
from mcf_pipeline_tests.end_to_end.deployment import PATIENCE, free_port, started
from mcf_pipeline_tests.end_to_end.story import Chapter, Reader, assert_published, post
from mcf_pipeline_tests.portal import SimulatedPortal

pytestmark = pytest.mark.slow


def test_two_daemons_publish_what_one_publishes(tmp_path):
    files = releases.write(tmp_path / "csv")
    reader = Reader(tmp_path / "root" / "data" / "warehouse" / "mcf.duckdb")
    with (
        SimulatedPortal([releases.FIRST, releases.Gap()]) as portal,
        started(tmp_path / "root", portal.url, reader) as deployment,
    ):
        log = tmp_path / "second.log"
        second = deployment.dev(free_port(), log)
        try:
            # Which of the two looks first at what is due is chance; the second may never do.
            begun = re.compile(r"SensorDaemon")
            deployment.until("second daemon", lambda: begun.search(log.read_text(errors="replace")))
            deployment.settled()
            assert_published(deployment.database, [files["first"]])
            chapter = Chapter(deployment)
            post(portal, "/next")
            deployment.until("intake of the second release", chapter.runs)
            deployment.settled()
            assert second.poll() is None, log.read_text(errors="replace")[-5000:]
        finally:
            os.killpg(second.pid, signal.SIGINT)
            second.wait(PATIENCE)
        assert_published(deployment.database, [files["first"], files["gap"]])
        # Each sees the runs that the other asked for; where both ask at once, the second run finds all done.
        assert {run["status"] for run in deployment.runs()} == {"SUCCESS"}
        assert set(chapter.steps()) == {"intake", "2020-T1..2020-T1", "2020-T4..2021-T1+whole"}
        assert "database is locked" not in log.read_text(errors="replace")
    assert [sorted(told) for told in reader.seen] == [["2021-01-08"], ["2021-01-08", "2021-04-08"]]
