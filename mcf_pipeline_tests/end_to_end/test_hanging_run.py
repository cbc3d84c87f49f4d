"""A run that hangs is ended by Dagster's run monitoring, and its work is done by another one."""

from __future__ import annotations

import re

import pytest
from filelock import FileLock

from mcf_pipeline_tests.end_to_end import releases
from mcf_pipeline_tests.end_to_end.deployment import Deployment
from mcf_pipeline_tests.end_to_end.story import assert_published
from mcf_pipeline_tests.portal import SimulatedPortal

pytestmark = pytest.mark.slow

MAX_RUNTIME = 40
"""Seconds: more than a sound run of so small a release takes, also on a machine under load."""


def test_a_run_that_hangs_is_ended_and_tried_again(tmp_path):
    files = releases.write(tmp_path / "csv")
    with SimulatedPortal([releases.FIRST]) as portal:
        deployment = Deployment(tmp_path / "root", portal.url)
        config = deployment.checkout / "dagster.yaml"
        shorter, count = re.subn(r"max_runtime_seconds: \d+", f"max_runtime_seconds: {MAX_RUNTIME}", config.read_text())
        assert count == 1
        config.write_text(shorter)
        deployment.data_dir.mkdir()
        # While we hold the data directory, the run waits: it is there, sends its heartbeats, and gets nowhere.
        lock = FileLock(deployment.data_dir / "pipeline.lock")
        lock.acquire()
        with deployment:
            hanging = deployment.until("run of the intake", lambda: next(iter(deployment.runs()), None))
            deployment.until("end of the hanging run", lambda: deployment.runs()[0]["status"] == "FAILURE")
            said = [event.get("message") or "" for event in deployment.messages(hanging["runId"])]
            assert any(f"maximum runtime of {MAX_RUNTIME} seconds" in message for message in said), said
            assert not deployment.database.exists()
            lock.release()
            runs = deployment.settled()
            assert [run["tags"]["mcf/step"] for run in runs if run["status"] == "SUCCESS"] == [
                "intake",
                "2020-T1..2020-T4+whole",
            ]
            assert_published(deployment.database, [files["first"]])
