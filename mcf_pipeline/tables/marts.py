"""The marts: one SQL file each, run for some quarters, validated, and put in place of their old rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from mcf_pipeline.contract.lines import validate
from mcf_pipeline.duck import to_frame
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.marts import MartRevisions
from mcf_pipeline.warehouse.build import insert_frame, replace_quarters, transaction
from mcf_pipeline.warehouse.ddl import query, typed

if TYPE_CHECKING:
    import duckdb


def compute_mart(con: duckdb.DuckDBPyConnection, model: type[Table], quarters: Iterable[str]) -> pd.DataFrame:
    """Some quarters of a mart, by id, validated against its model.

    Raises:
        pandera.errors.SchemaErrors: the SQL yields what the model forbids; a bug worth reporting.
    """
    spec = describe(model)
    statement = typed(spec, f"({query(spec.name)}) ORDER BY {', '.join(spec.key)}")
    return validate(model, to_frame(con, statement, {"trimestres": list(quarters)}))


def write_mart(con: duckdb.DuckDBPyConnection, model: type[Table], marks: Mapping[str, str]) -> pd.DataFrame:
    """Compute some quarters of a mart and replace them; returns their rows.

    Args:
        con: the build.
        model: the mart's model.
        marks: by quarter id, the fingerprint of what it is built from.
    """
    frame = compute_mart(con, model, marks)
    replace_quarters(con, model, marks, frame)
    return frame


def lines_of(con: duckdb.DuckDBPyConnection, quarters: Iterable[Quarter]) -> dict[Quarter, int]:
    """How many lines of `fct_dossiers` each quarter has."""
    counted = con.execute("SELECT trimestre_id, count(*) FROM fct_dossiers GROUP BY trimestre_id").fetchall()
    lines = dict(counted)
    return {quarter: lines.get(quarter.id, 0) for quarter in quarters}


def write_revisions(con: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """Compute `mart_revisions` from the whole history and replace it; returns its rows."""
    spec = describe(MartRevisions)
    frame = validate(MartRevisions, to_frame(con, typed(spec, f"({query(spec.name)})")))
    with transaction(con):
        con.execute(f"DELETE FROM {spec.name}")
        insert_frame(con, MartRevisions, frame)
    return frame
