"""Publication: what users open. One asset per product."""

import time
from collections.abc import Iterator
from typing import Any

import dagster as dg

from mcf_pipeline import markdown
from mcf_pipeline.log import event, since
from mcf_pipeline.orchestration.assets.base import LATER, OWNERS, check_results
from mcf_pipeline.orchestration.assets.marts import mart_revisions, marts
from mcf_pipeline.orchestration.assets.warehouse import dimensions, facts
from mcf_pipeline.orchestration.checks import publication as checks
from mcf_pipeline.orchestration.metadata import picture
from mcf_pipeline.orchestration.resources import Engine, PublishedWarehouse, WorkspaceResource
from mcf_pipeline.package.writing import write_package
from mcf_pipeline.quality.published import CONFORMS, READABLE, conforms, readable
from mcf_pipeline.schemas.marts import MartTrimestre
from mcf_pipeline.site.thumbnail import of_quarters
from mcf_pipeline.site.writing import write_dashboard
from mcf_pipeline.warehouse.publication import publish


class Assembly(dg.Config):
    """Whether the published file takes nothing from the one before it, which somebody may have changed."""

    from_scratch: bool = False


@dg.asset(
    group_name="publication",
    kinds={"duckdb", "file"},
    owners=OWNERS,
    deps=[spec.key for several in (dimensions, facts, marts, mart_revisions) for spec in several.specs],
    check_specs=checks.SPECS,
    description="L'entrepôt publié, `mcf.duckdb` : ce que les utilisateurs interrogent.",
    op_tags=LATER,
)
def warehouse(
    context: dg.AssetExecutionContext,
    config: Assembly,
    workspace: WorkspaceResource,
    engine: Engine,
    published: PublishedWarehouse,
) -> Iterator[Any]:
    """Assemble the published file beside the old one, check it, and put it in place."""
    started = time.monotonic()
    # One publication at a time, each of what the archive holds then: an older state must not replace a newer one.
    with workspace.step(publishes=True) as space, engine.get_connection() as con:
        path = space.data_dir.published_database
        snapshot = space.snapshot()
        rows = publish(con, space.archive, snapshot, from_scratch=config.from_scratch)
        latest = snapshot.timeline.latest
        event("published", release_id=latest.release_id if latest else None, path=str(path), seconds=since(started))
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(rows.values()),
                "path": dg.MetadataValue.path(str(path)),
                "release_id": latest.release_id if latest else "",
                "is_synthetic": bool(latest and latest.is_synthetic),
                "tables": dg.MetadataValue.md(markdown.table(["table", "rows"], rows.items(), numbers=["rows"])),
            }
        )
        found = {
            ("warehouse", READABLE): readable(published.get_connection, path),
            ("warehouse", CONFORMS): conforms(con, path, snapshot),
        }
    yield from check_results(context, found)


@dg.asset(
    group_name="publication",
    kinds={"parquet", "csv"},
    owners=OWNERS,
    deps=[warehouse],
    description="Le paquet de données, `package/` : chaque table en Parquet et en CSV, et leurs métadonnées.",
    op_tags=LATER,
)
def data_package(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:
    """Write the package of the published file, and put it in place of the old one."""
    with workspace.step(publishes=True) as space:
        files = write_package(space.data_dir)
        latest = space.snapshot().timeline.latest
    context.log.info("the data package holds %d files", len(files))
    listed = [(file.path, file.size, file.sha256) for file in files]
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(space.data_dir.package)),
            "release_id": latest.release_id if latest else "",
            "is_synthetic": bool(latest and latest.is_synthetic),
            "bytes": sum(file.size for file in files),
            "files": dg.MetadataValue.md(markdown.table(["file", "bytes", "sha256"], listed, numbers=["bytes"])),
        }
    )


@dg.asset(
    group_name="publication",
    kinds={"html"},
    owners=OWNERS,
    deps=[warehouse],
    description="Le tableau de bord, `site/index.html` : une page autonome, qui s'ouvre sans serveur ni réseau.",
    op_tags=LATER,
)
def dashboard(workspace: WorkspaceResource, engine: Engine) -> dg.MaterializeResult:
    """Make the page of the published file, unless the one in place is made from the same."""
    with workspace.step(publishes=True) as space, engine.get_connection() as con:
        page = write_dashboard(space.data_dir)
        snapshot = space.snapshot()
        latest = snapshot.timeline.latest
        drawn = of_quarters(con, MartTrimestre, snapshot, snapshot.timeline.quarters)
    metadata: dict[str, Any] = {
        "path": dg.MetadataValue.path(str(page)),
        "release_id": latest.release_id if latest else "",
        "is_synthetic": bool(latest and latest.is_synthetic),
        "bytes": page.stat().st_size,
        "picture": picture(next(iter(drawn.values()), None)),
    }
    return dg.MaterializeResult(metadata={name: value for name, value in metadata.items() if value is not None})
