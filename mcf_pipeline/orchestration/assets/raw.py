"""Raw: the release as received, and the lines of each of its quarters as received.

`portal_release` is the only asset that talks to the outside; every other works from the archive.
"""

import dagster as dg

from mcf_pipeline.duck import one, scratch, to_frame
from mcf_pipeline.errors import ContractError
from mcf_pipeline.orchestration.assets.base import (
    OWNERS,
    QUARTERLY,
    WorkspaceResource,
    each_quarter,
    preview,
)
from mcf_pipeline.orchestration.checks.raw import refusal_evaluation
from mcf_pipeline.orchestration.partitions import quarters_of
from mcf_pipeline.progress import report
from mcf_pipeline.tables.staging import load_received


@dg.asset(
    group_name="raw",
    kinds={"opendatasoft", "file"},
    owners=OWNERS,
    description="Une publication du jeu de données, téléchargée une fois et archivée telle quelle avec son manifeste.",
)
def portal_release(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Take in the newest release of the source, unless the archive knows its content."""
    space = workspace.open()
    with space.lock():
        source = space.source()
        try:
            intake = space.archive.take_in(
                lambda folder: source.fetch(folder, lambda done, total: report("download", done, total))
            )
        except ContractError as error:
            # A check does not run once its asset has failed: its red evaluation is logged from here.
            context.log_event(refusal_evaluation(space.archive, error))
            raise
    manifest = intake.manifest
    if manifest.is_synthetic:
        context.log.warning("Release %s is SYNTHETIC data: it says nothing of the real world.", manifest.release_id)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(manifest.sha256),
        metadata={
            "dagster/row_count": manifest.rows,
            "release_id": manifest.release_id,
            "is_new": intake.is_new,
            "is_synthetic": manifest.is_synthetic,
            "url": manifest.url,
            "bytes": manifest.bytes,
            "sha256": manifest.sha256,
            "quarters": len(manifest.quarters),
            "unreadable_rows": manifest.unreadable_rows,
            "unrecognised_columns": [c.source for c in manifest.columns if c.canonical is None],
            "licence": manifest.licence or "",
        },
    )


@dg.asset(
    group_name="raw",
    kinds={"parquet"},
    deps=[portal_release],
    description="Les lignes d'un trimestre, telles que reçues, tout en texte.",
    **QUARTERLY,
)
def raw_usagers(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> None:
    """Find the archived lines of each quarter and check that they are what was archived."""
    space = workspace.open()
    line = space.archive.timeline()
    for quarter in each_quarter(context, "raw_usagers", quarters_of(context)):
        state = line.current(quarter)
        if state is None:
            context.add_asset_metadata(
                {"quarter": quarter.id, "dagster/row_count": 0, "note": f"no release tells of {quarter}"},
                partition_key=quarter.partition_key,
            )
            continue
        with scratch() as con:
            load_received(con, space.archive, quarter, state)
            rows, masked = one(con, "SELECT count(*), count(*) - count(nb_dossiers) FROM recues")
            frame = to_frame(con, "SELECT * FROM recues LIMIT 5")
        context.add_asset_metadata(
            {
                "quarter": quarter.id,
                "dagster/row_count": rows,
                "masked_lines": masked,
                "release_id": state.since,
                "sha256": state.sha256,
                "dagster/column_schema": dg.TableSchema(
                    [dg.TableColumn(str(name), "VARCHAR") for name in frame.columns]
                ),
                "preview": preview(frame),
            },
            partition_key=quarter.partition_key,
        )
