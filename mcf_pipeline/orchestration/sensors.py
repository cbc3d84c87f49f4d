"""The release sensor: finds a new release by itself and has it ingested and built.

It is thin on purpose: what it decides is in `look`, what it remembers in `cursor`.
"""

import datetime as dt

import dagster as dg

from mcf_pipeline.errors import UsageError
from mcf_pipeline.orchestration.cursor import Cursor
from mcf_pipeline.orchestration.jobs import release
from mcf_pipeline.orchestration.look import look
from mcf_pipeline.orchestration.notices import note_look
from mcf_pipeline.orchestration.resources import WorkspaceResource
from mcf_pipeline.settings import Settings

TICK_SECONDS = 15
"""Between ticks, unless ``MCF_POLL_SECONDS`` asks for more of them. Most cost nothing: they look only whether a run
has ended and left something to do."""


def release_sensor(assets: list[dg.AssetsDefinition]) -> dg.SensorDefinition:
    """The sensor over these assets; on by default."""

    @dg.sensor(
        name="release_sensor",
        job=release,
        minimum_interval_seconds=_tick_seconds(),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks for a new release (one small request every MCF_POLL_SECONDS), ingests it, then "
        "rematerializes the new and changed quarters, one run per contiguous range or MCF_QUARTERS_PER_RUN quarters.",
    )
    def sensor(context: dg.SensorEvaluationContext, workspace: WorkspaceResource) -> dg.SensorResult:
        before, now = Cursor.parse(context.cursor), dt.datetime.now(dt.UTC)
        found = look(workspace.open, context.instance, assets, before, now)
        note_look(workspace.open, found, before, now)
        if not found.requests:
            return dg.SensorResult(skip_reason=found.reason, cursor=found.cursor.dump())
        context.log.info(found.reason)
        return dg.SensorResult(run_requests=list(found.requests), cursor=found.cursor.dump())

    return sensor


def _tick_seconds() -> int:
    try:
        return max(1, min(TICK_SECONDS, int(Settings.from_env().poll_seconds)))
    except UsageError:
        return TICK_SECONDS  # each tick says what is wrong with the settings
