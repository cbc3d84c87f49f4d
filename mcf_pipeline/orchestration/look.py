"""One look: is there something to build, else is there a new release? The sensor and the schedule share it."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import dagster as dg

from mcf_pipeline import __version__
from mcf_pipeline.archive.detection import detect
from mcf_pipeline.errors import BusyError, PipelineError
from mcf_pipeline.log import event
from mcf_pipeline.orchestration.attempts import Attempts, attempts, newest_run, runs_under_way
from mcf_pipeline.orchestration.cursor import LONGEST_WAIT, Cursor
from mcf_pipeline.orchestration.jobs import (
    INTAKE,
    JOB,
    RELEASE_TAG,
    intake_tags,
    quarters_of_run,
    selection_of,
    tags_of,
)
from mcf_pipeline.orchestration.steps import Step, next_step, next_steps
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.sources.base import Peek
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.workspace import Workspace

LOCK_TIMEOUT = 2.0
"""Seconds that a look waits for another process to let go of the data directory; it will look again anyway."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look came to.

    Attributes:
        requests: the runs to launch; more than one only where quarters are shared out (``MCF_QUARTERS_PER_RUN``).
        reason: why none is launched, or why these.
        cursor: what to remember.
        error: why the look failed, if it did.
    """

    requests: tuple[dg.RunRequest, ...]
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
    then, if the source may be asked again, what the source holds and the archive does not. Where quarters are shared
    out, those that no run is making are launched beside the others; everything else waits for all of them.
    """
    newest = ""
    try:
        runs = runs_under_way(instance)
        space = open_workspace()
        if runs and space.settings.quarters_per_run is None:
            return _wait_for(runs, cursor)
        if space.settings.store:
            newest = newest_run(instance)
            # Each request to a store takes time and costs money: without a run since, there is what there was.
            if not runs and cursor.after_run == newest and not cursor.is_due(now):
                return _not_yet(cursor)
        space.refresh()
        if building := _build_requests(space, instance, assets, cursor, now, runs):
            return building
        found = _intake_request(space, instance, cursor, now)
        return replace(found, cursor=replace(found.cursor, after_run=newest))
    except BusyError:
        return Look((), "another process is writing; looking again later", cursor)
    except PipelineError as error:
        failed = replace(cursor.failed(now, str(error), getattr(error, "reset_at", None)), after_run=newest)
        return Look((), f"{error} (next look at {failed.next_look})", failed, error)


def _wait_for(runs: Sequence[dg.DagsterRun], cursor: Cursor) -> Look:
    others = f" and {len(runs) - 1} more are" if len(runs) > 1 else " is"
    return Look((), f"run {runs[0].run_id[:8]}{others} in progress", cursor)


def _build_requests(
    space: Workspace,
    instance: dg.DagsterInstance,
    assets: list[dg.AssetsDefinition],
    cursor: Cursor,
    now: dt.datetime,
    runs: Sequence[dg.DagsterRun],
) -> Look | None:
    snapshot = space.snapshot()
    making = [quarters_of_run(run, snapshot.state) for run in runs]
    # An intake and a publication are each alone; so is what was asked for before a quarter's content was refused.
    if None in making:
        return _wait_for(runs, cursor)
    if not snapshot.timeline.releases:
        return None
    # The command line holds the directory from before its intake, and has a run that can be seen only after it.
    with space.lock(timeout=LOCK_TIMEOUT):
        snapshot = space.snapshot()
        steps = _steps(space, snapshot, [quarter for quarters in making for quarter in quarters or ()])
    requests, building, waiting = [], [], []
    for step in steps:
        tags = tags_of(step, snapshot.state)
        reason = attempts(instance, tags).reason_to_wait(now)
        if reason:
            waiting.append(f"{step.key}: {reason}")
        else:
            building.append(step.key)
            requests.append(dg.RunRequest(job_name=JOB, tags=tags, asset_selection=selection_of(step, assets)))
    if requests:
        return Look(tuple(requests), f"building {', '.join(building)}", cursor)
    if waiting:
        return Look((), "; ".join(waiting), cursor)
    return _wait_for(runs, cursor) if runs else None


def _steps(space: Workspace, snapshot: Snapshot, under_way: list[Quarter]) -> list[Step]:
    to_do, is_published = snapshot.plan.to_do, space.is_published(snapshot)
    per_run = space.settings.quarters_per_run
    if per_run is not None:
        return next_steps(to_do, is_published=is_published, per_run=per_run, under_way=under_way)
    step = next_step(to_do, is_published=is_published)
    return [step] if step else []


def _not_yet(cursor: Cursor) -> Look:
    return Look((), f"{cursor.said or 'nothing new'}; next look at {cursor.next_look}", cursor)


def _intake_request(space: Workspace, instance: dg.DagsterInstance, cursor: Cursor, now: dt.datetime) -> Look:
    if not cursor.is_due(now):
        return _not_yet(cursor)
    peek = space.source().peek()
    verdict = detect(peek, space.archive.manifests())
    event("release_found" if verdict.needs_download else "nothing_new", reason=str(verdict))
    interval = dt.timedelta(seconds=min(space.settings.poll_seconds, LONGEST_WAIT.total_seconds()))
    looked = cursor.looked(now, interval, str(verdict))
    if not verdict.needs_download:
        return Look((), str(verdict), looked)
    tags = intake_tags() | {RELEASE_TAG: _fingerprint(space, peek)}
    earlier = attempts(instance, tags)
    if peek is None and earlier.refused and not _is_recent(earlier, now):
        # Whether the file is still the one that was refused cannot be known without downloading it.
        earlier = Attempts()
    waiting = earlier.reason_to_wait(now) or _ingested_lately(earlier, now)
    if waiting:
        return Look((), f"{verdict}: {waiting}", looked)
    return Look((dg.RunRequest(job_name=JOB, tags=tags, asset_selection=INTAKE),), str(verdict), looked)


def _ingested_lately(earlier: Attempts, now: dt.datetime) -> str | None:
    """A source that cannot tell its releases apart is downloaded once a day at most."""
    return "ingested less than a day ago" if earlier.succeeded and _is_recent(earlier, now) else None


def _is_recent(earlier: Attempts, now: dt.datetime) -> bool:
    return earlier.last_end is not None and now - earlier.last_end < dt.timedelta(days=1)


def _fingerprint(space: Workspace, peek: Peek | None) -> str:
    """Of what decides whether a release is taken in: what the source says of it, the rules, and the limits."""
    decided_by = (peek, space.rules, space.settings.limits, __version__)
    return hashlib.sha256(repr(decided_by).encode()).hexdigest()[:32]
