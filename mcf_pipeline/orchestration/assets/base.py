"""What all assets share: how an op gets its quarters, and its materializations and check results get out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import dagster as dg

from mcf_pipeline.log import event, since
from mcf_pipeline.orchestration.checks.base import table_result
from mcf_pipeline.orchestration.metadata import table_metadata
from mcf_pipeline.orchestration.partitions import QUARTERS
from mcf_pipeline.quality import Finding
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.names import REVISIONS
from mcf_pipeline.tables.snapshot import Snapshot

OWNERS = ["team:mcf_pipeline"]

QUARTERLY: dict[str, Any] = {
    "partitions_def": QUARTERS,
    # One run takes all quarters of a release: each process start costs seconds.
    "backfill_policy": dg.BackfillPolicy.single_run(),
}
LATER: dict[str, Any] = {"dagster/priority": "-1"}
"""Tags of what is made once, after the quarters: of what is ready, a run takes the quarterly assets first."""


def table_spec(
    model: type[Table], *, group: str, kinds: set[str], deps: Iterable[dg.CoercibleToAssetDep]
) -> dg.AssetSpec:
    """The asset of a table, which a multi-asset makes: its name, description and columns are the model's."""
    spec = describe(model)
    return dg.AssetSpec(
        spec.name,
        group_name=group,
        kinds=kinds,
        owners=OWNERS,
        deps=deps,
        description=spec.description,
        metadata=table_metadata(model),
    )


def selected(context: dg.AssetExecutionContext, models: Collection[type[Table]]) -> list[type[Table]]:
    """The tables of a multi-asset that a run asks for."""
    wanted = {key.to_user_string() for key in context.selected_asset_keys}
    return [model for model in models if describe(model).name in wanted]


def outputs(context: dg.AssetExecutionContext, models: Collection[type[Table]]) -> Iterator[dg.Output[None]]:
    """The outputs of a multi-asset whose tables lie in files; their metadata was added quarter by quarter."""
    for model in models:
        key = dg.AssetKey(describe(model).name)
        yield dg.Output(None, output_name=context.assets_def.get_output_name_for_asset_key(key))


def check_results(
    context: dg.AssetExecutionContext, findings: Mapping[tuple[str, str], Finding]
) -> Iterator[dg.AssetCheckResult]:
    """The results of the checks that a run asks for, by table and check."""
    for key in sorted(context.selected_asset_check_keys):
        yield from table_result(context, key, findings[key.asset_key.to_user_string(), key.name])


def discard(snapshot: Snapshot, findings: Mapping[tuple[str, str], Finding], quarters: Collection[Quarter]) -> None:
    """Remove the files that a blocking check found wrong.

    A file that is there counts as done: the next run would find nothing to make of the quarter, and publish it.

    Args:
        snapshot: says which files.
        findings: by table and check.
        quarters: what the findings are about.
    """
    for (table, _), finding in findings.items():
        if finding.holds:
            continue
        for quarter in [q for q in quarters if q.id in finding.quarters] or quarters:
            states = snapshot.timeline.states.get(quarter, ())
            files = [snapshot.file(table, quarter, state) for state in states]
            for path in [snapshot.revisions_file(quarter)] if table == REVISIONS else files:
                snapshot.files.remove(path)


def report_quarters(snapshot: Snapshot, quarters: Collection[Quarter], started: float) -> None:
    """Log the quarters whose marts are made; they are made together, so the seconds are those of all."""
    seconds = since(started)
    for quarter in quarters:
        state = snapshot.timeline.current(quarter)
        if state:
            event("quarter_built", quarter=quarter.id, release_id=state.since, stretch_seconds=seconds)
