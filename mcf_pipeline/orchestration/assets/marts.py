"""Marts: the quarterly ones from the facts, `mart_revisions` from the whole history; one op each."""

import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pyarrow.parquet as pq

from mcf_pipeline.orchestration.assets.base import (
    LATER,
    OWNERS,
    QUARTERLY,
    check_results,
    discard,
    outputs,
    report_quarters,
    selected,
    table_spec,
)
from mcf_pipeline.orchestration.assets.warehouse import dimensions, facts
from mcf_pipeline.orchestration.checks import marts as checks
from mcf_pipeline.orchestration.metadata import line_counts, picture, shown, table_metadata
from mcf_pipeline.orchestration.partitions import quarters_of
from mcf_pipeline.orchestration.resources import Engine, WorkspaceResource
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.names import FACT_NAMES
from mcf_pipeline.site.thumbnail import of_quarters, pictures
from mcf_pipeline.tables.build import ensure_facts, states_of
from mcf_pipeline.tables.files import head
from mcf_pipeline.tables.marts import make_marts, make_revisions
from mcf_pipeline.tables.staged import staged


@dg.multi_asset(
    name="marts",
    specs=[
        table_spec(model, group="marts", kinds={"duckdb", "sql", "parquet"}, deps=[spec.key for spec in facts.specs])
        for model in QUARTERLY_MARTS
    ],
    check_specs=checks.QUARTERLY_SPECS,
    can_subset=True,
    **QUARTERLY,
)
def marts(context: dg.AssetExecutionContext, workspace: WorkspaceResource, engine: Engine) -> Iterator[Any]:
    """Compute each mart for all quarters of the run at once, and write a file per quarter."""
    started, quarters, models = time.monotonic(), quarters_of(context), selected(context, QUARTERLY_MARTS)
    with workspace.step(quarters) as space, engine.get_connection() as con:
        snapshot = space.snapshot()
        ensure_facts(con, space.archive, snapshot, states_of(snapshot, quarters))
        make_marts(con, snapshot, space.source_map, quarters, models)
        # Here too: a run of one stretch of several must leave nothing of its quarters to do.
        make_revisions(con, snapshot, space.source_map, [q for q in quarters if q in snapshot.timeline.states])
        drawn = {model: of_quarters(con, model, snapshot, quarters) for model in models}
        for quarter in quarters:
            state, lines = snapshot.timeline.current(quarter), line_counts(staged(snapshot, quarter))
            for model in models:
                path = state and snapshot.file(describe(model).name, quarter, state)
                context.add_asset_metadata(
                    shown(
                        model,
                        head(path) if path else None,
                        quarter=quarter.id,
                        picture=picture(drawn[model].get(quarter.id)),
                        **lines,
                        release_id=state.since if state else "",
                    ),
                    asset_key=dg.AssetKey(describe(model).name),
                    partition_key=quarter.partition_key,
                )
        yield from outputs(context, models)
        found = checks.quarterly_findings(con, snapshot, quarters, models)
        discard(snapshot, found, quarters)
        report_quarters(snapshot, quarters, started)
        yield from check_results(context, found)


@dg.asset(
    group_name="marts",
    kinds={"duckdb", "sql", "parquet"},
    owners=OWNERS,
    deps=[
        dg.AssetKey(FACT_NAMES[0]),
        *(spec.key for spec in dimensions.specs if spec.key.to_user_string() == "dim_release"),
    ],
    check_specs=checks.REVISION_SPECS,
    description=describe(MartRevisions).description,
    metadata=table_metadata(MartRevisions),
    op_tags=LATER,
)
def mart_revisions(context: dg.AssetExecutionContext, workspace: WorkspaceResource, engine: Engine) -> Iterator[Any]:
    """Compare each state of each quarter with the one before it, where that is not done yet."""
    with workspace.step() as space, engine.get_connection() as con:
        snapshot = space.snapshot()
        quarters = snapshot.timeline.quarters
        missing = [quarter for quarter in quarters if not snapshot.files.is_there(snapshot.revisions_file(quarter))]
        files = [snapshot.revisions_file(quarter) for quarter in quarters]
        ensure_facts(con, space.archive, snapshot, states_of(snapshot, missing))
        make_revisions(con, snapshot, space.source_map, missing)
        latest = snapshot.timeline.latest
        drawn = pictures(con, MartRevisions, {quarter.id: file for quarter, file in zip(quarters, files, strict=True)})
        yield dg.MaterializeResult(
            metadata=dict(
                shown(
                    MartRevisions,
                    head(files[-1]) if files else None,
                    rows=sum(pq.read_metadata(path).num_rows for path in files),
                    picture=picture(drawn.get(quarters[-1].id)) if quarters else None,
                    release_id=latest.release_id if latest else "",
                )
            )
        )
        found = checks.revisions_findings(con, snapshot, quarters)
        discard(snapshot, found, quarters)
        yield from check_results(context, found)
