"""The sensor and the schedule as Dagster calls them, and how both appear in the graph."""

from __future__ import annotations

import datetime as dt
import zoneinfo

import dagster as dg
import pytest

from mcf_pipeline.definitions import ASSETS, build_defs, defs
from mcf_pipeline.orchestration.cursor import Cursor
from mcf_pipeline.orchestration.jobs import INTAKE, JOB
from mcf_pipeline.orchestration.resources import WorkspaceResource
from mcf_pipeline.orchestration.schedules import quarterly_release
from mcf_pipeline.orchestration.sensors import TICK_SECONDS, release_sensor
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.orchestration.dagster_runs import add_run

PARIS = zoneinfo.ZoneInfo("Europe/Paris")


@pytest.fixture
def environment(monkeypatch, portal):
    """What a person sets to try a portal."""
    monkeypatch.setenv("MCF_PORTAL_URL", portal.url)
    monkeypatch.setenv("MCF_LIMIT_MAX_ATTEMPTS", "1")


def resources_of(space: Workspace) -> dict[str, object]:
    return {"workspace": WorkspaceResource(data_dir=str(space.data_dir.root), source="portal")}


def tick(instance: dg.DagsterInstance, space: Workspace, cursor: str | None = None) -> dg.SensorResult:
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, resources=resources_of(space), definitions=defs
    ) as context:
        result = release_sensor(ASSETS)(context)
    assert isinstance(result, dg.SensorResult)
    return result


def evaluate(instance: dg.DagsterInstance, space: Workspace) -> dg.RunRequest | dg.SkipReason:
    with dg.build_schedule_context(instance=instance, resources=resources_of(space)) as context:
        result = quarterly_release(ASSETS)(context)
    assert isinstance(result, (dg.RunRequest, dg.SkipReason))
    return result


def reason_of(result: dg.SensorResult) -> str:
    assert isinstance(result.skip_reason, dg.SkipReason)
    return result.skip_reason.skip_message or ""


# -- the sensor ---------------------------------------------------------------------------------------------


def test_a_tick_asks_for_one_run_and_remembers_when_to_look_again(environment, empty, instance):
    result = tick(instance, empty)
    (request,) = result.run_requests or ()
    assert (request.job_name, request.asset_selection) == (JOB, INTAKE)
    cursor = Cursor.parse(result.cursor)
    assert not cursor.is_due(dt.datetime.now(dt.UTC))
    assert cursor.failures == 0


@pytest.mark.parametrize("cursor", ["garbage", "{}", '{"version": 1, "seen": ["2026-10-08"]}', "[" * 10_000])
def test_a_cursor_of_any_kind_is_as_none(environment, empty, instance, cursor):
    assert len(tick(instance, empty, cursor).run_requests or ()) == 1


def test_a_failing_portal_is_a_skipped_tick_with_the_reason(environment, empty, instance, portal):
    portal.misbehave("failing", None)
    result = tick(instance, empty)
    assert not result.run_requests
    assert "500" in reason_of(result)
    assert Cursor.parse(result.cursor).failures == 1


def test_a_run_that_is_under_way_keeps_the_cursor(environment, empty, instance):
    add_run(instance, dg.DagsterRunStatus.STARTED)
    before = Cursor(said="x").dump()
    result = tick(instance, empty, before)
    assert (result.run_requests or [], result.cursor) == ([], before)


def test_an_intake_that_succeeded_is_followed_by_the_build(environment, archived, instance):
    (request,) = tick(instance, archived).run_requests or ()
    assert request.tags["mcf/step"] == "2020-T1..2020-T4+whole"


def test_settings_that_cannot_be_used_are_a_skipped_tick(environment, empty, instance, monkeypatch):
    monkeypatch.setenv("MCF_POLL_SECONDS", "often")
    assert "MCF_POLL_SECONDS" in reason_of(tick(instance, empty))


@pytest.mark.parametrize(
    ("poll", "seconds"), [(None, TICK_SECONDS), ("3600", TICK_SECONDS), ("5", 5), ("0.2", 1), ("often", TICK_SECONDS)]
)
def test_who_wants_to_look_often_gets_more_ticks(monkeypatch, poll, seconds):
    if poll:
        monkeypatch.setenv("MCF_POLL_SECONDS", poll)
    assert release_sensor(ASSETS).minimum_interval_seconds == seconds


# -- the schedule -------------------------------------------------------------------------------------------


@pytest.fixture
def persistent(tmp_path):
    """A schedule opens its instance anew, by reference, which an ephemeral one does not have."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def test_the_schedule_finds_the_release_without_the_sensor(environment, empty, persistent):
    found = evaluate(persistent, empty)
    assert isinstance(found, dg.RunRequest)
    assert found.asset_selection == INTAKE


def test_the_schedule_goes_on_with_what_the_intake_left_to_build(environment, archived, persistent):
    found = evaluate(persistent, archived)
    assert isinstance(found, dg.RunRequest)
    assert found.tags["mcf/step"] == "2020-T1..2020-T4+whole"


def test_the_schedule_says_that_nothing_is_new(environment, built, persistent):
    found = evaluate(persistent, built)
    assert isinstance(found, dg.SkipReason)
    assert str(found.skip_message).startswith("unchanged")


def test_the_schedule_skips_with_the_reason_where_the_portal_fails(environment, empty, persistent, portal):
    portal.misbehave("too_many", None)
    found = evaluate(persistent, empty)
    assert isinstance(found, dg.SkipReason)
    assert "next look at" in str(found.skip_message)


def test_sensor_and_schedule_do_not_both_take_a_release_in(environment, empty, persistent):
    """Whoever is second sees the other's run."""
    (request,) = tick(persistent, empty).run_requests or ()
    add_run(persistent, dg.DagsterRunStatus.STARTING, dict(request.tags))
    assert isinstance(evaluate(persistent, empty), dg.SkipReason)


def test_it_ticks_at_the_start_of_each_quarter_in_paris():
    schedule = quarterly_release(ASSETS)
    assert schedule.execution_timezone == "Europe/Paris"
    assert schedule.cron_schedule == "0 * 1-20 1,4,7,10 *"


# -- in the graph -------------------------------------------------------------------------------------------


def test_both_are_on_by_default_and_say_what_they_are_for():
    repository = build_defs().get_repository_def()
    sensor = repository.get_sensor_def("release_sensor")
    schedule = repository.get_schedule_def("quarterly_release")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert sensor.description
    assert schedule.description
