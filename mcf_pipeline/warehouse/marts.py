"""The marts: one SQL file each, run for one quarter, validated, and put in place of the quarter's old rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from mcf_pipeline.contract.lines import validate
from mcf_pipeline.duck import to_frame
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.marts import MartRevisions
from mcf_pipeline.warehouse.build import insert_frame, replace_quarter, transaction
from mcf_pipeline.warehouse.ddl import query, typed

if TYPE_CHECKING:
    import duckdb


def compute_mart(con: duckdb.DuckDBPyConnection, model: type[Table], quarter: Quarter) -> pd.DataFrame:
    """One quarter of a mart, validated against its model.

    Raises:
        pandera.errors.SchemaErrors: the SQL yields what the model forbids; a bug worth reporting.
    """
    spec = describe(model)
    statement = typed(spec, f"({query(spec.name)}) ORDER BY {', '.join(spec.key)}")
    return validate(model, to_frame(con, statement, {"trimestre_id": quarter.id}))


def write_mart(con: duckdb.DuckDBPyConnection, model: type[Table], quarter: Quarter, mark: str) -> pd.DataFrame:
    """Compute one quarter of a mart and replace it; returns its rows."""
    frame = compute_mart(con, model, quarter)
    replace_quarter(con, model, quarter.id, mark, frame)
    return frame


def write_revisions(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Compute `mart_revisions` from the whole history and replace it; returns its rows."""
    spec = describe(MartRevisions)
    frame = validate(MartRevisions, to_frame(con, typed(spec, f"({query(spec.name)})")))
    with transaction(con):
        con.execute(f"DELETE FROM {spec.name}")
        insert_frame(con, MartRevisions, frame)
    return frame
