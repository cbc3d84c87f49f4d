"""Building and reading a warehouse without Dagster: what the assets do, one after the other."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import duckdb

from mcf_pipeline.duck import scratch
from mcf_pipeline.errors import ContractError
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.tables.build import ensure_quarters, ensure_staged, states_of
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.warehouse.publication import publish
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import workspace_in


def stage_all(space: Workspace) -> Snapshot:
    """Read every state; a content that is refused is known as such in the snapshot that is returned."""
    snapshot = space.snapshot()
    with scratch() as con, contextlib.suppress(ContractError):
        ensure_staged(con, space.archive, snapshot, states_of(snapshot, snapshot.timeline.quarters))
    return space.snapshot()


def build_quarters(space: Workspace) -> list[Quarter]:
    """Make the files that are missing; returns the quarters that had one missing."""
    snapshot = stage_all(space)
    todo = snapshot.plan.to_do
    with scratch() as con:
        ensure_quarters(con, space.archive, snapshot, todo)
    return todo


def publish_build(space: Workspace, *, from_scratch: bool = False) -> dict[str, int]:
    """Publish what the archive says; returns the rows of each table."""
    with scratch() as con:
        return publish(con, space.archive, space.snapshot(), from_scratch=from_scratch)


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
