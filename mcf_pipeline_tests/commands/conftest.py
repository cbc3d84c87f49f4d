"""A data directory as the command line leaves it, Dagster's own files included."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from mcf_pipeline_tests.commands.terminal import Answer, mcf, mcf_here
from mcf_pipeline_tests.conftest import made_once


@dataclass(frozen=True)
class FirstRun:
    """What the first run of a release said, and what it left."""

    answer: Answer
    data_dir: Path
    csv: Path

    @property
    def database(self) -> Path:
        return self.data_dir / "warehouse" / "mcf.duckdb"


@pytest.fixture(scope="session")
def first_run(tmp_path_factory, small_releases) -> FirstRun:
    """The first small release, taken in by a process of its own; nobody may change it: take `ready`.

    Its caller keeps nobody from writing (umask 000), as some containers and cron do: `test_file_modes`.
    """

    def make(folder: Path) -> FirstRun:
        before = os.umask(0)
        try:
            answer = mcf("run", "--source", small_releases[0], "--data-dir", folder / "data")
        finally:
            os.umask(before)
        assert answer.code == 0, answer.err
        return FirstRun(answer, folder / "data", small_releases[0])

    return made_once(tmp_path_factory, "first_run", make)


@pytest.fixture
def ready(first_run, tmp_path) -> Path:
    """A data directory with one release published, for one test to change."""
    data_dir = tmp_path / "data"
    shutil.copytree(first_run.data_dir, data_dir)
    return data_dir


@pytest.fixture(scope="session")
def grown_once(tmp_path_factory, first_run, small_releases) -> Path:
    """A data directory that took three releases in, one after the other; nobody may change it: take `grown`."""

    def make(folder: Path) -> Path:
        data_dir = folder / "data"
        shutil.copytree(first_run.data_dir, data_dir, symlinks=True)
        for release in small_releases[1:]:
            answer = mcf_here("run", "--source", release, "--data-dir", data_dir)
            assert answer.code == 0, answer.err
        return data_dir

    return made_once(tmp_path_factory, "grown", make)


@pytest.fixture
def grown(grown_once, tmp_path) -> Path:
    """A data directory with three releases published, for one test to change."""
    data_dir = tmp_path / "data"
    shutil.copytree(grown_once, data_dir, symlinks=True)
    return data_dir
