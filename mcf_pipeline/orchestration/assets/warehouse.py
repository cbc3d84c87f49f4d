"""Warehouse: the two facts, quarter by quarter, and the dimensions."""

import dagster as dg

from mcf_pipeline.duck import one, to_frame
from mcf_pipeline.orchestration.assets.base import QUARTERLY, WHOLE, WorkspaceResource, each_quarter, line_counts, shown
from mcf_pipeline.orchestration.assets.staging import stg_usagers
from mcf_pipeline.orchestration.partitions import quarters_of
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.warehouse import DimFinanceur, DimRelease, DimTrimestre
from mcf_pipeline.tables import dimensions
from mcf_pipeline.tables.dimensions import MODALITY_DIMENSIONS
from mcf_pipeline.tables.facts import DOSSIERS, FINANCEMENTS, Fact, load_unreadable, write_fact
from mcf_pipeline.warehouse.batches import batches
from mcf_pipeline.warehouse.build import transaction


def _fact(fact: Fact) -> dg.AssetsDefinition:
    spec = describe(fact.current)

    @dg.asset(
        name=spec.name,
        group_name="warehouse",
        kinds={"duckdb", "table"},
        deps=[stg_usagers],
        description=spec.description,
        **QUARTERLY,
    )
    def write(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> None:
        space = workspace.open()
        line = space.timeline()
        staged = {quarter: space.staged(line, quarter) for quarter in quarters_of(context)}
        lines = {quarter: sum(state.valid for state in states.values()) for quarter, states in staged.items()}
        with space.build() as con:
            for batch in batches(lines):
                write_fact(con, fact, {quarter: staged[quarter] for quarter in batch}, space.rules)
                for quarter in each_quarter(context, spec.name, batch):
                    (rows,) = one(con, f"SELECT count(*) FROM {spec.name} WHERE trimestre_id = ?", [quarter.id])
                    current = line.current(quarter)
                    context.add_asset_metadata(
                        shown(
                            fact.current,
                            rows,
                            to_frame(con, f"SELECT * FROM {spec.name} WHERE trimestre_id = '{quarter}' LIMIT 5"),
                            quarter=quarter.id,
                            **line_counts(staged[quarter][current] if current else None),
                            states=len(staged[quarter]),
                            release_id=current.since if current else "",
                        ),
                        partition_key=quarter.partition_key,
                    )

    return write


fct_dossiers = _fact(DOSSIERS)
fct_financements = _fact(FINANCEMENTS)


def _dimension(model: type[Table], dimension: str) -> dg.AssetsDefinition:
    spec = describe(model)

    @dg.asset(
        name=spec.name,
        group_name="warehouse",
        kinds={"duckdb", "table"},
        # Which modalities the data has beyond the known ones stands in the build once the fact is written.
        deps=[fct_dossiers],
        description=spec.description,
        **WHOLE,
    )
    def write(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
        space = workspace.open()
        line = space.timeline()
        with space.build() as con:
            match dimension:
                case "trimestre":
                    frame = dimensions.quarters(line.quarters)
                case "release":
                    frame = dimensions.releases(line)
                    # What a release told that belongs to no quarter has no partition to be written with.
                    load_unreadable(con, space.archive, line.latest)
                case "financeur":
                    frame = dimensions.financers()
                case _:
                    frame = dimensions.modalities(dimension, dimensions.unknown_seen(con, dimension, space.source_map))
            with transaction(con):
                dimensions.replace_dimension(con, model, frame)
        unknown = int((~frame["est_connue"]).sum()) if "est_connue" in frame.columns else 0
        context.log.info("%s: %d rows, %d unknown modalities", spec.name, len(frame), unknown)
        return dg.MaterializeResult(
            metadata=dict(
                shown(
                    model,
                    len(frame),
                    frame,
                    unknown_modalities=unknown,
                    release_id=line.latest.release_id if line.latest else "",
                )
            )
        )

    return write


_DIMENSIONS: dict[str, type[Table]] = {
    "trimestre": DimTrimestre,
    **MODALITY_DIMENSIONS,
    "financeur": DimFinanceur,
    "release": DimRelease,
}

DIMENSION_ASSETS = [_dimension(model, name) for name, model in _DIMENSIONS.items()]
