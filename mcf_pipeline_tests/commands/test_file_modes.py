"""Who may write to what a run leaves: its user alone, even after umask 000 (`first_run`); all may read it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mcf_pipeline_tests.commands.terminal import mcf

OF_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def modes(folder: Path) -> dict[str, int]:
    """Of all files and folders in it; a link's own mode means nothing."""
    found = [path for path in folder.rglob("*") if not path.is_symlink()]
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in found}


def test_nobody_else_can_write_to_a_data_directory(first_run):
    found = modes(first_run.data_dir) | {".": stat.S_IMODE(first_run.data_dir.stat().st_mode)}
    for part in ("raw/releases", "raw/quarters", "tables", "warehouse/mcf.duckdb", "site/index.html", "dagster"):
        assert part in found
    assert {name: oct(mode) for name, mode in found.items() if mode & OF_OTHERS} == {}


def test_all_can_read_what_is_archived_and_published(first_run):
    """So that a reader is another user than the pipeline, and needs no right to write."""
    found = modes(first_run.data_dir)
    public = {
        name: oct(mode) for name, mode in found.items() if name.startswith(("raw", "warehouse", ".package", "site"))
    }
    assert set(public.values()) == {"0o644", "0o755"}


@pytest.mark.parametrize("path", ["all.xlsx", "csv"])
def test_nobody_else_can_write_to_an_export(first_run, tmp_path, path):
    before = os.umask(0)
    try:
        answer = mcf("export", tmp_path / path, "--data-dir", first_run.data_dir, "--format", path.split(".")[-1])
    finally:
        os.umask(before)
    assert answer.code == 0, answer.err
    assert modes(tmp_path)
    assert {name: oct(mode) for name, mode in modes(tmp_path).items() if mode & OF_OTHERS} == {}


@pytest.mark.parametrize(("callers", "ours"), [(0o000, 0o022), (0o022, 0o022), (0o002, 0o022), (0o077, 0o077)])
def test_a_stricter_umask_is_kept(callers, ours):
    program = "import os; from mcf_pipeline.files import keep_others_from_writing as keep; keep(); print(os.umask(0))"
    done = subprocess.run([sys.executable, "-c", program], umask=callers, capture_output=True, text=True, check=True)
    assert int(done.stdout) == ours
