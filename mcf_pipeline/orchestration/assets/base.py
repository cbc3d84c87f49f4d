"""What all assets share: the workspace as a resource, common settings, and what a materialization shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import dagster as dg
import pandas as pd

from mcf_pipeline.orchestration.partitions import QUARTERS
from mcf_pipeline.progress import report
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.settings import Settings
from mcf_pipeline.tables.staging import Staged
from mcf_pipeline.workspace import Workspace

OWNERS = ["team:mcf_pipeline"]
POOL = "duckdb"
"""One writer: DuckDB allows one process to write a file (limit 1 in ``dagster.yaml``)."""

PREVIEW_ROWS = 5

QUARTERLY: dict[str, Any] = {
    "partitions_def": QUARTERS,
    # One run takes all quarters of a release: each process start costs seconds.
    "backfill_policy": dg.BackfillPolicy.single_run(),
    "owners": OWNERS,
    "pool": POOL,
}
WHOLE: dict[str, Any] = {
    "owners": OWNERS,
    "pool": POOL,
    # Once, after the quarters: of what is ready, a run takes the quarterly assets first.
    "op_tags": {"dagster/priority": "-1"},
}


class WorkspaceResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The data directory and source that the graph works on; empty fields are taken from the environment."""

    data_dir: str = ""
    source: str = ""

    def open(self) -> Workspace:
        """The workspace of these settings."""
        from pathlib import Path

        return Workspace(
            Settings.from_env(source=self.source or None, data_dir=Path(self.data_dir) if self.data_dir else None)
        )


def each_quarter(context: dg.AssetExecutionContext, name: str, quarters: Sequence[Quarter]) -> Iterator[Quarter]:
    """Go through the quarters of a run one by one, so that only one is held in memory, reporting progress."""
    for done, quarter in enumerate(quarters):
        report(name, done, len(quarters))
        yield quarter
    report(name, len(quarters), len(quarters))
    context.log.info("%s: %d quarters", name, len(quarters))


@cache
def table_schema(model: type[Table]) -> dg.TableSchema:
    """A model as the UI shows it; made once, though each materialization of each quarter carries it."""
    spec = describe(model)
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.duckdb_type,
                description=column.comment,
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=spec.key == (column.name,)),
            )
            for column in spec.columns
        ],
        constraints=dg.TableConstraints(other=[f"key: {', '.join(spec.key)}"]),
    )


def preview(frame: pd.DataFrame) -> dg.MarkdownMetadataValue:
    """The first rows of a frame as a Markdown table; a masked value shows as empty."""
    rows = frame.head(PREVIEW_ROWS).astype(object)
    lines = ["| " + " | ".join(map(str, rows.columns)) + " |", "|" + " --- |" * len(rows.columns)]
    for row in rows.itertuples(index=False, name=None):
        lines.append("| " + " | ".join("" if pd.isna(cell) else _cell(cell) for cell in row) + " |")
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")[:60]


def line_counts(staged: Staged | None) -> dict[str, int]:
    """How many lines of a quarter are masked, and how many were rejected; nothing where it was not read."""
    return {} if staged is None else {"masked_lines": staged.masked, "rejected_lines": staged.rejected}


def shown(model: type[Table], rows: int, frame: pd.DataFrame | None = None, **more: object) -> Mapping[str, Any]:
    """The metadata of a materialization: rows, column schema, preview, and what else there is to say."""
    metadata: dict[str, Any] = {"dagster/row_count": rows, "dagster/column_schema": table_schema(model)}
    metadata |= {name: value for name, value in more.items() if value is not None}
    if frame is not None and len(frame):
        metadata["preview"] = preview(frame)
    return metadata
