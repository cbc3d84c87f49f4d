"""Workspaces of which the tables' files are made, without a published file."""

from __future__ import annotations

import pytest

from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import ingest, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_quarters, copy_of
from mcf_pipeline_tests.warehouse.told import LINES


@pytest.fixture(scope="session")
def four_releases(tmp_path_factory) -> Workspace:
    """Four releases that revise each other (`told`), archived, and their files made; nobody may change it."""
    space = workspace_in(tmp_path_factory.mktemp("four_releases"))
    for day, lines in LINES.items():
        ingest(space.archive, lines, day)
    build_quarters(space)
    return space


@pytest.fixture
def copied(four_releases, tmp_path) -> Workspace:
    """A copy of it to change."""
    return copy_of(four_releases, tmp_path / "copy")
