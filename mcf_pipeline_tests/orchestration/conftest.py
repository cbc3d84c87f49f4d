"""A portal that serves three small releases, and data directories that know none or the first of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.conftest import made_once
from mcf_pipeline_tests.orchestration.assets import graph, small
from mcf_pipeline_tests.portal import SimulatedPortal


def open_workspace(data_dir: Path, portal: SimulatedPortal, **env: str) -> Workspace:
    """As the environment of a daemon would have it, with a client that does not try twice."""
    settings = {"MCF_PORTAL_URL": portal.url, "MCF_LIMIT_MAX_ATTEMPTS": "1", "MCF_POLL_SECONDS": "900"}
    return Workspace(Settings.from_env(settings | env, data_dir=data_dir))


def ingest(space: Workspace) -> None:
    """Archive what the source has."""
    source = space.source()
    with space.lock():
        space.archive.ingest(lambda folder: source.fetch(folder, lambda done, total: None))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as fresh:
        yield fresh


@pytest.fixture
def portal() -> Iterator[SimulatedPortal]:
    with SimulatedPortal([small.FIRST, small.FIRST.next(), small.FIRST.next().next()]) as served:
        yield served


@pytest.fixture
def empty(tmp_path, portal) -> Workspace:
    """Nothing is there."""
    return open_workspace(tmp_path / "data", portal)


@pytest.fixture
def archived(empty) -> Workspace:
    """The first release is archived, and nothing is built of it."""
    ingest(empty)
    return empty


@pytest.fixture(scope="session")
def built_from_portal(tmp_path_factory) -> Path:
    """A data directory with the first release as the portal gave it, built and published; take a copy."""

    def make(folder: Path) -> Path:
        with SimulatedPortal([small.FIRST]) as portal, dg.DagsterInstance.ephemeral() as instance:
            ingest(open_workspace(folder / "data", portal))
            graph.follow_plan(folder / "data", "portal", instance)
        return folder / "data"

    return made_once(tmp_path_factory, "built_from_portal", make)


@pytest.fixture
def built(built_from_portal, tmp_path, portal) -> Workspace:
    """The first release is archived, built and published."""
    shutil.copytree(built_from_portal, tmp_path / "data", symlinks=True)
    return open_workspace(tmp_path / "data", portal)
