"""One package made from the handmade rows, for all tests that only read it."""

from __future__ import annotations

import pytest

from mcf_pipeline.package.writing import write_package
from mcf_pipeline_tests.exports import ingest, workspace_in
from mcf_pipeline_tests.package.handmade import publish_handmade
from mcf_pipeline_tests.warehouse.builds import build_quarters, publish_build
from mcf_pipeline_tests.warehouse.told import LINES


@pytest.fixture(scope="session")
def handmade(tmp_path_factory):
    """A data directory with the handmade file published and packaged; nobody may change it."""
    data_dir = publish_handmade(tmp_path_factory.mktemp("handmade"))
    write_package(data_dir)
    return data_dir


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory):
    """The same, said to be synthetic."""
    data_dir = publish_handmade(tmp_path_factory.mktemp("synthetic"), synthetic=True)
    write_package(data_dir)
    return data_dir


@pytest.fixture(scope="session")
def revised(tmp_path_factory):
    """Four releases that revise each other, taken in, built, published and packaged; nobody may change it."""
    space = workspace_in(tmp_path_factory.mktemp("revised"))
    for day, lines in LINES.items():
        ingest(space.archive, lines, day)
        build_quarters(space)
    publish_build(space)
    write_package(space.data_dir)
    return space.data_dir
