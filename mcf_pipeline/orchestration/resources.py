"""What Dagster gives the assets: the data directory, an engine to compute in, and the published file to read."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource
from pydantic import Field

from mcf_pipeline import log
from mcf_pipeline.duck import ENGINE
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace


class WorkspaceResource(dg.ConfigurableResource):
    """The data directory and source that the graph works on; empty fields are taken from the environment."""

    data_dir: str = ""
    source: str = ""

    def open(self) -> Workspace:
        """The workspace of these settings."""
        settings = Settings.from_env(source=self.source or None, data_dir=self.data_dir or None)
        if log.is_on():
            log.bind(data_dir=settings.place)
        return Workspace(settings)

    def fresh(self) -> Workspace:
        """The same for whoever only looks: an object store's working copy is brought up to date before."""
        space = self.open()
        space.refresh()
        return space

    @contextmanager
    def step(
        self, quarters: Collection[Quarter] | None = None, *, lines: bool = False, publishes: bool = False
    ) -> Iterator[Workspace]:
        """The same for a step of a run (`Workspace.step`)."""
        space = self.open()
        with space.step(quarters, lines=lines, publishes=publishes):
            yield space


class Engine(DuckDBResource):
    """An in-memory DuckDB that the steps compute in.

    Dagster's resource with two differences: the connection is closed also where the work fails, and a file that cannot
    be opened is an error at once. Dagster's tries ten times, for more than a minute and a half.
    """

    database: str = Field(default=":memory:", description="Path of the DuckDB database, or `:memory:`.")
    connection_config: dict[str, Any] = Field(default=ENGINE, description="DuckDB's settings.")

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection, closed at the end."""
        with duckdb.connect(self.database, config=self.connection_config) as con:
            yield con


class PublishedWarehouse(DuckDBResource):
    """The published file, opened read-only as its readers do."""

    workspace: dg.ResourceDependency[WorkspaceResource]
    database: str = Field(default="", description="Path of the file; that of the data directory where empty.")

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection, closed at the end.

        Raises:
            duckdb.Error: there is no such file, or it cannot be opened.
        """
        path = self.database or self.workspace.open().data_dir.published_database
        with duckdb.connect(path, read_only=True, config=self.connection_config) as con:
            yield con
