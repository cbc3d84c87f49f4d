"""A run on the command line is killed in the middle, for real; the next one repairs the rest."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from mcf_pipeline.files import sha256_of
from mcf_pipeline_tests.commands.terminal import begin, mcf
from mcf_pipeline_tests.end_to_end.story import assert_published, tables_of

pytestmark = pytest.mark.slow

DRAFTS = ("raw/incoming/*", "warehouse/.mcf.duckdb.*")
"""What lies in the data directory only while a process receives or publishes."""

INSTANTS = {
    # what the process is doing: what is new in the data directory then
    "receiving": DRAFTS[0],
    "staging": "tables/stg_usagers/*/*.parquet",
    "writing facts": "tables/fct_dossiers/*/*.parquet",
    "writing marts": "tables/mart_trimestre/*/*.parquet",
    "publishing": DRAFTS[1],
    "packaging": ".package/*",
}


@pytest.fixture
def data_dir(first_run, tmp_path) -> Path:
    """The first release built and published."""
    shutil.copytree(first_run.data_dir, tmp_path / "data", symlinks=True)
    return tmp_path / "data"


def kill_while(data_dir: Path, trace: str, *arguments: object, count: int = 1) -> None:
    """Run a command and kill it once there are as many traces that were not there before."""
    before = set(data_dir.glob(trace))
    with begin(*arguments) as process:
        try:
            while True:
                assert process.poll() is None, f"ended before {trace} was seen: {process.communicate()}"
                if len(set(data_dir.glob(trace)) - before) >= count:
                    process.send_signal(signal.SIGSTOP)
                    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
                    # Stopped, it cannot have gone on since we look.
                    if len(set(data_dir.glob(trace)) - before) >= count:
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


@pytest.mark.parametrize("doing", INSTANTS)
def test_a_run_that_is_killed_while(doing, data_dir, first_run, small_releases):
    second = small_releases[1]
    database = data_dir / "warehouse" / "mcf.duckdb"
    before, inode = tables_of(database), database.stat().st_ino
    kill_while(data_dir, INSTANTS[doing], "run", "--source", second, "--data-dir", data_dir)

    if doing == "packaging":
        assert_published(database, [first_run.csv, second])
    else:
        assert (database.stat().st_ino, tables_of(database)) == (inode, before)
    assert_package_is_whole(data_dir / "package")

    assert_the_next_run_finishes(data_dir, [first_run.csv, second])


@pytest.mark.parametrize("seed", range(4))
def test_a_run_that_is_killed_at_any_file(seed, data_dir, first_run, small_releases):
    """As many new files as chance has it, of Dagster's or of ours: it makes some hundred in all."""
    second = small_releases[1]
    count = random.Random(seed).randrange(1, 60)
    kill_while(data_dir, "**/*", "run", "--source", second, "--data-dir", data_dir, count=count)
    assert_package_is_whole(data_dir / "package")
    assert_the_next_run_finishes(data_dir, [first_run.csv, second])


def test_a_build_that_is_killed_again_and_again_comes_to_its_end(data_dir, first_run, small_releases):
    """Each time it goes on from the files that are there."""
    second = small_releases[1]
    for doing in ("staging", "writing facts", "writing marts", "publishing"):
        kill_while(data_dir, INSTANTS[doing], "run", "--source", second, "--data-dir", data_dir)
    assert_the_next_run_finishes(data_dir, [first_run.csv, second])


def assert_the_next_run_finishes(data_dir: Path, releases: list[Path]) -> None:
    """The next plain run, and it leaves nothing to verify or to repair."""
    answer = mcf("run", "--source", releases[-1], "--data-dir", data_dir)
    assert answer.code == 0, answer.err
    assert_published(data_dir / "warehouse" / "mcf.duckdb", releases)
    assert_package_is_whole(data_dir / "package")
    answer = mcf("verify", "--data-dir", data_dir)
    assert answer.code == 0, answer.err
    for draft in DRAFTS:
        assert list(data_dir.glob(draft)) == []
    # The one before stays for whoever is reading it.
    assert len(list(data_dir.glob(".package/*"))) <= 2
