"""A data directory as the command line leaves it, Dagster's own files included."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def ready(first_run, tmp_path) -> Path:
    """A data directory with one release published, for one test to change."""
    data_dir = tmp_path / "data"
    shutil.copytree(first_run.data_dir, data_dir)
    return data_dir


@pytest.fixture
def grown(third_run, tmp_path) -> Path:
    """A data directory with three releases published, for one test to change."""
    data_dir = tmp_path / "data"
    shutil.copytree(third_run.data_dir, data_dir, symlinks=True)
    return data_dir
