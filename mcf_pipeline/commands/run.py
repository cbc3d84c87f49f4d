"""``run``: take a release in, rematerialize what changed, publish; all through Dagster, in this process.

Its materializations stand in the Dagster UI like those of any other run.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcf_pipeline.archive.detection import Verdict, detect
from mcf_pipeline.commands.console import err, one_voice, out, progress_bar
from mcf_pipeline.errors import ContractError, PipelineError
from mcf_pipeline.files import explain_disk_errors
from mcf_pipeline.orchestration.steps import Step, next_step
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.settings import SAMPLE, Settings
from mcf_pipeline.warehouse.plan import Plan
from mcf_pipeline.workspace import Workspace

if TYPE_CHECKING:
    import dagster as dg


IMPATIENCE = 3.0
"""Seconds that a command waits for the data directory: a tick of the sensor holds it for a moment, a run for long."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run did.

    Attributes:
        verdict: whether there was a new release.
        plan: what had to be done when it began.
        runs: Dagster runs of quarters.
    """

    verdict: Verdict | None
    plan: Plan
    runs: int


def run(settings: Settings, *, force: bool, accept_release: str | None, dagster_logs: bool) -> None:
    """Do the main job and print its summary.

    Raises:
        PipelineError: of the kind that decides the exit code.
    """
    space = Workspace(settings)
    with space.lock(patience=IMPATIENCE):
        if accept_release:
            space.archive.accept(accept_release)
        with progress_bar():
            outcome = execute(space, force=force, look=accept_release is None, dagster_logs=dagster_logs)
        refusals = space.refusals()
        summary(space, outcome, refusals)
        raise_if_refused(refusals)


def execute(space: Workspace, *, force: bool = False, look: bool = True, dagster_logs: bool = False) -> Outcome:
    """Look for a release, take it in, and follow the plan to its end.

    Args:
        space: the data directory.
        force: rematerialize every quarter.
        look: whether to ask the source at all; the archive alone is used where False.
        dagster_logs: whether Dagster may print its own lines.

    A quarter whose newest telling is refused keeps its state and stops nothing else; `raise_if_refused` says so.

    Raises:
        PipelineError: what could not be done.
    """
    source = space.source() if look else None
    known = space.archive.manifests()
    verdict = None
    if source:
        verdict = detect(source.peek(), known, source.quarter_totals)
        if not verdict.needs_download:
            space.archive.raise_if_held(known[-1].release_id)
            if not force and _nothing_to_do(space):
                return Outcome(verdict, space.plan(), 0)
    # The build stays open for the whole of it: each step opens it, and the first to open and the last to close it pay
    # for reading and for checkpointing the file.
    quiet = nullcontext() if dagster_logs else one_voice()
    with quiet, explain_disk_errors(), space.build(), _dagster(space, dagster_logs=dagster_logs) as instance:
        if verdict and verdict.needs_download:
            _materialize(instance, space, None, dagster_logs=dagster_logs)
        return _follow_plan(instance, space, verdict, force=force, dagster_logs=dagster_logs)


def _nothing_to_do(space: Workspace) -> bool:
    line = space.timeline()
    return next_step(space.plan(line), is_published=space.is_published(line)) is None


def _follow_plan(
    instance: dg.DagsterInstance,
    space: Workspace,
    verdict: Verdict | None,
    *,
    force: bool,
    dagster_logs: bool,
) -> Outcome:
    line = space.timeline()
    if force:
        space.forget_marks()
    first = plan = space.plan(line)
    runs = 0
    done: tuple[Step, str] | None = None
    while step := next_step(plan, is_published=space.is_published(line)):
        # A run that met a refused quarter is asked for again, by a timeline without it.
        if (step, space.state(line)) == done:
            raise PipelineError(
                f"the run of {step.key} ended and is still to be done: please report this; "
                "the published warehouse is as it was"
            )
        done = step, space.state(line)
        try:
            _materialize(instance, space, step, dagster_logs=dagster_logs)
        except ContractError as error:
            # What was refused is known now, and the plan goes on without it.
            if error.rule != "trop_de_rejets":
                raise
        runs += 1
        line = space.timeline()
        plan = space.plan(line)
    return Outcome(verdict, first, runs)


def raise_if_refused(refusals: Mapping[Quarter, ContractError]) -> None:
    """Say which quarters keep an older state than the newest release tells; in every run, until it is mended.

    Raises:
        ContractError: with the three commonest reasons of each.
    """
    if refusals:
        raise ContractError(" | ".join(map(str, refusals.values())), rule="trop_de_rejets")


@contextmanager
def _dagster(space: Workspace, *, dagster_logs: bool) -> Iterator[dg.DagsterInstance]:
    """The persistent instance: DAGSTER_HOME's, else the checkout's with its storage in the data directory."""
    os.environ["MCF_DATA_DIR"] = str(space.data_dir.root)
    import dagster as dg

    from mcf_pipeline.orchestration.instance import open_instance

    if not dagster_logs:
        # What Dagster cannot store it also logs, beside raising it; the error says it once.
        logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with open_instance() as instance:
        if isinstance(instance, dg.DagsterInstance):
            yield instance


def _materialize(instance: dg.DagsterInstance, space: Workspace, step: Step | None, *, dagster_logs: bool) -> None:
    from dagster._core.errors import DagsterAssetCheckFailedError

    from mcf_pipeline.definitions import ASSETS, build_defs
    from mcf_pipeline.orchestration.assets.base import WorkspaceResource
    from mcf_pipeline.orchestration.jobs import INTAKE, JOB, intake_tags, selection_of, tags_of

    resource = WorkspaceResource(data_dir=str(space.data_dir.root), source=space.settings.source)
    definition = build_defs(resource).resolve_job_def(JOB)
    options: dict[str, Any] = {"asset_selection": INTAKE, "tags": intake_tags()}
    if not dagster_logs:
        options["run_config"] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    if step:
        options |= {"tags": tags_of(step, space.state()), "asset_selection": selection_of(step, ASSETS)}
    try:
        definition.execute_in_process(instance=instance, **options)
    except DagsterAssetCheckFailedError as error:
        raise ContractError(
            f"a check failed and what depends on it was not made: {error}. The published warehouse is as it was; "
            "the Dagster UI (`make dev`) shows the check with its numbers",
            rule="controle_bloquant",
        ) from error


def summary(space: Workspace, outcome: Outcome, refused: Collection[Quarter] = ()) -> None:
    """Say what was done, what there is now, and what to type next."""
    from mcf_pipeline.commands.status import overview, told_unknown

    plan, status = outcome.plan, overview(space)
    if status.is_synthetic:
        err.print("[yellow]SYNTHETIC data: it says nothing of the real world.[/yellow]")
    if outcome.runs == 0:
        out.print(f"Nothing new: {outcome.verdict or 'the archive is as it was'}. Nothing was materialized.")
    else:
        out.print(
            f"Release {status.release_id}: {len(set(plan.new) - set(refused))} quarters new, "
            f"{len(set(plan.changed) - set(refused))} changed, {len(set(plan.unchanged) - set(refused))} unchanged"
            + (f", {len(refused)} refused." if refused else ".")
        )
    out.print(
        f"{status.rows:,} lines, {status.masked:,} of them masked, {status.rejected:,} rejected; "
        f"{status.quarters} quarters, {status.first} to {status.last}."
    )
    if unknown := told_unknown(status):
        out.print(unknown, markup=False)
    out.print(f"Warehouse: {space.data_dir.published_database}")
    out.print(f'Next: {_typed(space, "sql")} "FROM v_annee"', markup=False)


def _typed(space: Workspace, command: str) -> str:
    """A command as it can be typed here: the program where it lies, and the data directory it shall look at."""
    called = Path(sys.argv[0])
    program = "mcf-pipeline"
    if shutil.which(program) is None and called.name == program:
        program = os.path.relpath(called)
    default = Settings.from_env({}, source=space.settings.source).data_dir.root
    if space.data_dir.root != default:
        return f"{program} {command} --data-dir {os.path.relpath(space.data_dir.root)}"
    return f"{program} {command} --source sample" if space.settings.source == SAMPLE else f"{program} {command}"
