"""Marts: one asset per mart; the quarterly ones from the facts, `mart_revisions` from the whole history."""

import dagster as dg

from mcf_pipeline.orchestration.assets.base import QUARTERLY, WHOLE, WorkspaceResource, each_quarter, line_counts, shown
from mcf_pipeline.orchestration.assets.warehouse import DIMENSION_ASSETS, fct_dossiers, fct_financements
from mcf_pipeline.orchestration.partitions import quarters_of
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartFinancement, MartQualite, MartRevisions
from mcf_pipeline.tables.marts import lines_of, write_mart, write_revisions
from mcf_pipeline.warehouse.batches import batches
from mcf_pipeline.warehouse.plan import mark_of

_READS_FINANCEMENTS = {MartFinancement: [fct_financements], MartQualite: [fct_dossiers, fct_financements]}


def _mart(model: type[Table]) -> dg.AssetsDefinition:
    spec = describe(model)

    @dg.asset(
        name=spec.name,
        group_name="marts",
        kinds={"duckdb", "sql"},
        deps=_READS_FINANCEMENTS.get(model, [fct_dossiers]),
        description=spec.description,
        **QUARTERLY,
    )
    def write(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> None:
        space = workspace.open()
        line = space.timeline()
        with space.build() as con:
            for batch in batches(lines_of(con, quarters_of(context))):
                marks = {q.id: mark_of(line.states.get(q, ()), space.rules) for q in batch}
                frame = write_mart(con, model, marks)
                for quarter in each_quarter(context, spec.name, batch):
                    rows = frame[frame["trimestre_id"] == quarter.id]
                    current = line.current(quarter)
                    context.add_asset_metadata(
                        shown(
                            model,
                            len(rows),
                            rows,
                            quarter=quarter.id,
                            **line_counts(space.staging.find(quarter, current) if current else None),
                            release_id=current.since if current else "",
                        ),
                        partition_key=quarter.partition_key,
                    )

    return write


QUARTERLY_MART_ASSETS = [_mart(model) for model in QUARTERLY_MARTS]


@dg.asset(
    group_name="marts",
    kinds={"duckdb", "sql"},
    deps=[
        fct_dossiers,
        *(asset for asset in DIMENSION_ASSETS if asset.key.to_user_string() == "dim_release"),
    ],
    description=describe(MartRevisions).description,
    **WHOLE,
)
def mart_revisions(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Compare each state of each quarter with the one before it."""
    space = workspace.open()
    with space.build() as con:
        frame = write_revisions(con)
    latest = space.timeline().latest
    context.log.info("mart_revisions: %d rows", len(frame))
    return dg.MaterializeResult(
        metadata=dict(shown(MartRevisions, len(frame), frame, release_id=latest.release_id if latest else ""))
    )
