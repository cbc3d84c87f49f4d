"""A warehouse of two releases, built once, and copies of it to spoil."""

import pytest

from mcf_pipeline_tests.exports import line, masked, quarter_lines, take_in, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all, copy_of


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory):
    """Two releases, built and published; a region of masked lines alone."""
    built = workspace_in(tmp_path_factory.mktemp("two_releases"))
    lines = [*quarter_lines("2024-T1", 8), *quarter_lines("2024-T2", 8), masked("2024-T1", region="Mayotte")]
    take_in(built.archive, lines, "2024-07-08")
    take_in(built.archive, [*lines[:-1], line("2024-T2", region="Mayotte"), lines[-1]], "2024-10-08")
    build_all(built)
    return built


@pytest.fixture
def space(two_releases, tmp_path):
    """The same, for one test to spoil."""
    return copy_of(two_releases, tmp_path / "copy")
