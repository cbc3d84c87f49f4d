"""Telling people from the daemon: a sensor that sees how runs ended, and what the release sensor notes for it.

It is one sensor for success, failure and what is wrong without a run, in place of Dagster's run status sensors: those
replay every run of the days on which the daemon was off, and know nothing of a portal that is not reached.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import dagster as dg

from mcf_pipeline.errors import PipelineError
from mcf_pipeline.orchestration.attempts import UNDER_WAY
from mcf_pipeline.orchestration.cursor import Cursor
from mcf_pipeline.orchestration.jobs import JOB
from mcf_pipeline.orchestration.look import Look
from mcf_pipeline.orchestration.private import WILL_RETRY_TAG
from mcf_pipeline.orchestration.resources import WorkspaceResource
from mcf_pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mcf_pipeline.notices.facts import Failure

TICK_SECONDS = 30
LOOK_AGAIN = dt.timedelta(minutes=15)
"""Between looks where no run has ended: what is overdue, not reached or undelivered comes without a run."""


def notices_sensor() -> dg.SensorDefinition:
    """The sensor; on by default."""

    @dg.sensor(
        name="notices",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the addresses of MCF_NOTIFY of releases, of failures, and of what is overdue, once each.",
    )
    def sensor(context: dg.SensorEvaluationContext, workspace: WorkspaceResource) -> dg.SensorResult:
        now = dt.datetime.now(dt.UTC)
        records = context.instance.get_run_records(dg.RunsFilter(job_name=JOB), limit=1)
        last = records[0] if records else None
        seen = f"{last.dagster_run.run_id} {last.dagster_run.status.value}" if last else ""
        if last and last.dagster_run.status in UNDER_WAY:
            return dg.SensorResult(skip_reason="a run is in progress", cursor=context.cursor)
        if not _is_due(context.cursor, seen, now):
            return dg.SensorResult(skip_reason="no run has ended since the last look", cursor=context.cursor)
        said = _tell(context, workspace, last, now)
        for line in said:
            context.log.info(line)
        cursor = json.dumps({"run": seen, "looked": now.isoformat()})
        return dg.SensorResult(skip_reason="; ".join(said) or "nothing to tell", cursor=cursor)

    return sensor


def note_look(open_workspace: Callable[[], Workspace], found: Look, before: Cursor, now: dt.datetime) -> None:
    """Keep how a look at the source ended for `notices_sensor`, where somebody wants to hear of it."""
    if not found.error and found.cursor.failures == before.failures:
        return
    try:
        space = open_workspace()
        if space.settings.notify:
            from mcf_pipeline.notices import telling

            telling.note_look(space, found.error, now)
    except (OSError, PipelineError):
        return  # the look itself says what is wrong, in the tick


def _tell(
    context: dg.SensorEvaluationContext, workspace: WorkspaceResource, last: dg.RunRecord | None, now: dt.datetime
) -> list[str]:
    """Tell what there is to tell; returns what was sent, and what was not."""
    try:
        space = workspace.open()
        if not space.settings.notify:
            return []
        space.refresh()
        space.pull_product("warehouse")
    except PipelineError as error:
        return [str(error)]
    from mcf_pipeline.notices import telling

    failure, ran_at = None, None
    if last and last.dagster_run.status == dg.DagsterRunStatus.SUCCESS and last.end_time:
        ran_at = dt.datetime.fromtimestamp(last.end_time, dt.UTC)
    # Dagster tries again by itself where a run's process died.
    elif last and last.dagster_run.status == dg.DagsterRunStatus.FAILURE and not _is_retried(last.dagster_run):
        failure = failure_of(context.instance, last.dagster_run.run_id)
    outcome = telling.tell(space, failure=failure, ran_at=ran_at, now=now)
    return [*(f"sent: {subject}" for subject in outcome.sent), *outcome.problems]


def failure_of(instance: dg.DagsterInstance, run_id: str) -> Failure:
    """Why a run failed, as the command line would say it."""
    from mcf_pipeline.notices.facts import Failure

    events = [entry.dagster_event for entry in instance.all_logs(run_id) if entry.dagster_event]
    for event in events:
        error = event.step_failure_data.error if event.is_step_failure else None
        # Dagster wraps what a step raises in an error of its own.
        while error and error.cause:
            error = error.cause
        if error:
            kind = (error.cls_name or "Error").rpartition(".")[2]
            return Failure(kind, re.sub(rf"^[\w.]*{re.escape(kind)}: ", "", error.message.strip()))
    said = [event.message for event in events if event.event_type == dg.DagsterEventType.RUN_FAILURE]
    return Failure("RunFailure", (said and said[-1]) or "the run failed without saying why; the Dagster UI shows it")


def _is_retried(run: dg.DagsterRun) -> bool:
    return run.tags.get(WILL_RETRY_TAG) == "true"


def _is_due(cursor: str | None, seen: str, now: dt.datetime) -> bool:
    try:
        before = json.loads(cursor or "")
        looked = dt.datetime.fromisoformat(before["looked"])
        return bool(before["run"] != seen or not dt.timedelta(0) <= now - looked < LOOK_AGAIN)
    except (ValueError, TypeError, KeyError):
        return True
