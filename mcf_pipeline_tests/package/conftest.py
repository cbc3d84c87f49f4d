"""One package made from the handmade rows, for all tests that only read it."""

from __future__ import annotations

import pytest

from mcf_pipeline.package.writing import write_package
from mcf_pipeline_tests.package.handmade import publish_handmade


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
