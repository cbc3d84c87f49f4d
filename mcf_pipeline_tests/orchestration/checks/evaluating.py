"""Evaluating checks by themselves, as a schedule or a person in the UI does, and reading what they said."""

from pathlib import Path

import dagster as dg
from mcf_pipeline.orchestration.checks.all import CHECKS

from mcf_pipeline.definitions import ASSETS
from mcf_pipeline.orchestration.assets.base import WorkspaceResource
from mcf_pipeline_tests.orchestration.assets.graph import QUIET

CHECKS_JOB = "verification"


def evaluate(
    data_dir: Path,
    check: dg.AssetChecksDefinition,
    *,
    first: str | None = None,
    last: str | None = None,
    instance: dg.DagsterInstance | None = None,
    config: dict[str, object] | None = None,
) -> list[dg.AssetCheckEvaluation]:
    """Run the checks of one definition alone.

    Args:
        data_dir: what they look at.
        check: the definition.
        first: first quarter's partition key, for a partitioned run.
        last: last quarter's, where it is another.
        instance: where the evaluations go.
        config: of the step.
    """
    job = dg.define_asset_job(CHECKS_JOB, selection=dg.AssetSelection.checks(check))
    defs = dg.Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        jobs=[job],
        resources={"workspace": WorkspaceResource(data_dir=str(data_dir), source="sample")},
        executor=dg.in_process_executor,
    )
    tags = {}
    if first and not last:
        tags["dagster/partition"] = first
    elif first and last:
        tags = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    run_config = QUIET | ({"ops": {check.op.name: {"config": config}}} if config else {})
    with dg.DagsterInstance.ephemeral() as own:
        result = defs.resolve_job_def(CHECKS_JOB).execute_in_process(
            instance=instance or own, tags=tags, run_config=run_config, raise_on_error=False
        )
        return list(result.get_asset_check_evaluations())


def failed(evaluations: list[dg.AssetCheckEvaluation]) -> list[tuple[str, str, str | None, str]]:
    """Asset, check, partition and severity of those that did not pass."""
    return [
        (e.asset_key.to_user_string(), e.check_name, e.partition, e.severity.value) for e in evaluations if not e.passed
    ]
