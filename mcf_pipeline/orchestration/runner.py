"""The story of a release, from top to bottom: look, ingest, build what is missing, publish.

`run` and `rebuild` follow it to its end in one process; the sensor and the schedule take one step of it per tick.
Dagster is loaded once there is something to do, since a run that finds nothing new needs none of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mcf_pipeline.archive.detection import Verdict, detect
from mcf_pipeline.errors import ContractError, PipelineError
from mcf_pipeline.log import event
from mcf_pipeline.orchestration.steps import Step, next_step
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.tables.snapshot import Plan, Snapshot
from mcf_pipeline.workspace import Workspace

Materialize = Callable[[Snapshot, Step | None, str | None], None]
"""Runs a step; with the id of a release that was just ingested, if any. No step: the release alone."""


@dataclass(slots=True)
class Outcome:
    """What a run did.

    Attributes:
        verdict: whether there was a new release; None where the source was not asked.
        plan: what had to be done when the building began.
        ingested: ids of the releases that were archived.
        repeated: id of the archived release that the source sent again, if it did.
        same_figures: whether the current figures are those of before the run.
        runs: Dagster runs that were made.
        snapshot: the data directory at the end.
    """

    verdict: Verdict | None
    plan: Plan
    snapshot: Snapshot
    ingested: list[str] = field(default_factory=list)
    repeated: str | None = None
    same_figures: bool = True
    runs: int = 0


def look(space: Workspace, snapshot: Snapshot) -> Verdict:
    """Ask the source, as cheaply as it can tell, whether it has a new release.

    Raises:
        SourceError: it cannot be reached, or refused.
    """
    verdict = detect(space.source().peek(), snapshot.manifests)
    event("release_found" if verdict.needs_download else "nothing_new", reason=str(verdict))
    return verdict


def current_figures(snapshot: Snapshot) -> dict[Quarter, str]:
    """The content of each quarter's current state."""
    line = snapshot.timeline
    return {quarter: state.sha256 for quarter in line.quarters if (state := line.current(quarter))}


def upcoming(space: Workspace, snapshot: Snapshot) -> Step | None:
    """The next run that the archive calls for."""
    return next_step(snapshot.plan.to_do, is_published=space.is_published(snapshot))


def follow(space: Workspace, materialize: Materialize, *, ask_source: bool = True, force: bool = False) -> Outcome:
    """Look for a release, ingest it, build what is missing, and publish.

    A quarter whose newest content is refused keeps its state and stops nothing else; `Workspace.refusals` names it.

    Args:
        space: the data directory; the caller holds its lock.
        materialize: runs a step.
        ask_source: whether to ask the source at all; the archive alone is used where False.
        force: rematerialize every quarter, whether its files are there or not.

    Raises:
        PipelineError: what could not be done.
    """
    snapshot = space.snapshot()
    before = current_figures(snapshot)
    verdict = look(space, snapshot) if ask_source else None
    ingested: list[str] = []
    repeated = None
    if verdict and verdict.needs_download:
        known = {manifest.release_id for manifest in snapshot.manifests}
        intake = space.ingest()
        if not intake.is_new:
            repeated = intake.manifest.release_id
        snapshot = space.snapshot()
        # One as a rule; a source that offers earlier releases too gives several at once.
        ingested = [m.release_id for m in snapshot.manifests if m.release_id not in known]
    elif verdict:
        space.archive.raise_if_held(snapshot.manifests[-1].release_id)
    outcome = Outcome(verdict, snapshot.plan, snapshot, ingested, repeated)
    waiting = list(ingested)
    forced = set(snapshot.timeline.quarters) if force else set()
    done: tuple[Step, str] | None = None
    while True:
        to_do = sorted(forced.union(snapshot.plan.to_do) & set(snapshot.timeline.quarters))
        step = next_step(to_do, is_published=not force and space.is_published(snapshot))
        if step is None and not waiting:
            outcome.same_figures = current_figures(snapshot) == before
            return outcome
        # A run that met a refused quarter is asked for again, by a timeline without it.
        if step and (step, snapshot.state) == done:
            raise PipelineError(
                f"the run of {step.key} ended but left work undone: this is a bug, please report it; "
                "the published warehouse was not changed"
            )
        done = (step, snapshot.state) if step else None
        refused = False
        try:
            materialize(snapshot, step, waiting.pop(0) if waiting else None)
        except ContractError as error:
            # What was refused is known now, and the next snapshot goes on without it.
            if error.rule != "trop_de_rejets":
                raise
            refused = True
        outcome.runs += 1
        if step and not refused:
            forced -= set(step.quarters)
            force = force and not step.makes_whole
        snapshot = outcome.snapshot = space.snapshot()
