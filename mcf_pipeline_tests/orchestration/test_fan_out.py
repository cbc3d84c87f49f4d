"""Where workers share the quarters (``MCF_QUARTERS_PER_RUN``): what is launched side by side, and what waits.

The runs are those that Dagster would have recorded; the quarters are really made, in this process.
"""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

from mcf_pipeline.definitions import ASSETS
from mcf_pipeline.duck import scratch
from mcf_pipeline.orchestration.attempts import MAX_ATTEMPTS
from mcf_pipeline.orchestration.cursor import Cursor
from mcf_pipeline.orchestration.jobs import INTAKE, STATE_TAG, STEP_TAG
from mcf_pipeline.orchestration.look import Look, look
from mcf_pipeline.orchestration.schedules import quarterly_release
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.tables.build import ensure_quarters
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.orchestration.assets import graph
from mcf_pipeline_tests.orchestration.conftest import ingest, open_workspace
from mcf_pipeline_tests.orchestration.dagster_runs import add_run
from mcf_pipeline_tests.orchestration.test_sensors_and_schedules import resources_of, tick

Status = dg.DagsterRunStatus
T1, T2, T3, T4 = (Quarter(2020, number) for number in range(1, 5))
SOON = dt.timedelta(minutes=2)


@pytest.fixture
def shared(archived, portal) -> Workspace:
    """The first release, of four quarters, is archived; a run takes one."""
    return open_workspace(archived.data_dir.root, portal, MCF_QUARTERS_PER_RUN="1")


def look_at(space: Workspace, instance: dg.DagsterInstance, after: dt.timedelta | None = None) -> Look:
    now = dt.datetime.now(dt.UTC) + (after or dt.timedelta(0))
    return look(lambda: space, instance, ASSETS, Cursor(), now)


def steps(found: Look) -> list[str]:
    return [request.tags[STEP_TAG] for request in found.requests]


def make(space: Workspace, *quarters: Quarter) -> None:
    """As a run on any machine would."""
    with scratch() as con:
        ensure_quarters(con, space.archive, space.snapshot(), quarters)


def launch(instance: dg.DagsterInstance, found: Look, status: Status = Status.STARTED) -> list[dg.DagsterRun]:
    return [add_run(instance, status, dict(request.tags)) for request in found.requests]


def test_all_quarters_are_asked_for_at_once_without_what_is_published(shared, instance):
    found = look_at(shared, instance)
    assert steps(found) == [f"{quarter}..{quarter}" for quarter in (T1, T2, T3, T4)]
    for request, quarter in zip(found.requests, (T1, T2, T3, T4), strict=True):
        assert request.tags["dagster/asset_partition_range_start"] == quarter.partition_key
        assert request.tags["dagster/asset_partition_range_end"] == quarter.partition_key
        assert sorted(key.to_user_string() for key in request.asset_selection or ()) == sorted(graph.QUARTERLY)
        assert request.run_key is None, "it would block a second try for ever"


def test_so_many_quarters_a_run_as_the_setting_says(archived, portal, instance):
    by_two = open_workspace(archived.data_dir.root, portal, MCF_QUARTERS_PER_RUN="2")
    assert steps(look_at(by_two, instance)) == [f"{T1}..{T2}", f"{T3}..{T4}"]


def test_what_is_under_way_is_not_asked_for_again(shared, instance):
    launch(instance, look_at(shared, instance))
    found = look_at(shared, instance)
    assert not found.requests
    assert "and 3 more are in progress" in found.reason


def test_what_is_published_waits_for_the_last_quarter_and_is_asked_for_once(shared, instance):
    *first, last = launch(instance, look_at(shared, instance))
    make(shared, T1, T2, T3)
    for run in first:
        instance.report_run_failed(run)  # however it ended: its quarter is there
    assert not look_at(shared, instance).requests
    make(shared, T4)
    assert not look_at(shared, instance).requests, "its checks may yet find its files wrong"
    instance.report_run_failed(last)
    found = look_at(shared, instance)
    assert steps(found) == ["none+whole"]
    assert sorted(key.to_user_string() for key in found.requests[0].asset_selection or ()) == sorted(graph.WHOLE)
    launch(instance, found, Status.STARTING)
    again = look_at(shared, instance)
    assert not again.requests
    assert "in progress" in again.reason


