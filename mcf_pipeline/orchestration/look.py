"""One look: is there something to build, else is there a new release? The sensor and the schedule share it."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import dagster as dg

from mcf_pipeline.archive.detection import detect
from mcf_pipeline.errors import BusyError, PipelineError
from mcf_pipeline.log import event
from mcf_pipeline.orchestration.attempts import Attempts, attempts, run_under_way
from mcf_pipeline.orchestration.cursor import LONGEST_WAIT, Cursor
from mcf_pipeline.orchestration.jobs import INTAKE, JOB, RELEASE_TAG, intake_tags, selection_of, tags_of
from mcf_pipeline.orchestration.runner import upcoming
from mcf_pipeline.sources.base import Peek
from mcf_pipeline.workspace import Workspace

LOCK_TIMEOUT = 2.0
"""Seconds that a look waits for another process to let go of the data directory; it will look again anyway."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look came to.

    Attributes:
        request: the run to launch, if any.
        reason: why none is launched, or why this one.
        cursor: what to remember.
        error: why the look failed, if it did.
    """

    request: dg.RunRequest | None
    reason: str
    cursor: Cursor
    error: PipelineError | None = None


def look(
    open_workspace: Callable[[], Workspace],
    instance: dg.DagsterInstance,
    assets: list[dg.AssetsDefinition],
    cursor: Cursor,
    now: dt.datetime,
) -> Look:
    """Look once; never raises for anything that settings, a source, the archive or another run can do.

    A run is launched only when none is under way: first what the archive holds and the warehouse does not,
    then, if the source may be asked again, what the source holds and the archive does not.
    """
    try:
        run_id = run_under_way(instance)
        if run_id:
            return Look(None, f"run {run_id[:8]} is in progress", cursor)
        space = open_workspace()
        return _build_request(space, instance, assets, cursor, now) or _intake_request(space, instance, cursor, now)
    except BusyError:
        return Look(None, "another process is writing; looking again later", cursor)
    except PipelineError as error:
        failed = cursor.failed(now, str(error), getattr(error, "reset_at", None))
        return Look(None, f"{error} (next look at {failed.next_look})", failed, error)


def _build_request(
    space: Workspace,
    instance: dg.DagsterInstance,
    assets: list[dg.AssetsDefinition],
    cursor: Cursor,
    now: dt.datetime,
) -> Look | None:
    if not space.snapshot().timeline.releases:
        return None
    # The command line holds the directory from before its intake, and has a run that can be seen only after it.
    with space.lock(timeout=LOCK_TIMEOUT):
        snapshot = space.snapshot()
        step = upcoming(space, snapshot)
    if step is None:
        return None
    tags = tags_of(step, snapshot.state)
    waiting = attempts(instance, tags).reason_to_wait(now)
    if waiting:
        return Look(None, f"{step.key}: {waiting}", cursor)
    request = dg.RunRequest(job_name=JOB, tags=tags, asset_selection=selection_of(step, assets))
    return Look(request, f"building {step.key}", cursor)


def _intake_request(space: Workspace, instance: dg.DagsterInstance, cursor: Cursor, now: dt.datetime) -> Look:
    if not cursor.is_due(now):
        return Look(None, f"{cursor.said or 'nothing new'}; next look at {cursor.next_look}", cursor)
    peek = space.source().peek()
    verdict = detect(peek, space.archive.manifests())
    event("release_found" if verdict.needs_download else "nothing_new", reason=str(verdict))
    interval = dt.timedelta(seconds=min(space.settings.poll_seconds, LONGEST_WAIT.total_seconds()))
    looked = cursor.looked(now, interval, str(verdict))
    if not verdict.needs_download:
        return Look(None, str(verdict), looked)
    tags = intake_tags() | {RELEASE_TAG: _fingerprint(peek)}
    earlier = attempts(instance, tags)
    waiting = earlier.reason_to_wait(now) or _ingested_lately(earlier, now)
    if waiting:
        return Look(None, f"{verdict}: {waiting}", looked)
    return Look(dg.RunRequest(job_name=JOB, tags=tags, asset_selection=INTAKE), str(verdict), looked)


def _ingested_lately(earlier: Attempts, now: dt.datetime) -> str | None:
    """A source that cannot tell its releases apart is downloaded once a day at most."""
    if earlier.succeeded and earlier.last_end and now - earlier.last_end < dt.timedelta(days=1):
        return "ingested less than a day ago"
    return None


def _fingerprint(peek: Peek | None) -> str:
    return hashlib.sha256(repr(peek).encode()).hexdigest()[:32]
