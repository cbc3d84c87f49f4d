"""A data directory of each earlier version is taken over; one of a newer version is refused and left alone."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from mcf_pipeline.archive.manifest import _checksum
from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.conftest import made_once
from mcf_pipeline_tests.exports import listing
from mcf_pipeline_tests.upgrade import exports
from mcf_pipeline_tests.upgrade.make import VERSIONS
from mcf_pipeline_tests.warehouse.builds import contents

NAMES = sorted(path.name.removesuffix(".tar.xz") for path in VERSIONS.glob("*.tar.xz"))
REBUILT = "its releases in raw/ are kept, and everything else is rebuilt from them."
SAID = {
    "0.1.0": f"This data directory was made by version 0.1: {REBUILT}",
    "0.2.dev0": f"This data directory was built by another version, or with another source map: {REBUILT}",
}


def unpacked(name: str, folder: Path) -> Path:
    with tarfile.open(VERSIONS / f"{name}.tar.xz") as archive:
        archive.extractall(folder, filter="tar")
    return folder


@pytest.fixture(scope="session")
def fresh(tmp_path_factory) -> Path:
    """The same exports, taken in by this version."""

    def make(folder: Path) -> Path:
        for csv in exports.write(folder / "exports"):
            answer = mcf_here("run", "--source", csv, "--data-dir", folder / "data")
            assert answer.code == 0, answer.err
        return folder / "data"

    return made_once(tmp_path_factory, "fresh_build", make)


def test_every_version_that_is_kept_is_tested():
    assert sorted(SAID) == NAMES
    assert sum(path.stat().st_size for path in VERSIONS.iterdir()) < 400_000


@pytest.mark.parametrize("name", NAMES)
def test_a_plain_run_takes_it_over(name, fresh, tmp_path):
    """Nothing new at the source; the figures are those of a fresh build, down to every view, and `verify` is green."""
    data_dir = unpacked(name, tmp_path / "data")
    raw = listing(data_dir / "raw")
    csv = exports.write(tmp_path / "exports")[-1]
    answer = mcf_here("run", "--source", csv, "--data-dir", data_dir)
    assert answer.code == 0, answer.err
    assert SAID[name] in answer.err.splitlines()
    assert "39 lines, 3 of them masked, 0 rejected; 3 quarters, 2024-T1 to 2024-T3; 2 releases archived." in answer.out
    assert listing(data_dir / "raw") == raw
    assert contents(data_dir / "warehouse" / "mcf.duckdb") == contents(fresh / "warehouse" / "mcf.duckdb")
    assert not (data_dir / "warehouse" / "build.duckdb").exists()
    assert not (data_dir / "staging").exists()
    answer = mcf_here("verify", "--data-dir", data_dir)
    assert answer.code == 0, answer.err

    answer = mcf_here("run", "--source", csv, "--data-dir", data_dir)
    assert (answer.code, answer.out.startswith("Nothing new: ")) == (0, True), answer.err
    assert "This data directory" not in answer.err


@pytest.mark.parametrize("name", NAMES)
def test_what_only_looks_at_it_changes_nothing(name, tmp_path):
    """Before the run that takes it over: the exit code may say that it is not what it should be, never a bug."""
    data_dir = unpacked(name, tmp_path / "data")
    mcf_here("verify", "--data-dir", data_dir)  # makes the lock
    before = listing(data_dir)
    for command in (["status"], ["status", "--json"], ["sql", "SELECT count(*) FROM fct_dossiers"], ["verify"]):
        answer = mcf_here(*command, "--data-dir", data_dir)
        assert "unexpected" not in answer.err, answer.err
        assert answer.code in (0, 1)
    assert listing(data_dir) == before


@pytest.mark.parametrize("is_intact", [True, False])
def test_one_of_a_newer_version_is_refused_and_left_alone(is_intact, fresh, tmp_path):
    """Whatever its checksum is, and though a folder of it has the name of one that 0.1 left."""
    data_dir = unpacked("0.2.dev0", tmp_path / "data")
    path = data_dir / "raw" / "releases" / "2025-01-08" / "manifest.json"
    content = json.loads(path.read_text()) | {"manifest_format": 4, "invented": "later"}
    del content["checksum"]
    path.write_text(json.dumps(content | {"checksum": _checksum(content) if is_intact else "crc:7"}))
    (data_dir / "staging").mkdir()
    (data_dir / "staging" / "newer").write_text("of some use to it")
    (data_dir / "pipeline.lock").touch()
    (data_dir / "raw" / "incoming").mkdir()
    before = listing(data_dir)
    csv = exports.write(tmp_path / "exports")[-1]
    said = (
        f"{path} was written by a newer version of mcf-pipeline (format 4; this one reads up to 3): upgrade, or choose "
        "another directory with --data-dir; nothing was changed"
    )
    for command in (
        ["run", "--source", csv],
        ["run", "--source", csv, "--force"],
        ["run", "--accept-release", "2025-01-08"],
        ["rebuild"],
        ["prune", "--keep", "1"],
        ["status"],
        ["backup", tmp_path / "backup"],
    ):
        answer = mcf_here(*command, "--data-dir", data_dir)
        assert (answer.code, answer.error) == (1, said), command
    answer = mcf_here("verify", "--data-dir", data_dir)
    assert (answer.code, f"• {said}" in answer.err) == (1, True)
    assert listing(data_dir) == before
    assert (data_dir / "raw" / "incoming").is_dir()
    assert not (tmp_path / "backup").exists()
