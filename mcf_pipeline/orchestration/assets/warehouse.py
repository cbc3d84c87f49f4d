"""Warehouse: the two facts, quarter by quarter, and the dimensions; one op each."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from mcf_pipeline.orchestration.assets.base import (
    LATER,
    QUARTERLY,
    check_results,
    discard,
    outputs,
    selected,
    table_spec,
)
from mcf_pipeline.orchestration.assets.staging import stg_usagers
from mcf_pipeline.orchestration.checks import warehouse as checks
from mcf_pipeline.orchestration.metadata import head_of, line_counts, shown
from mcf_pipeline.orchestration.partitions import quarters_of
from mcf_pipeline.orchestration.resources import Engine, WorkspaceResource
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.warehouse import DIMENSIONS, FACTS, FctDossiers
from mcf_pipeline.tables.build import ensure_facts, ensure_staged, states_of
from mcf_pipeline.tables.dimensions import dimension_frames
from mcf_pipeline.tables.facts import make_facts
from mcf_pipeline.tables.files import head
from mcf_pipeline.tables.staged import staged


@dg.multi_asset(
    name="facts",
    specs=[table_spec(fact, group="warehouse", kinds={"duckdb", "parquet"}, deps=[stg_usagers]) for fact in FACTS],
    check_specs=checks.SPECS,
    can_subset=True,
    **QUARTERLY,
)
def facts(context: dg.AssetExecutionContext, workspace: WorkspaceResource, engine: Engine) -> Iterator[Any]:
    """Write the files of each quarter's states; those of past states where they are missing."""
    quarters, models = quarters_of(context), selected(context, FACTS)
    with workspace.step(quarters) as space, engine.get_connection() as con:
        snapshot = space.snapshot()
        states = states_of(snapshot, quarters)
        current = states_of(snapshot, quarters, only_current=True)
        ensure_staged(con, space.archive, snapshot, states)
        make_facts(con, snapshot, current, models)
        # The checks hold the two facts against each other.
        ensure_facts(con, space.archive, snapshot, states, FACTS if FACTS[1] in models else [FctDossiers])
        for model in models:
            key = dg.AssetKey(describe(model).name)
            for quarter in quarters:
                state = snapshot.timeline.current(quarter)
                path = state and snapshot.file(describe(model).name, quarter, state)
                context.add_asset_metadata(
                    shown(
                        model,
                        head(path) if path else None,
                        quarter=quarter.id,
                        **line_counts(staged(snapshot, quarter)),
                        states=len(snapshot.timeline.states.get(quarter, ())),
                        release_id=state.since if state else "",
                    ),
                    asset_key=key,
                    partition_key=quarter.partition_key,
                )
        yield from outputs(context, models)
        found = checks.fact_findings(con, snapshot, space.source_map, quarters, models)
        discard(snapshot, found, quarters)
        yield from check_results(context, found)


@dg.multi_asset(
    name="dimensions",
    specs=[
        # Which modalities the data has beyond the known ones follows from the staged lines.
        table_spec(model, group="warehouse", kinds={"pandas", "table"}, deps=[spec.key for spec in facts.specs][:1])
        for model in DIMENSIONS
    ],
    can_subset=True,
    op_tags=LATER,
)
def dimensions(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> Iterator[dg.MaterializeResult]:
    """Show the dimensions as the next publication will have them; they are small, and have no file of their own."""
    with workspace.step() as space:
        snapshot = space.snapshot()
        latest = snapshot.timeline.latest
        for model, frame in dimension_frames(snapshot, space.source_map, selected(context, DIMENSIONS)).items():
            unknown = int((~frame["est_connue"]).sum()) if "est_connue" in frame.columns else 0
            yield dg.MaterializeResult(
                asset_key=describe(model).name,
                metadata=dict(
                    shown(
                        model,
                        head_of(frame),
                        unknown_modalities=unknown,
                        release_id=latest.release_id if latest else "",
                    )
                ),
            )
