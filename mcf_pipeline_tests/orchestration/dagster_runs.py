"""Runs as Dagster would have recorded them, put into an instance without running anything."""

from __future__ import annotations

import dagster as dg
from dagster import DagsterEventType
from dagster._core.events import DagsterEvent
from dagster._core.utils import make_new_run_id

from mcf_pipeline.orchestration.jobs import JOB


def add_run(
    instance: dg.DagsterInstance,
    status: dg.DagsterRunStatus,
    tags: dict[str, str] | None = None,
    job: str = JOB,
) -> dg.DagsterRun:
    """A run in a state; one that ended did so just now."""
    ends = {
        dg.DagsterRunStatus.SUCCESS: DagsterEventType.RUN_SUCCESS,
        dg.DagsterRunStatus.FAILURE: DagsterEventType.RUN_FAILURE,
        dg.DagsterRunStatus.CANCELED: DagsterEventType.RUN_CANCELED,
    }
    before = dg.DagsterRunStatus.STARTED if status in ends else status
    run = instance.add_run(dg.DagsterRun(job, make_new_run_id(), status=before, tags=tags or {}))
    if status in ends:
        instance.report_dagster_event(DagsterEvent(ends[status].value, job), run.run_id)
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status == status
    return found
