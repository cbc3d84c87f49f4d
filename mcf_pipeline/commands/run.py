"""``run``: look for a release, ingest it, rematerialize what changed, publish; all in this process.

Its materializations are in the Dagster UI like those of any other run.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection, Mapping
from contextlib import ExitStack, nullcontext
from pathlib import Path

from mcf_pipeline.commands.console import err, hold_stderr, out, progress_bar, warn_synthetic
from mcf_pipeline.commands.notify import notifying
from mcf_pipeline.errors import ContractError
from mcf_pipeline.files import explain_disk_errors
from mcf_pipeline.orchestration.runner import Materialize, Outcome, follow
from mcf_pipeline.orchestration.steps import Step
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.settings import SAMPLE, Settings
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.workspace import Workspace

FIRST_QUERY = "SELECT annee, nb_dossiers, nb_dossiers_max, prix_moyen FROM v_annee"
"""What to type next: few columns, so that a terminal holds them."""
LOCK_TIMEOUT = 3.0
"""Seconds that a command waits for the data directory: a tick of the sensor holds it for a moment, a run for long."""


def run(settings: Settings, *, force: bool, accept_release: str | None, dagster_logs: bool) -> None:
    """Do the main job and print its summary.

    Raises:
        PipelineError: of the kind that decides the exit code.
    """
    space = Workspace(settings)
    with notifying(space, asks_source=accept_release is None), space.lock(timeout=LOCK_TIMEOUT), space.shared():
        if accept_release:
            space.archive.accept(accept_release)
        execute_and_print(space, force=force, ask_source=accept_release is None, dagster_logs=dagster_logs)


def execute_and_print(space: Workspace, *, force: bool, ask_source: bool, dagster_logs: bool) -> None:
    """Follow the story of a release to its end, and print the summary.

    Raises:
        PipelineError: as `run`.
    """
    space.archive.complete_pruning()  # reads the manifests: a directory of a newer version is not touched
    space.remove_drafts()
    if space.remove_old_build():
        err.print(
            "This data directory was made by version 0.1: its releases in raw/ are kept, and everything else is "
            "rebuilt from them."
        )
    elif space.snapshot().is_of_other_rules:
        err.print(
            "This data directory was built by another version, or with another source map: its releases in raw/ are "
            "kept, and everything else is rebuilt from them."
        )
    quiet = nullcontext() if dagster_logs else hold_stderr()
    with quiet, explain_disk_errors(), progress_bar():
        outcome = execute(space, force=force, ask_source=ask_source, dagster_logs=dagster_logs)
    refusals = space.refusals(outcome.snapshot)
    summary(space, outcome, refusals)
    raise_if_refused(refusals)


def execute(space: Workspace, *, force: bool = False, ask_source: bool = True, dagster_logs: bool = False) -> Outcome:
    """Follow the story of a release to its end (`runner.follow`), on the Dagster instance of this data directory."""
    with ExitStack() as stack:
        opened: list[Materialize] = []

        def materialize(snapshot: Snapshot, step: Step | None, ingested: str | None) -> None:
            if not opened:
                from mcf_pipeline.definitions import build_defs
                from mcf_pipeline.orchestration.in_process import materializer

                opened.append(
                    stack.enter_context(materializer(space, build_defs, show_logs=dagster_logs, from_scratch=force))
                )
            opened[0](snapshot, step, ingested)

        try:
            return follow(space, materialize, ask_source=ask_source, force=force)
        except ContractError as error:
            if not opened:
                from mcf_pipeline.orchestration.in_process import record_refusal

                record_refusal(space, error)
            raise


def raise_if_refused(refusals: Mapping[Quarter, ContractError]) -> None:
    """Say which quarters keep an older state than the newest release has; in every run, until it is corrected.

    Raises:
        ContractError: with the three commonest reasons of each.
    """
    if refusals:
        raise ContractError(" | ".join(map(str, refusals.values())), rule="trop_de_rejets")


def summary(space: Workspace, outcome: Outcome, refused: Collection[Quarter] = ()) -> None:
    """Say what was done, what there is now, and what to type next."""
    from mcf_pipeline.commands.status import describe_broken_rule, dropped_lines, overview, unknown_modalities

    plan, status = outcome.plan, overview(space, outcome.snapshot)
    if status.is_synthetic:
        warn_synthetic()
    if outcome.repeated and outcome.runs == 0:
        out.print(
            f"Nothing new: the figures are those of release {outcome.repeated}, which is archived already. Nothing was "
            "materialized."
        )
    elif outcome.runs == 0:
        out.print(f"Nothing new: {outcome.verdict or 'the archive has not changed'}. Nothing was materialized.")
    elif history := _history(outcome):
        out.print(history)
    else:
        out.print(
            f"Release {status.release_id}: {len(set(plan.new) - set(refused))} quarters new, "
            f"{len(set(plan.changed) - set(refused))} changed, {len(set(plan.unchanged) - set(refused))} unchanged"
            + (f", {len(refused)} refused." if refused else ".")
        )
    if outcome.runs == 0 and (older := _offered_again(outcome)):
        out.print(older)
    releases = len(outcome.snapshot.manifests)
    archived = "1 release" if releases == 1 else f"{releases:,} releases"
    out.print(
        f"{status.rows:,} lines, {status.masked:,} of them masked, {status.rejected:,} rejected"
        f"{dropped_lines(status)}; "
        f"{status.quarters} quarters, {status.first} to {status.last}; {archived} archived."
    )
    if unknown := unknown_modalities(status):
        out.print(unknown, markup=False)
    for entry in status.broken:
        out.print(describe_broken_rule(*entry), markup=False)
    for said in status.suspect:
        out.print(f"Suspect: {said}", markup=False)
    if space.settings.store:
        out.print(f"Data directory: {space.settings.store}", markup=False)
    out.print(f"Warehouse: {space.data_dir.published_database}")
    if (page := space.data_dir.dashboard).is_file():
        out.print(f"Dashboard: {page}", markup=False)
    out.print(f'Next: {as_typed(space, "sql")} "{FIRST_QUERY}"', markup=False)


def _history(outcome: Outcome) -> str | None:
    """What a new release was that left the current figures as they were; None where there is none."""
    if not outcome.ingested or not outcome.same_figures:
        return None
    release_id = outcome.ingested[-1]
    manifests = outcome.snapshot.manifests
    place = next(place for place, manifest in enumerate(manifests) if manifest.release_id == release_id)
    if manifests[place].export is None:
        same = f"Release {release_id} has the same figures as release {manifests[place - 1].release_id}"
        return f"{same}: it was added to the history; current figures unchanged."
    latest = outcome.snapshot.timeline.latest
    if latest is None or latest.release_id == release_id:
        return None
    return (
        f"Older release {release_id} added to the history; current figures unchanged: they are those of release "
        f"{latest.release_id}."
    )


def _offered_again(outcome: Outcome) -> str | None:
    """That the source offers a release older than the current one, if it does: a publisher can withdraw a release."""
    offered = outcome.repeated or (outcome.verdict.release_id if outcome.verdict else None)
    latest = outcome.snapshot.timeline.latest
    manifest = next((m for m in outcome.snapshot.manifests if m.release_id == offered), None)
    if manifest is None or latest is None or manifest.same_content(latest) or manifest.time_order > latest.time_order:
        return None
    return (
        f"The source offers release {offered} again, which is older than the current release {latest.release_id}. If "
        f"the publisher has withdrawn {latest.release_id}, build a new data directory (--data-dir): this one keeps it."
    )


def as_typed(space: Workspace, command: str) -> str:
    """A command as it can be typed here: the path of the program, and the data directory to use."""
    called = Path(sys.argv[0])
    program = "mcf-pipeline"
    if shutil.which(program) is None and called.name == program:
        program = os.path.relpath(called)
    default = Settings.from_env({}, source=space.settings.source).data_dir.root
    if space.settings.store:
        return f"{program} {command} --data-dir {space.settings.store}"
    if space.data_dir.root != default:
        return f"{program} {command} --data-dir {os.path.relpath(space.data_dir.root)}"
    return f"{program} {command} --source sample" if space.settings.source == SAMPLE else f"{program} {command}"
