"""What the Dagster UI shows of a table: its columns; of a materialization: rows, a preview and what else there is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
import pandas as pd

from mcf_pipeline import markdown
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.tables.staged import Staged

PREVIEW_ROWS = 5


def table_metadata(model: type[Table]) -> Mapping[str, Any]:
    """What the definition of a table's asset shows: its columns, with type, meaning and key.

    The UI shows the definition's columns where a materialization has none. One of each quarter would repeat them 27
    times in a first build: nine tenths of what Dagster stores.
    """
    spec = describe(model)
    schema = dg.TableSchema(
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
    return {"dagster/column_schema": schema}


def preview(frame: pd.DataFrame) -> dg.MarkdownMetadataValue:
    """The first rows of a frame as a Markdown table; a masked value shows as empty."""
    rows = frame.head(PREVIEW_ROWS).astype(object)
    cells = ([_cell(value) for value in row] for row in rows.itertuples(index=False, name=None))
    return dg.MetadataValue.md(markdown.table([markdown.text(name) for name in rows.columns], cells))


def _cell(value: object) -> str:
    if pd.isna(value):
        return ""
    return markdown.text(f"{value:.4g}" if isinstance(value, float) else value)


def picture(drawn: str | None) -> dg.MarkdownMetadataValue | None:
    """A small picture (`site.thumbnail`) as the UI shows it; nothing where there is none."""
    return dg.MetadataValue.md(drawn) if drawn else None


def line_counts(staged: Staged | None) -> dict[str, int]:
    """How many lines of a quarter are masked, and how many were rejected; nothing where it was not read."""
    return {} if staged is None else {"masked_lines": staged.masked, "rejected_lines": staged.rejected}


def shown(model: type[Table], rows: int, frame: pd.DataFrame | None = None, **more: object) -> Mapping[str, Any]:
    """The metadata of a materialization of a table."""
    metadata: dict[str, Any] = {"dagster/row_count": rows}
    metadata |= {name: value for name, value in more.items() if value is not None}
    if frame is not None and len(frame):
        # `stg_usagers` has columns beyond its schema, which differ from release to release.
        metadata["preview"] = preview(frame[list(describe(model).column_names)])
    return metadata
