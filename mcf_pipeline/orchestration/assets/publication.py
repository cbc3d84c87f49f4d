"""Publication: what users open. One asset per product."""

import dagster as dg

from mcf_pipeline.orchestration.assets.base import WHOLE, WorkspaceResource
from mcf_pipeline.orchestration.assets.marts import QUARTERLY_MART_ASSETS, mart_revisions
from mcf_pipeline.orchestration.assets.warehouse import DIMENSION_ASSETS, fct_dossiers, fct_financements
from mcf_pipeline.package.writing import write_package
from mcf_pipeline.warehouse.publication import publish


@dg.asset(
    group_name="publication",
    kinds={"duckdb", "file"},
    deps=[*DIMENSION_ASSETS, fct_dossiers, fct_financements, *QUARTERLY_MART_ASSETS, mart_revisions],
    description="L'entrepôt publié, `mcf.duckdb` : ce que les utilisateurs interrogent.",
    **WHOLE,
)
def warehouse(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Build the published file beside the old one, check it, and put it in place."""
    space = workspace.open()
    with space.build() as con:
        rows = publish(con, space.data_dir, space.state())
    latest = space.timeline().latest
    context.log.info("published %d tables", len(rows))
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(rows.values()),
            "path": dg.MetadataValue.path(str(space.data_dir.published_database)),
            "release_id": latest.release_id if latest else "",
            "is_synthetic": bool(latest and latest.is_synthetic),
            "tables": dg.MetadataValue.md(
                "| table | rows |\n| --- | ---: |\n"
                + "\n".join(f"| {name} | {count} |" for name, count in rows.items())
            ),
        }
    )


@dg.asset(
    group_name="publication",
    kinds={"parquet", "csv"},
    deps=[warehouse],
    description="Le paquet de données, `package/` : chaque table en Parquet et en CSV, et leurs métadonnées.",
    **WHOLE,
)
def data_package(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Write the package of the published file, and put it in place of the old one."""
    space = workspace.open()
    with space.lock():
        files = write_package(space.data_dir)
    latest = space.timeline().latest
    context.log.info("the data package holds %d files", len(files))
    return dg.MaterializeResult(
        metadata={
            "path": dg.MetadataValue.path(str(space.data_dir.package)),
            "release_id": latest.release_id if latest else "",
            "is_synthetic": bool(latest and latest.is_synthetic),
            "bytes": sum(file.size for file in files),
            "files": dg.MetadataValue.md(
                "| file | bytes | sha256 |\n| --- | ---: | --- |\n"
                + "\n".join(f"| {file.path} | {file.size} | {file.sha256} |" for file in files)
            ),
        }
    )