def test_a_quarter_whose_worker_died_is_asked_for_again_beside_the_others(shared, instance):
    _, second, *_ = launch(instance, look_at(shared, instance))
    instance.report_run_failed(second)
    soon = look_at(shared, instance)
    assert not soon.requests
    assert "next try at" in soon.reason
    later = look_at(shared, instance, after=SOON)
    assert steps(later) == [f"{T2}..{T2}"]
    assert later.requests[0].tags == dict(second.tags)


def test_a_quarter_that_another_made_meanwhile_is_not_asked_for_again(shared, instance):
    _, second, *_ = launch(instance, look_at(shared, instance))
    make(shared, T2)
    instance.report_run_failed(second)
    assert not look_at(shared, instance, after=SOON).requests


def test_a_quarter_that_fails_every_time_holds_up_what_is_published_but_no_other_quarter(shared, instance):
    request = look_at(shared, instance).requests[1]
    for _ in range(MAX_ATTEMPTS):
        add_run(instance, Status.FAILURE, dict(request.tags))
    late = dt.timedelta(days=365)
    assert steps(look_at(shared, instance, after=late)) == [f"{q}..{q}" for q in (T1, T3, T4)]
    make(shared, T1, T3, T4)
    found = look_at(shared, instance, after=late)
    assert not found.requests
    assert found.reason.startswith("2020-T2..2020-T2: failed 5 times")


@pytest.mark.parametrize("tags", [{STEP_TAG: "intake"}, {STEP_TAG: "none+whole"}, {}])
def test_a_run_that_does_anything_else_is_alone(shared, instance, tags):
    run = add_run(instance, Status.STARTED, tags)
    found = look_at(shared, instance)
    assert not found.requests
    assert run.run_id[:8] in found.reason


def test_what_was_asked_for_in_another_state_of_the_archive_is_waited_for(shared, instance, portal):
    first, *_ = launch(instance, look_at(shared, instance))
    before = first.tags[STATE_TAG]
    portal.next()
    ingest(shared)
    assert shared.snapshot().state[:32] != before
    assert not look_at(shared, instance).requests


def test_the_source_is_asked_once_nothing_is_under_way(built, portal, instance):
    shared = open_workspace(built.data_dir.root, portal, MCF_QUARTERS_PER_RUN="1")
    portal.next()
    run = add_run(instance, Status.STARTED, {STEP_TAG: f"{T1}..{T1}"})
    assert not look_at(shared, instance).requests
    assert not portal.requests
    instance.report_run_failed(run)
    (request,) = look_at(shared, instance).requests
    assert request.asset_selection == INTAKE


def test_unset_or_empty_nothing_is_shared_out(archived, portal, instance):
    for setting in ({}, {"MCF_QUARTERS_PER_RUN": ""}):
        space = open_workspace(archived.data_dir.root, portal, **setting)
        assert steps(look_at(space, instance)) == [f"{T1}..{T4}+whole"]


# -- as Dagster calls them ----------------------------------------------------------------------------------


@pytest.fixture
def environment(monkeypatch, portal):
    monkeypatch.setenv("MCF_PORTAL_URL", portal.url)
    monkeypatch.setenv("MCF_QUARTERS_PER_RUN", "2")


def test_one_tick_of_the_sensor_launches_them_all(environment, archived, instance):
    requests = tick(instance, archived).run_requests or ()
    assert [request.tags[STEP_TAG] for request in requests] == [f"{T1}..{T2}", f"{T3}..{T4}"]


def test_one_tick_of_the_schedule_launches_them_all(environment, archived, tmp_path):
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as persistent,
        dg.build_schedule_context(
            instance=persistent,
            resources=resources_of(archived),
            scheduled_execution_time=dt.datetime(2021, 1, 8, 12, tzinfo=dt.UTC),
        ) as context,
    ):
        requests = quarterly_release(ASSETS).evaluate_tick(context).run_requests or []
    assert [request.tags[STEP_TAG] for request in requests] == [f"{T1}..{T2}", f"{T3}..{T4}"]
    assert len({request.run_key for request in requests}) == 2
