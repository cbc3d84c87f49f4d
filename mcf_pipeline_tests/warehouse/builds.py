"""Building and reading a warehouse without Dagster: what the assets do, one after the other."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from mcf_pipeline.archive.timeline import Timeline
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS
from mcf_pipeline.schemas.warehouse import DimFinanceur, DimRelease, DimTrimestre
from mcf_pipeline.tables import dimensions
from mcf_pipeline.tables.facts import DOSSIERS, FINANCEMENTS, load_unreadable, write_fact
from mcf_pipeline.tables.marts import write_mart, write_revisions
from mcf_pipeline.warehouse.build import transaction
from mcf_pipeline.warehouse.plan import mark_of
from mcf_pipeline.warehouse.publication import publish
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import workspace_in


def write_facts(space: Workspace, con: duckdb.DuckDBPyConnection, line: Timeline, quarter: Quarter) -> None:
    for fact in (DOSSIERS, FINANCEMENTS):
        write_fact(con, fact, {quarter: space.staged(line, quarter)}, space.rules)


def write_marts(space: Workspace, con: duckdb.DuckDBPyConnection, line: Timeline, quarters: Sequence[Quarter]) -> None:
    marks = {quarter.id: mark_of(line.states[quarter], space.rules) for quarter in quarters}
    for model in QUARTERLY_MARTS:
        write_mart(con, model, marks)


def write_dimensions(space: Workspace, con: duckdb.DuckDBPyConnection, line: Timeline) -> None:
    frames = {
        DimTrimestre: dimensions.quarters(line.quarters),
        DimRelease: dimensions.releases(line),
        DimFinanceur: dimensions.financers(),
    }
    for name, model in dimensions.MODALITY_DIMENSIONS.items():
        frames[model] = dimensions.modalities(name, dimensions.unknown_seen(con, name, space.source_map))
    with transaction(con):
        for model, frame in frames.items():
            dimensions.replace_dimension(con, model, frame)
    load_unreadable(con, space.archive, line.latest)


def build_quarters(space: Workspace) -> list[Quarter]:
    """Do what the plan says; returns the quarters that were done."""
    for quarter, states in space.timeline().states.items():
        for state in states:
            space.staging.stage(quarter, state)
    line = space.timeline()
    todo = space.plan(line).to_do
    with space.build() as con:
        for quarter in todo:
            write_facts(space, con, line, quarter)
        if todo:
            write_marts(space, con, line, todo)
        write_dimensions(space, con, line)
        write_revisions(con)
    return todo


def publish_build(space: Workspace) -> dict[str, int]:
    with space.build() as con:
        return publish(con, space.data_dir, space.state())


def build_all(space: Workspace) -> list[Quarter]:
    """Build what the plan says and publish; returns the quarters that were done."""
    todo = build_quarters(space)
    publish_build(space)
    return todo


def copy_of(space: Workspace, folder: Path) -> Workspace:
    """A copy to spoil: a tenth of the cost of building another."""
    shutil.copytree(space.data_dir.root, folder, ignore=shutil.ignore_patterns("*.lock"))
    return workspace_in(folder)


def read(path: Path, query: str, parameters: object = None) -> list[tuple[Any, ...]]:
    """Rows of a query on a file, by a plain reader that knows nothing of this project."""
    with duckdb.connect(path, read_only=True) as con:
        return con.execute(query, parameters).fetchall()


def published(space: Workspace, query: str, parameters: object = None) -> list[tuple[Any, ...]]:
    """Rows of a query on the published warehouse."""
    return read(space.data_dir.published_database, query, parameters)


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table and view of a published file, rows in a fixed order; without when it was published."""
    with duckdb.connect(path, read_only=True) as con:
        names = con.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY 1"
        ).fetchall()
        found = {}
        for (name,) in names:
            left_out = "* EXCLUDE (publie_le)" if name == "meta_publication" else "*"
            found[name] = sorted(con.execute(f"SELECT {left_out} FROM {name}").fetchall(), key=repr)
    return found
