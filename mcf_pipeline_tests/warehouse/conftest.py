"""A warehouse of four releases, built once, and copies of it to spoil."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import workspace_in
from mcf_pipeline_tests.warehouse.builds import copy_of


class Story(NamedTuple):
    """A published warehouse, and the quarters that each release made it do."""

    space: Workspace
    done: dict[str, list[str]]


@pytest.fixture(scope="session")
def story(told_once) -> Story:
    """The four releases taken in and built one after the other, then published; for reading only."""
    data_dir, done = told_once
    return Story(workspace_in(data_dir), done)


@pytest.fixture
def copied(story, tmp_path) -> Workspace:
    """A copy of the built warehouse."""
    return copy_of(story.space, tmp_path / "copy")


@pytest.fixture
def space_in(tmp_path) -> Callable[[str], Workspace]:
    """Makes an empty workspace of a name."""
    return lambda name: workspace_in(tmp_path / name)
