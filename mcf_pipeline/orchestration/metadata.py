"""What the Dagster UI shows of a table: its columns; of a materialization: rows, a preview and what else there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from mcf_pipeline import markdown
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.tables.files import Head
from mcf_pipeline.tables.staged import Staged


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


def head_of(frame: pd.DataFrame) -> Head:
    """The beginning of a frame."""
    first = frame.head().astype(object)
    cells = first.where(first.notna(), None).itertuples(index=False, name=None)
    return Head(len(frame), tuple(frame.columns), list(cells))


def preview(table: Head, columns: Sequence[str] | None = None) -> dg.MarkdownMetadataValue:
    """The first rows of a table as Markdown; a masked value shows as empty.

    Args:
        table: its beginning.
        columns: those to show, in this order; all where None.
    """
    shown = table.columns if columns is None else columns
    places = [table.columns.index(name) for name in shown]
    cells = ([_cell(row[place]) for place in places] for row in table.first)
    return dg.MetadataValue.md(markdown.table([markdown.text(name) for name in shown], cells))


def _cell(value: object) -> str:
    return markdown.text(f"{value:.4g}" if isinstance(value, float) else value)


def picture(drawn: str | None) -> dg.MarkdownMetadataValue | None:
    """A small picture (`site.thumbnail`) as the UI shows it; nothing where there is none."""
    return dg.MetadataValue.md(drawn) if drawn else None


def line_counts(staged: Staged | None) -> dict[str, int]:
    """How many lines of a quarter are masked, and how many were rejected; nothing where it was not read."""
    return {} if staged is None else {"masked_lines": staged.masked, "rejected_lines": staged.rejected}


def shown(model: type[Table], table: Head | None, *, rows: int | None = None, **more: object) -> Mapping[str, Any]:
    """The metadata of a materialization of a table.

    Args:
        model: which table.
        table: its beginning; None where the quarter has no data.
        rows: how many it has, where `table` is a part of it.
        **more: what else there is to say; None says nothing.
    """
    metadata: dict[str, Any] = {"dagster/row_count": rows if rows is not None else table.rows if table else 0}
    metadata |= {name: value for name, value in more.items() if value is not None}
    if table and table.rows:
        # `stg_usagers` has columns beyond its schema, which differ from release to release.
        metadata["preview"] = preview(table, describe(model).column_names)
    return metadata
