"""Raw: the release as received, and the lines of each of its quarters as received.

`portal_release` is the only asset that talks to the outside; every other works from the archive.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from mcf_pipeline.contract.rules import OF_THE_DOWNLOAD
from mcf_pipeline.duck import literal
from mcf_pipeline.errors import ContractError
from mcf_pipeline.orchestration.assets.base import OWNERS, QUARTERLY
from mcf_pipeline.orchestration.checks import raw as checks
from mcf_pipeline.orchestration.checks.base import table_result
from mcf_pipeline.orchestration.jobs import REFUSED_TAG
from mcf_pipeline.orchestration.metadata import preview
from mcf_pipeline.orchestration.partitions import quarters_of
from mcf_pipeline.orchestration.resources import Engine, WorkspaceResource
from mcf_pipeline.tables.files import head
from mcf_pipeline.tables.received import by_columns


class Ingested(dg.Config):
    """The release that the command line has ingested already; fetched from the source where empty."""

    release_id: str = ""


@dg.asset(
    group_name="raw",
    kinds={"opendatasoft", "file"},
    owners=OWNERS,
    check_specs=checks.SPECS,
    description="Une publication du jeu de données, téléchargée une fois et archivée telle quelle avec son manifeste.",
)
def portal_release(
    context: dg.AssetExecutionContext, config: Ingested, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """Ingest the newest release of the source, unless its content is archived already."""
    space = workspace.open()
    if config.release_id:
        manifest, is_new = space.manifest(config.release_id), True
    else:
        try:
            intake = space.ingest()
        except ContractError as error:
            # The op fails, and with it its checks: the red evaluation is logged from here.
            context.log_event(checks.refusal_evaluation(space.archive, space.snapshot(), error))
            if error.rule not in OF_THE_DOWNLOAD:
                context.instance.add_run_tags(context.run.run_id, {REFUSED_TAG: error.rule})
            raise
        manifest, is_new = intake.manifest, intake.is_new
    if manifest.is_synthetic:
        context.log.warning("Release %s is SYNTHETIC data: it says nothing about the real world.", manifest.release_id)
    yield dg.MaterializeResult(
        data_version=dg.DataVersion(manifest.sha256),
        metadata={
            "dagster/row_count": manifest.rows,
            "release_id": manifest.release_id,
            "is_new": is_new,
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
    found = checks.findings(space.archive, space.snapshot())
    for key in sorted(context.selected_asset_check_keys):
        yield from table_result(context, key, found[key.name], warns=key.name in checks.WARNING)


@dg.asset(
    group_name="raw",
    kinds={"parquet"},
    owners=OWNERS,
    deps=[portal_release],
    description="Les lignes d'un trimestre, telles que reçues, tout en texte.",
    **QUARTERLY,
)
def raw_usagers(context: dg.AssetExecutionContext, workspace: WorkspaceResource, engine: Engine) -> None:
    """Find the archived lines of each quarter and check that they are what was archived."""
    quarters = quarters_of(context)
    with workspace.step(quarters, lines=True) as space:
        snapshot = space.snapshot()
        states = [(quarter, snapshot.reported.current(quarter)) for quarter in quarters]
        known = [(quarter, state) for quarter, state in states if state]
        files = [
            literal(space.archive.quarter_file(q, s.sha256))
            for group in by_columns(space.archive, known)
            for q, s in group
        ]
        counted: dict[str, tuple[int, int]] = {}
        if files:
            with engine.get_connection() as con:
                rows = con.execute(
                    "SELECT trimestre_id, count(*), count(*) - count(nb_dossiers) "
                    f"FROM read_parquet([{', '.join(files)}], union_by_name = true) GROUP BY trimestre_id"
                ).fetchall()
                counted = {quarter: (lines, masked) for quarter, lines, masked in rows}
        for quarter, state in states:
            if state is None:
                metadata: dict[str, Any] = {"dagster/row_count": 0, "note": f"no release covers {quarter}"}
            else:
                first = head(space.archive.quarter_file(quarter, state.sha256))
                lines, masked = counted[quarter.id]
                metadata = {
                    "dagster/row_count": lines,
                    "masked_lines": masked,
                    "release_id": state.since,
                    "sha256": state.sha256,
                    "dagster/column_schema": dg.TableSchema(
                        [dg.TableColumn(name, "VARCHAR") for name in first.columns]
                    ),
                    "preview": preview(first),
                }
            context.add_asset_metadata({"quarter": quarter.id, **metadata}, partition_key=quarter.partition_key)
