"""Earlier runs of a request: counted by their tags, tried again later each time, and not for ever."""

from __future__ import annotations

import datetime as dt

import dagster as dg
import pytest

from mcf_pipeline.orchestration.attempts import MAX_ATTEMPTS, UNDER_WAY, Attempts, attempts, runs_under_way
from mcf_pipeline.orchestration.jobs import REFUSED_TAG, STATE_TAG, STEP_TAG
from mcf_pipeline_tests.orchestration.dagster_runs import add_run

Status = dg.DagsterRunStatus
NOW = dt.datetime(2026, 10, 8, 5, 0, tzinfo=dt.UTC)
TAGS = {STEP_TAG: "2024-T1..2024-T2", STATE_TAG: "abc"}


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def test_without_runs_there_is_nothing_to_wait_for(instance):
    assert attempts(instance, TAGS) == Attempts()
    assert Attempts().reason_to_wait(NOW) is None


def test_runs_that_carry_the_tags_are_counted_and_no_other(instance):
    for status in (Status.FAILURE, Status.CANCELED, Status.SUCCESS, Status.STARTED):
        add_run(instance, status, TAGS)
    add_run(instance, Status.FAILURE, TAGS | {STATE_TAG: "another"})
    add_run(instance, Status.FAILURE)
    found = attempts(instance, TAGS)
    assert (found.failed, found.succeeded) == (2, 1)
    assert found.last_end is not None
    assert abs(found.last_end - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=10)


@pytest.mark.parametrize(("failed", "minutes"), [(1, 1), (2, 2), (3, 4), (4, 8)])
def test_a_failed_run_is_tried_again_later_each_time(failed, minutes):
    earlier = Attempts(failed=failed, last_end=NOW)
    due = NOW + dt.timedelta(minutes=minutes)
    assert "next try at" in str(earlier.reason_to_wait(due - dt.timedelta(seconds=1)))
    assert earlier.reason_to_wait(due) is None


def test_after_too_many_failures_a_person_has_to_look():
    earlier = Attempts(failed=MAX_ATTEMPTS, last_end=NOW)
    assert "fix the cause" in str(earlier.reason_to_wait(NOW + dt.timedelta(days=365)))


def test_what_the_contract_refused_is_not_tried_again(instance):
    add_run(instance, Status.FAILURE, TAGS | {REFUSED_TAG: "colonne_manquante"})
    found = attempts(instance, TAGS)
    assert found.refused == "colonne_manquante"
    assert "colonne_manquante" in str(found.reason_to_wait(NOW + dt.timedelta(days=365)))


def test_a_refusal_counts_no_longer_once_a_person_has_had_it_ingested(instance):
    add_run(instance, Status.FAILURE, TAGS | {REFUSED_TAG: "colonne_manquante"})
    add_run(instance, Status.SUCCESS, TAGS)
    assert attempts(instance, TAGS).refused is None


def test_a_run_that_succeeded_is_no_reason_to_wait():
    assert Attempts(succeeded=3, last_end=NOW).reason_to_wait(NOW) is None


@pytest.mark.parametrize("status", [status for status in UNDER_WAY if status != Status.QUEUED])
def test_a_run_that_has_not_ended_is_under_way(instance, status):
    run = add_run(instance, status)
    assert [found.run_id for found in runs_under_way(instance)] == [run.run_id]


@pytest.mark.parametrize("status", [Status.SUCCESS, Status.FAILURE, Status.CANCELED])
def test_a_run_that_has_ended_is_not(instance, status):
    add_run(instance, status)
    assert runs_under_way(instance) == []


def test_another_jobs_run_is_none_of_ours(instance):
    add_run(instance, Status.STARTED, job="another")
    assert runs_under_way(instance) == []
