"""The quarterly schedule: looks for the release at the start of each quarter, even where the sensor is off."""

import datetime as dt

import dagster as dg

from mcf_pipeline.orchestration.cursor import Cursor
from mcf_pipeline.orchestration.jobs import STEP_TAG, release
from mcf_pipeline.orchestration.look import look
from mcf_pipeline.orchestration.resources import WorkspaceResource

CRON = "0 * 1-20 1,4,7,10 *"
"""Every hour of the first twenty days of a quarter: the day of a release is not announced, one tick ingests it
and the next ones build it, and a tick that finds nothing costs one small request."""


OVERDUE_CRON = "30 7 * * *"
"""Each morning: what is overdue is seen where nothing is published, which is just when no run would look."""


def overdue_release(check: dg.AssetChecksDefinition) -> dg.ScheduleDefinition:
    """The schedule that evaluates the check on an overdue release; on by default."""
    return dg.ScheduleDefinition(
        name="overdue_release",
        cron_schedule=OVERDUE_CRON,
        execution_timezone="Europe/Paris",
        target=dg.AssetSelection.checks(check),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Each morning, turns the check `release_en_retard` red if a quarter's release is overdue.",
    )


def quarterly_release(assets: list[dg.AssetsDefinition]) -> dg.ScheduleDefinition:
    """The schedule over these assets; on by default."""

    @dg.schedule(
        name="quarterly_release",
        cron_schedule=CRON,
        execution_timezone="Europe/Paris",
        job=release,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="At the start of each quarter, looks for the release even where the sensor is off.",
    )
    def schedule(
        context: dg.ScheduleEvaluationContext, workspace: WorkspaceResource
    ) -> dg.RunRequest | list[dg.RunRequest] | dg.SkipReason:
        found = look(workspace.open, context.instance, assets, Cursor(), dt.datetime.now(dt.UTC))
        if not found.requests:
            return dg.SkipReason(found.reason)
        if len(found.requests) == 1:
            return found.requests[0]
        # Several need keys, which count within one tick: no later one is kept from another try, as a sensor's would be.
        return [request.with_replaced_attrs(run_key=request.tags[STEP_TAG]) for request in found.requests]

    return schedule
