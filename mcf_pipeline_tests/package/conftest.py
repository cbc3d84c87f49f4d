"""A package of a warehouse with a history, beside those of the handmade rows (`handmade`, `synthetic`)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mcf_pipeline.package.writing import write_package
from mcf_pipeline.settings import DataDir
from mcf_pipeline_tests.conftest import made_once


@pytest.fixture(scope="session")
def revised(tmp_path_factory, told_once) -> DataDir:
    """Four releases that revise each other, published and packaged; nobody may change it."""

    def make(folder: Path) -> DataDir:
        data_dir = DataDir(Path(shutil.copytree(told_once[0], folder / "data")))
        write_package(data_dir)
        return data_dir

    return made_once(tmp_path_factory, "revised", make)
