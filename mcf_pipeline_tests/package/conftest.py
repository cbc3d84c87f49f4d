"""A package of a warehouse with a history, beside those of the handmade rows (`handmade`, `synthetic`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcf_pipeline.package.writing import write_package
from mcf_pipeline.settings import DataDir
from mcf_pipeline_tests.conftest import made_once
from mcf_pipeline_tests.exports import ingest, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_quarters, publish_build
from mcf_pipeline_tests.warehouse.told import LINES


@pytest.fixture(scope="session")
def revised(tmp_path_factory) -> DataDir:
    """Four releases that revise each other, taken in, built, published and packaged; nobody may change it."""

    def make(folder: Path) -> DataDir:
        space = workspace_in(folder)
        for day, lines in LINES.items():
            ingest(space.archive, lines, day)
            build_quarters(space)
        publish_build(space)
        write_package(space.data_dir)
        return space.data_dir

    return made_once(tmp_path_factory, "revised", make)
