"""Running the graph as the command line and the sensor do, on an instance that is gone after the test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import dagster as dg

from mcf_pipeline.definitions import ASSETS, build_defs
from mcf_pipeline.errors import ContractError, HeldReleaseError
from mcf_pipeline.orchestration.jobs import INTAKE, JOB, selection_of, tags_of
from mcf_pipeline.orchestration.resources import WorkspaceResource
from mcf_pipeline.orchestration.runner import upcoming
from mcf_pipeline.orchestration.steps import Step
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace

KEYS = [(key, asset) for asset in ASSETS for key in asset.keys]
QUARTERLY = sorted(key.to_user_string() for key, asset in KEYS if asset.partitions_def)
WHOLE = sorted(key.to_user_string() for key, asset in KEYS if not asset.partitions_def and key not in INTAKE)

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def open_workspace(data_dir: Path, source: Path | str) -> Workspace:
    return Workspace(Settings.from_env({}, source=str(source), data_dir=data_dir))


def job_of(data_dir: Path, source: Path | str) -> dg.JobDefinition:
    return build_defs(WorkspaceResource(data_dir=str(data_dir), source=str(source))).resolve_job_def(JOB)


def ingest(data_dir: Path, source: Path | str, instance: dg.DagsterInstance) -> None:
    """Archive a release; one that its guards hold is accepted, as a person would who knows why it shrank."""
    try:
        job_of(data_dir, source).execute_in_process(instance=instance, asset_selection=INTAKE, run_config=QUIET)
    except HeldReleaseError as error:
        open_workspace(data_dir, source).archive.accept(error.release_id)


def follow_plan(data_dir: Path, source: Path | str, instance: dg.DagsterInstance) -> list[Step]:
    """Do what there is to do, run by run; returns the runs. A refused quarter stops its run, not the plan."""
    job, space = job_of(data_dir, source), open_workspace(data_dir, source)
    steps: list[Step] = []
    while step := upcoming(space, snapshot := space.snapshot()):
        assert len(steps) < 10, "the plan does not come to an end"
        steps.append(step)
        try:
            job.execute_in_process(
                instance=instance,
                asset_selection=selection_of(step, ASSETS),
                tags=tags_of(step, snapshot.state),
                run_config=QUIET,
            )
        except ContractError as error:
            if error.rule != "trop_de_rejets":
                raise
    return steps


def materialized(instance: dg.DagsterInstance, names: Iterable[str]) -> list[tuple[int, str, str | None]]:
    """Materializations in the order of the event log: number, asset, partition."""
    found = []
    for name in names:
        records = instance.fetch_materializations(dg.AssetKey(name), limit=1000).records
        found += [(r.storage_id, name, r.partition_key) for r in records]
    return sorted(found)


def metadata_of(instance: dg.DagsterInstance, name: str, partition: str | None = None) -> dict[str, dg.MetadataValue]:
    """What the last materialization of an asset, or of one partition, shows."""
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(dg.AssetKey(name), asset_partitions=[partition] if partition else None), limit=1
    ).records
    materialization = records[0].asset_materialization
    assert materialization is not None
    return dict(materialization.metadata)


def shown_by_all(instance: dg.DagsterInstance) -> dict[str, dict[str, dg.MetadataValue]]:
    """What the last materialization of each asset shows; of a quarterly one, that of its last quarter."""
    return {name: metadata_of(instance, name) for name in ["portal_release", *QUARTERLY, *WHOLE]}
