"""The files of `deploy/cluster/`: each understood by what reads it, and in accord with the others and with the code."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._core.instance.config import dagster_instance_config

from mcf_pipeline.orchestration.jobs import STEP_TAG, intake_tags, tags_of
from mcf_pipeline.orchestration.steps import Step
from mcf_pipeline_tests.deploy.files import CHECKOUT, DEPLOY
from mcf_pipeline_tests.deploy.test_systemd import BIN, UNITS, analyze

CLUSTER = DEPLOY / "cluster"
EXAMPLE = dict(
    line.split("=", 1) for line in (CLUSTER / "env.example").read_text().splitlines() if not line.startswith("#")
)
INSTANCE = (CLUSTER / "dagster.yaml").read_text()
LIMITS = [{"key": STEP_TAG, "value": name, "limit": 1} for name in ("intake", "none+whole")]


@pytest.fixture
def environment(monkeypatch) -> None:
    for name, value in EXAMPLE.items():
        monkeypatch.setenv(name, value)


def test_dagster_understands_its_configuration(environment):
    config, _ = dagster_instance_config(str(CLUSTER))
    assert config["run_coordinator"]["config"]["max_concurrent_runs"] == {"env": "MCF_WORKERS"}


def test_a_release_is_taken_in_and_published_one_at_a_time():
    """The tags by which Dagster's queue knows these runs are those that they are given."""
    assert intake_tags()[STEP_TAG] == "intake"
    assert tags_of(Step(None, None, makes_whole=True), "state")[STEP_TAG] == "none+whole"
    assert yaml.safe_load(INSTANCE)["run_coordinator"]["config"]["tag_concurrency_limits"] == LIMITS
    daemon = helm()["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert daemon["tagConcurrencyLimits"] == LIMITS


def test_every_setting_that_the_files_read_is_in_the_example_and_on_the_page(environment):
    read = set(re.findall(r"env: (\w+)", INSTANCE))
    read |= set(re.findall(r'environ\["(\w+)"\]', (CLUSTER / "dagster_celery_config.py").read_text()))
    assert read == {"MCF_POSTGRES_URL", "MCF_BROKER_URL", "MCF_RESULTS_URL", "MCF_WORKERS"}
    assert read <= set(EXAMPLE)
    page = (CHECKOUT / "docs" / "cluster.md").read_text(encoding="utf-8")
    assert {name for name in read if f"`{name}`" not in page} == set()


def test_workers_take_one_run_at_a_time_and_give_it_back_if_they_die(environment):
    config = runpy.run_path(str(CLUSTER / "dagster_celery_config.py"))
    assert config["broker_url"] == EXAMPLE["MCF_BROKER_URL"]
    assert (config["worker_prefetch_multiplier"], config["task_acks_late"]) == (1, True)


def test_the_image_is_the_one_of_one_host_with_more_in_it():
    done = subprocess.run([BIN / "hadolint", CLUSTER / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
    ignored = (CLUSTER / "Dockerfile.dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (\S+)", (CLUSTER / "Dockerfile").read_text(), re.MULTILINE)
    assert copied == ["requirements-kubernetes.lock", "deploy/cluster"]
    assert {f"!{name}" for name in copied} <= set(ignored)


@pytest.mark.slow
def test_systemd_understands_the_worker(tmp_path):
    text = (CLUSTER / "mcf-pipeline-worker.service").read_text()
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(BIN)
    worker = tmp_path / "mcf-pipeline-worker.service"
    worker.write_text(text.replace("/opt/mcf_pipeline", str(tmp_path)))
    done = analyze("verify", "--man=no", worker)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nEnvironmentFile=/etc/mcf_pipeline/cluster\n" in (CLUSTER / "cluster.conf").read_text()
    assert (UNITS / "mcf-pipeline-.service.d").is_dir(), "it is hardened as the others are, by its name"


def helm() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(Path(CLUSTER / "values.yaml").read_text())
    return found
