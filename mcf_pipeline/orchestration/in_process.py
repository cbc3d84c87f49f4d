"""Running a step in this process, on the Dagster instance that `dagster dev` shows."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from mcf_pipeline.errors import ContractError
from mcf_pipeline.orchestration.instance import open_instance
from mcf_pipeline.orchestration.jobs import INTAKE, JOB, intake_tags, selection_of, tags_of
from mcf_pipeline.orchestration.private import MAX_RUNTIME_SECONDS_TAG, DagsterAssetCheckFailedError
from mcf_pipeline.orchestration.resources import WorkspaceResource
from mcf_pipeline.orchestration.runner import Materialize
from mcf_pipeline.orchestration.steps import Step
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.workspace import Workspace


@contextmanager
def materializer(
    space: Workspace,
    define: Callable[[WorkspaceResource], dg.Definitions],
    *,
    show_logs: bool = False,
    from_scratch: bool = False,
) -> Iterator[Materialize]:
    """What runs steps on the persistent instance: DAGSTER_HOME's, else the checkout's with its storage in the data dir.

    Args:
        space: the data directory.
        define: makes the graph that works on it.
        show_logs: whether Dagster may print its own log lines.
        from_scratch: whether the published file takes nothing from the one before it.
    """
    os.environ["MCF_DATA_DIR"] = space.settings.place
    if not show_logs:
        # What Dagster cannot store it also logs, beside raising it; the error says it once.
        logging.getLogger("dagster").setLevel(logging.CRITICAL)
    resource = WorkspaceResource(data_dir=space.settings.place, source=space.settings.source)
    graph = define(resource)
    job = graph.resolve_job_def(JOB)
    assets = [asset for asset in graph.assets or () if isinstance(asset, dg.AssetsDefinition)]
    with open_instance() as instance:

        def materialize(snapshot: Snapshot, step: Step | None, ingested: str | None) -> None:
            config: dict[str, Any] = {"ops": {}}
            if not show_logs:
                config["loggers"] = {"console": {"config": {"log_level": "CRITICAL"}}}
            if ingested:
                config["ops"]["portal_release"] = {"config": {"release_id": ingested}}
            if from_scratch and step and step.makes_whole:
                config["ops"]["warehouse"] = {"config": {"from_scratch": True}}
            selection = [*(INTAKE if ingested else ()), *(selection_of(step, assets) if step else ())]
            tags = tags_of(step, snapshot.state) if step else intake_tags()
            # Run monitoring cannot end this process; were the run to count as failed, it would go on all the same.
            tags |= {MAX_RUNTIME_SECONDS_TAG: "0"}
            _run(job, instance, selection, tags, config)

        yield materialize


def _run(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    selection: list[dg.AssetKey],
    tags: dict[str, str],
    config: dict[str, Any],
) -> None:
    try:
        job.execute_in_process(instance=instance, asset_selection=selection, tags=tags, run_config=config)
    except DagsterAssetCheckFailedError as error:
        raise ContractError(
            f"a check failed and what depends on it was not built: {error}. The published warehouse was not changed; "
            "the Dagster UI (`make dev`) shows the check with its numbers",
            rule="controle_bloquant",
        ) from error


def record_refusal(space: Workspace, error: ContractError) -> None:
    """Keep the red evaluation of a release that was refused or held, so that the UI shows it too."""
    from mcf_pipeline.orchestration.checks.raw import refusal_evaluation

    os.environ["MCF_DATA_DIR"] = space.settings.place
    with open_instance() as instance:
        instance.report_runless_asset_event(refusal_evaluation(space.archive, space.snapshot(), error))
