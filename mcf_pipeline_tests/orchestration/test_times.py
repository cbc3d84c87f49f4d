"""Midnights, the change to summer time and a laptop that slept: the real schedules, by Dagster's own scheduler."""

from __future__ import annotations

import datetime as dt
import logging
import zoneinfo
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import dagster as dg
import pytest
from dagster._core.test_utils import create_test_daemon_workspace_context, freeze_time
from dagster._core.workspace.load_target import ModuleTarget
from dagster._scheduler.scheduler import launch_scheduled_runs
from dagster._utils.schedules import schedule_execution_time_iterator

from mcf_pipeline.contract.parsing import quarter_problem
from mcf_pipeline.definitions import ASSETS, build_defs
from mcf_pipeline.orchestration.partitions import QUARTERS
from mcf_pipeline.orchestration.schedules import quarterly_release
from mcf_pipeline.quarter import Quarter

CODE = ModuleTarget("mcf_pipeline.definitions", attribute=None, working_directory=None, location_name="mcf_pipeline")
PARIS = zoneinfo.ZoneInfo("Europe/Paris")


def ticks(name: str, start: dt.datetime, end: dt.datetime) -> list[dt.datetime]:
    """When a schedule ticks, in UTC, by the iterator that the daemon uses."""
    schedule = build_defs().get_repository_def().get_schedule_def(name)
    assert isinstance(schedule.cron_schedule, str)
    found = []
    for moment in schedule_execution_time_iterator(
        start.timestamp(), schedule.cron_schedule, schedule.execution_timezone, ascending=True
    ):
        if moment >= end:
            return found
        found.append(moment.astimezone(dt.UTC))
    raise AssertionError("unreachable")


def utc(*moment: int) -> dt.datetime:
    return dt.datetime(*moment, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("year", "first", "last"),
    [
        (1, utc(2026, 12, 31, 23), utc(2027, 1, 20, 22)),  # winter: an hour before UTC's midnight
        (4, utc(2027, 3, 31, 22), utc(2027, 4, 20, 21)),  # summer: two
        (7, utc(2027, 6, 30, 22), utc(2027, 7, 20, 21)),
        (10, utc(2027, 9, 30, 22), utc(2027, 10, 20, 21)),
    ],
)
def test_a_quarters_first_look_is_at_its_first_midnight_in_paris(year, first, last):
    found = ticks("quarterly_release", first - dt.timedelta(days=40), last + dt.timedelta(days=40))
    assert (found[0], found[-1]) == (first, last)
    assert len(found) == 20 * 24
    assert {later - earlier for earlier, later in pairwise(found)} == {dt.timedelta(hours=1)}


@pytest.mark.parametrize("change", [dt.date(2027, 3, 28), dt.date(2027, 10, 31)])
def test_on_the_day_of_a_time_change_what_is_overdue_is_looked_at_once(change):
    start = dt.datetime.combine(change - dt.timedelta(days=1), dt.time(), PARIS)
    found = ticks("overdue_release", start, start + dt.timedelta(days=3))
    local = [moment.astimezone(PARIS) for moment in found]
    assert [(moment.date() - change).days for moment in local] == [-1, 0, 1]
    assert {moment.time() for moment in local} == {dt.time(7, 30)}
    assert found[0].hour != found[2].hour, "or no clock was changed"


@pytest.mark.parametrize(
    ("now", "running"),
    [
        (utc(2026, 12, 31, 22, 59), "2026-10-01"),
        (utc(2026, 12, 31, 23, 0), "2026-10-01"),  # midnight in Paris: the quarter that begins has no line yet
        (utc(2027, 1, 1, 0, 0), "2027-01-01"),
        (utc(2027, 3, 28, 1, 0), "2027-01-01"),
        (utc(2027, 4, 1, 0, 0), "2027-04-01"),
    ],
)
def test_the_running_quarter_is_the_same_for_the_partitions_and_for_the_contract(now, running):
    """A line is accepted of just the quarters that have a partition; both go by UTC."""
    assert QUARTERS.get_partition_keys(current_time=now)[-1] == running
    quarter = Quarter.from_partition_key(running)
    assert quarter_problem(quarter, now.date()) is None
    assert quarter_problem(quarter + 1, now.date())


@pytest.mark.slow
def test_a_daemon_that_slept_for_a_week_takes_a_release_in_once(tmp_path, monkeypatch, portal):
    """It wakes up behind by a week of hours, of which Dagster makes up for the last one alone."""
    monkeypatch.setenv("MCF_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MCF_PORTAL_URL", portal.url)
    monkeypatch.setenv("MCF_LIMIT_MAX_ATTEMPTS", "1")
    asleep, awake = utc(2027, 1, 2, 9, 30), utc(2027, 1, 9, 9, 40)
    with (
        dg.DagsterInstance.local_temp(str(tmp_path)) as instance,
        create_test_daemon_workspace_context(CODE, instance) as context,
        ThreadPoolExecutor(1) as pool,
    ):
        times: dict = {}
        schedule = quarterly_release(ASSETS)
        futures: dict = {}
        for now in (asleep, awake):
            with freeze_time(now):
                errors = launch_scheduled_runs(
                    context, logging.getLogger(__name__), now, times, pool, scheduler_run_futures=futures
                )
                assert [error for error in errors if error] == []
                for future in futures.values():
                    future.result()
        runs = instance.get_runs()
        state = next(s for s in instance.all_instigator_state() if s.name == schedule.name)
        reported = instance.get_ticks(state.instigator_origin_id, state.selector_id)
    intakes = [run for run in runs if run.tags.get("mcf/step") == "intake"]
    assert len(intakes) == 1
    assert [(tick.status.value, tick.timestamp) for tick in reported] == [("SUCCESS", utc(2027, 1, 9, 9).timestamp())]
