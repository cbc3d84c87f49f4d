"""A run on the command line is killed in the middle, for real; the next one repairs the rest."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from mcf_pipeline.files import sha256_of
from mcf_pipeline_tests.commands.terminal import begin, mcf
from mcf_pipeline_tests.end_to_end.story import assert_published, tables_of

pytestmark = pytest.mark.slow

INSTANTS = {
    # what the process is doing: what lies in the data directory only while it does
    "receiving": "raw/incoming/*",
    "staging a quarter": "staging/*/.draft.*",
    "replacing quarters": "warehouse/build.duckdb.wal",
    "publishing": "warehouse/.mcf.duckdb.*",
    "packaging": ".package/*",
}


@pytest.fixture
def data_dir(first_run, tmp_path) -> Path:
    """The first release built and published."""
    shutil.copytree(first_run.data_dir, tmp_path / "data", symlinks=True)
    return tmp_path / "data"


def kill_while(data_dir: Path, trace: str, *arguments: object) -> None:
    """Run a command and kill it once there is a trace that was not there before."""
    before = set(data_dir.glob(trace))
    with begin(*arguments) as process:
        try:
            while True:
                assert process.poll() is None, f"ended before {trace} was seen: {process.communicate()}"
                if set(data_dir.glob(trace)) - before:
                    process.send_signal(signal.SIGSTOP)
                    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
                    # Stopped, it cannot have gone on since we look.
                    if set(data_dir.glob(trace)) - before:
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

    answer = mcf("run", "--source", second, "--data-dir", data_dir)
    assert answer.code == 0, answer.err
    assert_published(database, [first_run.csv, second])
    assert_package_is_whole(data_dir / "package")
    answer = mcf("verify", "--data-dir", data_dir)
    assert answer.code == 0, answer.err
    for trace in (trace for trace in INSTANTS.values() if trace != ".package/*"):
        assert list(data_dir.glob(trace)) == []
    # The one before stays for whoever is reading it.
    assert len(list(data_dir.glob(".package/*"))) <= 2
