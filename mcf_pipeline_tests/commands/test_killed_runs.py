"""A run on the command line is killed in the middle, for real; the next one repairs the rest."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from dataclasses import dataclass
from glob import glob
from pathlib import Path

import pytest

from mcf_pipeline.files import sha256_of
from mcf_pipeline_tests.commands.terminal import begin, mcf
from mcf_pipeline_tests.conftest import made_once
from mcf_pipeline_tests.end_to_end.story import assert_published, tables_of

pytestmark = pytest.mark.slow

DRAFTS = ("raw/incoming/*", "warehouse/.mcf.duckdb.*")
"""What lies in the data directory only while a process receives or publishes."""

UNTIL_PUBLISHED = {
    # what the process is doing: what is new in the data directory then
    "receiving": DRAFTS[0],
    "staging": "tables/stg_usagers/*/*.parquet",
    "writing marts": "tables/mart_trimestre/*/*.parquet",
    "publishing": DRAFTS[1],
}


@dataclass(frozen=True)
class Undisturbed:
    """The second release, and the tables that a run of it leaves which nobody disturbs."""

    csv: Path
    tables: dict[str, list[tuple]]


@pytest.fixture(scope="module")
def undisturbed(first_run, small_releases, tmp_path_factory) -> Undisturbed:
    def make(folder: Path) -> Undisturbed:
        data_dir = folder / "data"
        shutil.copytree(first_run.data_dir, data_dir, symlinks=True)
        answer = mcf("run", "--source", small_releases[1], "--data-dir", data_dir)
        assert answer.code == 0, answer.err
        database = data_dir / "warehouse" / "mcf.duckdb"
        assert_published(database, [first_run.csv, small_releases[1]])
        return Undisturbed(small_releases[1], tables_of(database))

    return made_once(tmp_path_factory, "undisturbed", make)


@pytest.fixture
def data_dir(first_run, tmp_path) -> Path:
    """The first release built and published."""
    shutil.copytree(first_run.data_dir, tmp_path / "data", symlinks=True)
    return tmp_path / "data"


def seen(data_dir: Path, trace: str) -> set[str]:
    """Paths that are there; unlike `Path.glob`, it does not mind a folder that vanishes while it looks."""
    return set(glob(str(data_dir / trace), recursive=True, include_hidden=True))  # noqa: PTH207


def kill_while(data_dir: Path, trace: str, *arguments: object, count: int = 1) -> None:
    """Run a command and kill it once there are as many traces that were not there before."""
    before = seen(data_dir, trace)
    with begin(*arguments) as process:
        try:
            while True:
                assert process.poll() is None, f"ended before {trace} was seen: {process.communicate()}"
                if len(seen(data_dir, trace) - before) >= count:
                    process.send_signal(signal.SIGSTOP)
                    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
                    # Stopped, it cannot have gone on since we look.
                    if len(seen(data_dir, trace) - before) >= count:
                        return
                    process.send_signal(signal.SIGCONT)
                time.sleep(0.001)
        finally:
            process.kill()


def assert_package_is_whole(folder: Path) -> None:
    """Each file is there with the bytes that the descriptor promises."""
    descriptor = json.loads((folder / "datapackage.json").read_text())
    for resource in descriptor["resources"]:
        assert resource["hash"] == f"sha256:{sha256_of(folder / resource['path'])}", resource["path"]


def test_a_run_that_is_killed_again_and_again_comes_to_its_end(data_dir, undisturbed):
    """At each stage of its work; each time it goes on from the files that are there, and readers keep the old file."""
    database = data_dir / "warehouse" / "mcf.duckdb"
    before, inode = tables_of(database), database.stat().st_ino
    for trace in UNTIL_PUBLISHED.values():
        kill_while(data_dir, trace, "run", "--source", undisturbed.csv, "--data-dir", data_dir)
        assert (database.stat().st_ino, tables_of(database)) == (inode, before)
        assert_package_is_whole(data_dir / "package")
    assert_the_next_run_finishes(data_dir, undisturbed)
    answer = mcf("verify", "--data-dir", data_dir)
    assert answer.code == 0, answer.err


def test_a_run_that_is_killed_while_packaging_has_published(data_dir, undisturbed):
    kill_while(data_dir, ".package/*", "run", "--source", undisturbed.csv, "--data-dir", data_dir)
    assert tables_of(data_dir / "warehouse" / "mcf.duckdb") == undisturbed.tables
    assert_package_is_whole(data_dir / "package")
    assert_the_next_run_finishes(data_dir, undisturbed)


@pytest.mark.parametrize("count", [31])
def test_a_run_that_is_killed_at_a_number_of_files(count, data_dir, undisturbed):
    """Of Dagster's or of ours: it makes some hundred in all."""
    kill_while(data_dir, "**/*", "run", "--source", undisturbed.csv, "--data-dir", data_dir, count=count)
    assert_package_is_whole(data_dir / "package")
    assert_the_next_run_finishes(data_dir, undisturbed)


def assert_the_next_run_finishes(data_dir: Path, undisturbed: Undisturbed) -> None:
    """The next plain run, and it leaves the tables of an undisturbed run and nothing to repair."""
    answer = mcf("run", "--source", undisturbed.csv, "--data-dir", data_dir)
    assert answer.code == 0, answer.err
    assert tables_of(data_dir / "warehouse" / "mcf.duckdb") == undisturbed.tables
    assert_package_is_whole(data_dir / "package")
    for draft in DRAFTS:
        assert list(data_dir.glob(draft)) == []
    # The one before stays for whoever is reading it.
    assert len(list(data_dir.glob(".package/*"))) <= 2
