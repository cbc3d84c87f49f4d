"""A run on the command line is killed in the middle, for real; the next one repairs the rest (see `killing`)."""

from __future__ import annotations

import pytest

from mcf_pipeline_tests.commands.killing import Case, age, finish, kill_at, kill_at_line, make_case
from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.conftest import made_once

pytestmark = pytest.mark.slow

INSTANTS = (0.1, 0.3, 0.55, 0.8)
"""Spread over a run; `bench/kills.py` tries hundreds, and each step that a run names."""


@pytest.fixture(scope="module")
def case(first_run, small_releases, tmp_path_factory) -> Case:
    return made_once(
        tmp_path_factory, "killed_runs", lambda folder: make_case(folder, first_run.data_dir, small_releases[1])
    )


def test_a_run_that_is_killed_again_and_again_comes_to_its_end(case, tmp_path):
    """Each time it goes on from the files that are there, and readers keep the old state until they have the new."""
    data_dir = case.copy(tmp_path / "data")
    states = [kill_at(data_dir, case, instant) for instant in INSTANTS]
    assert states[0] == "old"
    found = [state for state in states if state]
    assert found == sorted(found, reverse=True), "once it is the new one, it stays"
    age(data_dir)
    assert finish(data_dir, case) == []
    answer = mcf_here("verify", "--data-dir", data_dir)
    assert answer.code == 0, answer.err


def test_a_run_that_is_killed_as_it_has_published_packages_the_next_time(case, tmp_path):
    data_dir = case.copy(tmp_path / "data")
    assert kill_at_line(data_dir, case, "published") == "new"
    age(data_dir)
    assert finish(data_dir, case) == []


def test_every_step_is_named(case):
    """Else `bench/kills.py`, which kills at each of them, would try fewer than there are."""
    steps = ["portal_release", "raw_usagers", "stg_usagers", "facts", "marts", "warehouse", "data_package", "dashboard"]
    assert {f"{step} {end}" for step in steps for end in ("STEP_START", "STEP_SUCCESS")} <= set(case.steps)
    assert {"started", "release_found", "release_ingested", "quarter_built", "published", "ended"} <= set(case.steps)
