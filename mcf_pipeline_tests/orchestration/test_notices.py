"""The notices sensor as Dagster calls it, on runs that happened."""

from __future__ import annotations

import datetime as dt
import json

import dagster as dg
import pytest

from mcf_pipeline.definitions import ASSETS, build_defs, defs
from mcf_pipeline.errors import ContractError
from mcf_pipeline.orchestration.jobs import INTAKE
from mcf_pipeline.orchestration.notices import LOOK_AGAIN, notices_sensor
from mcf_pipeline.orchestration.private import WILL_RETRY_TAG
from mcf_pipeline.orchestration.resources import WorkspaceResource
from mcf_pipeline.orchestration.sensors import release_sensor
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.orchestration.assets import graph
from mcf_pipeline_tests.orchestration.dagster_runs import add_run

Status = dg.DagsterRunStatus


@pytest.fixture(autouse=True)
def environment(monkeypatch, portal, webhook):
    monkeypatch.setenv("MCF_PORTAL_URL", portal.url)
    monkeypatch.setenv("MCF_LIMIT_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("MCF_NOTIFY", webhook.url)


def context_of(instance: dg.DagsterInstance, space: Workspace, cursor: str | None) -> dg.SensorEvaluationContext:
    resources = {"workspace": WorkspaceResource(data_dir=str(space.data_dir.root), source="portal")}
    return dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources, definitions=defs)


def tick(instance: dg.DagsterInstance, space: Workspace, cursor: str | None = None) -> dg.SensorResult:
    with context_of(instance, space, cursor) as context:
        result = notices_sensor()(context)
    assert isinstance(result, dg.SensorResult)
    assert not result.run_requests
    return result


def look(instance: dg.DagsterInstance, space: Workspace, cursor: str | None = None) -> str | None:
    """A tick of the release sensor; returns its cursor."""
    with context_of(instance, space, cursor) as context:
        result = release_sensor(ASSETS)(context)
    assert isinstance(result, dg.SensorResult)
    return result.cursor


def reason_of(result: dg.SensorResult) -> str:
    assert isinstance(result.skip_reason, dg.SkipReason)
    return result.skip_reason.skip_message or ""


def fail_an_intake(instance: dg.DagsterInstance, space: Workspace) -> None:
    """A run that fails as the daemon's would: its error is in the instance, and nothing is raised."""
    job = graph.job_of(space.data_dir.root, "portal")
    done = job.execute_in_process(
        instance=instance, asset_selection=INTAKE, run_config=graph.QUIET, raise_on_error=False
    )
    assert not done.success


def test_the_sensor_is_there_where_somebody_wants_to_be_told(monkeypatch):
    def sensors() -> dict[str, dg.DefaultSensorStatus]:
        return {sensor.name: sensor.default_status for sensor in build_defs().get_repository_def().sensor_defs}

    running = dg.DefaultSensorStatus.RUNNING
    assert sensors() == {"release_sensor": running, "notices": running}
    monkeypatch.delenv("MCF_NOTIFY")
    assert sensors() == {"release_sensor": running}


def test_the_release_that_the_daemon_took_in_is_told_once_it_is_published(empty, instance, webhook):
    look(instance, empty)
    graph.ingest(empty.data_dir.root, "portal", instance)
    cursor = tick(instance, empty).cursor
    assert webhook.received == [], "it is archived, and not built"
    graph.follow_plan(empty.data_dir.root, "portal", instance)
    result = tick(instance, empty, cursor)
    assert reason_of(result) == "sent: mcf_pipeline, SYNTHETIC: release 2021-01-08: 4 new, 0 revised"
    again = tick(instance, empty, result.cursor)
    assert (reason_of(again), again.cursor) == ("no run has ended since the last look", result.cursor)
    assert reason_of(tick(instance, empty)) == "nothing to tell"
    assert len(webhook.received) == 1


def test_a_run_that_fails_three_times_is_told_once_in_its_own_words(empty, instance, webhook, portal):
    portal.misbehave("html", None)
    cursor = None
    for _ in range(3):
        fail_an_intake(instance, empty)
        cursor = tick(instance, empty, cursor).cursor
    assert webhook.subjects == ["mcf_pipeline: a run failed"]
    with pytest.raises(ContractError) as same:
        empty.ingest()
    assert webhook.last[0] == str(same.value).replace("http://", "")
    add_run(instance, Status.SUCCESS)
    tick(instance, empty, cursor)
    assert webhook.subjects[1:] == ["mcf_pipeline: works again"]


def test_a_run_without_a_word_is_told_with_what_dagster_says(empty, instance, webhook):
    add_run(instance, Status.FAILURE)
    tick(instance, empty)
    assert webhook.subjects == ["mcf_pipeline: a run failed"]


def test_a_run_that_dagster_tries_again_is_not_told(empty, instance, webhook):
    add_run(instance, Status.FAILURE, {WILL_RETRY_TAG: "true"})
    assert reason_of(tick(instance, empty)) == "nothing to tell"
    assert webhook.received == []


def test_a_run_under_way_is_waited_for(empty, instance):
    add_run(instance, Status.STARTED)
    assert reason_of(tick(instance, empty)) == "a run is in progress"


def test_without_a_run_it_looks_again_after_a_while(empty, instance):
    cursor = tick(instance, empty).cursor
    assert "no run has ended" in reason_of(tick(instance, empty, cursor))
    before = dt.datetime.now(dt.UTC) - LOOK_AGAIN
    assert reason_of(tick(instance, empty, json.dumps({"run": "", "looked": before.isoformat()}))) == "nothing to tell"


@pytest.mark.parametrize("cursor", ["", "garbage", "{}", '{"run": "", "looked": "yesterday"}'])
def test_a_cursor_of_any_kind_is_as_none(empty, instance, cursor):
    assert reason_of(tick(instance, empty, cursor)) == "nothing to tell"


def test_a_look_that_fails_is_noted_and_one_that_is_answered_ends_it(empty, instance, portal):
    portal.misbehave("failing", None)
    cursor = look(instance, empty)
    noted = json.loads(empty.data_dir.notices.read_text())["noted"]
    assert [entry["failure"]["kind"] for entry in noted.values()] == ["UnavailableError"]
    portal.behave()
    content = json.loads(cursor or "")
    look(instance, empty, json.dumps(content | {"next_look": ""}))
    assert json.loads(empty.data_dir.notices.read_text())["noted"] == {}


def test_without_an_address_a_failing_look_notes_nothing(empty, instance, portal, monkeypatch):
    monkeypatch.delenv("MCF_NOTIFY")
    portal.misbehave("failing", None)
    look(instance, empty)
    assert not empty.data_dir.notices.exists()


def test_settings_that_cannot_be_used_are_the_reason(empty, instance, monkeypatch):
    monkeypatch.setenv("MCF_POLL_SECONDS", "often")
    assert "MCF_POLL_SECONDS" in reason_of(tick(instance, empty))
