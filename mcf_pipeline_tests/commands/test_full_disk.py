"""A full disk, and a read-only one, at whatever step it strikes: a real file system, not a pretended error."""

import json
import os
import subprocess
import sys

import pytest

from mcf_pipeline_tests.commands.terminal import CHECKOUT, Answer

UNSHARE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]


def can_mount(folder) -> bool:
    command = [*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", folder]
    try:
        return subprocess.run(command, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture
def on_a_disk(tmp_path):
    """Run `full_disk` on a small disk of its own; returns what it prints."""
    if not can_mount(tmp_path):
        # A laptop may lack the right to mount; CI must have it, or it would be green without having looked.
        if os.environ.get("CI"):
            pytest.fail("CI cannot mount a small disk: run it where a mount namespace is allowed")
        pytest.skip("needs Linux, and the right to mount in a namespace of one's own")

    def run(*arguments):
        done = subprocess.run(
            [
                *UNSHARE,
                *(sys.executable, "-m", "mcf_pipeline_tests.commands.full_disk"),
                *map(str, (tmp_path, *arguments)),
            ],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(CHECKOUT)])},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        assert list(tmp_path.iterdir()) == [], "the disk is gone"
        return json.loads(done.stdout)

    return run


@pytest.fixture
def run_with(first_run, small_releases, on_a_disk):
    """Take the second release in with so many kilobytes left, or on a read-only disk (``ro``)."""

    def run(room):
        reported = on_a_disk(first_run.data_dir, small_releases[1], room)
        return Answer(**reported["answer"]), reported["before"], reported["after"], Answer(**reported["again"])

    return run


@pytest.mark.parametrize("room", [24])
def test_a_disk_that_fills_up_during_a_backup(first_run, on_a_disk, room):
    """What was copied is no backup, and the next one goes on from it."""
    reported = on_a_disk(first_run.data_dir, "backup", room)
    answer = Answer(**reported["answer"])
    assert answer.code == 1
    assert answer.error.startswith("no space left on the disk")
    assert reported["named"] == 0
    assert [one["code"] for one in reported["again"]] == [0, 0], reported["again"]


# Where these strike: Dagster's own files, the build, the publication. Which one a number of kilobytes strikes
# may move with any dependency; what has to hold does not.
@pytest.mark.parametrize("room", [8, 300, 3500])
def test_a_full_disk(run_with, room):
    answer, before, after, again = run_with(room)
    assert answer.code == 1
    assert answer.error.startswith("no space left on the disk")
    assert {name: after.get(name) for name in before} == before, "what was there is as it was"
    new = {name.split("/")[2] for name in after.keys() - before.keys() if name.startswith("raw/releases/")}
    assert new <= {"2021-04-08"}, "a release that came whole may stay, and nothing half-written"
    assert again.code == 0, again.err
    assert "2021-T1" in again.out


def test_a_read_only_disk(run_with):
    answer, before, after, again = run_with("ro")
    assert answer.code == 2
    assert "Read-only file system" in answer.error
    assert after == before
    assert again.code == 0, again.err
