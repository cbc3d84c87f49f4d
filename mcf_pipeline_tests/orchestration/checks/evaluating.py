"""Materializing some assets alone, as a person in the UI does, and reading what their checks found."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import dagster as dg

from mcf_pipeline.definitions import ASSETS, build_defs
from mcf_pipeline.orchestration.checks.publication import check_release_en_retard
from mcf_pipeline.orchestration.jobs import JOB
from mcf_pipeline.orchestration.resources import WorkspaceResource
from mcf_pipeline_tests.orchestration.assets.graph import QUIET, job_of

SPECS = {
    (spec.asset_key.to_user_string(), spec.name): spec
    for several in [*ASSETS, check_release_en_retard]
    for spec in several.check_specs
}
"""Every check, by asset and name."""


def evaluate(
    data_dir: Path,
    names: Iterable[str],
    *,
    first: str | None = None,
    last: str | None = None,
    instance: dg.DagsterInstance | None = None,
    release_id: str | None = None,
    source: Path | str = "sample",
    job: dg.JobDefinition | None = None,
) -> list[dg.AssetCheckEvaluation]:
    """Materialize some assets, whatever comes of it, and give what their checks found.

    Args:
        data_dir: what they work on.
        names: the assets.
        first: first quarter's partition key, for a partitioned run.
        last: last quarter's, where it is another.
        instance: where the events go.
        release_id: a release that is archived already, so that the source is not asked.
        source: where releases come from.
        job: another one than the graph's own.
    """
    tags = {}
    if first:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last or first}
    config = QUIET | ({"ops": {"portal_release": {"config": {"release_id": release_id}}}} if release_id else {})
    with dg.DagsterInstance.ephemeral() as own:
        result = (job or job_of(data_dir, source)).execute_in_process(
            instance=instance or own,
            tags=tags,
            run_config=config,
            asset_selection=[dg.AssetKey(name) for name in names],
            raise_on_error=False,
        )
        records = (instance or own).all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        return [record.get_dagster_event().asset_check_evaluation_data for record in records]


def overdue_on(data_dir: Path, day: str | None = None) -> list[dg.AssetCheckEvaluation]:
    """Evaluate the check that stands alone, on a day; today where None."""
    job = dg.define_asset_job("lateness", selection=dg.AssetSelection.checks(check_release_en_retard))
    defs = dg.Definitions(
        assets=ASSETS,
        asset_checks=[check_release_en_retard],
        jobs=[job],
        resources=build_defs(WorkspaceResource(data_dir=str(data_dir), source="sample")).resources,
        executor=dg.in_process_executor,
    )
    config = QUIET | ({"ops": {"check_release_en_retard": {"config": {"aujourd_hui": day}}}} if day else {})
    with dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("lateness").execute_in_process(instance=instance, run_config=config)
        return list(result.get_asset_check_evaluations())


def graph_with(data_dir: Path, **resources: object) -> dg.JobDefinition:
    """The job of the graph with other resources."""
    defs = build_defs(WorkspaceResource(data_dir=str(data_dir), source="sample"))
    return dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=defs.jobs,
        resources={**(defs.resources or {}), **resources},
        executor=defs.executor,
    ).resolve_job_def(JOB)


def failed(evaluations: Iterable[dg.AssetCheckEvaluation]) -> list[tuple[str, str, str | None, str]]:
    """Asset, check, partition and severity of those that did not pass."""
    return [
        (e.asset_key.to_user_string(), e.check_name, e.partition, e.severity.value) for e in evaluations if not e.passed
    ]
