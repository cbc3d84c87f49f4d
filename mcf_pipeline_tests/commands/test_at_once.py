"""Two processes at one data directory: one works, the other waits or says in a line who does; nothing is corrupted.

A command line beside the daemon: `end_to_end/test_story.py`; readers: `warehouse/test_readers.py`.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import duckdb
import pytest

from mcf_pipeline_tests.commands import forked
from mcf_pipeline_tests.commands.terminal import kept, mcf_here


@pytest.mark.parametrize("name", ["runs.db", "runs/index.db"])
def test_a_history_of_dagsters_that_stays_locked_is_one_line(ready, small_releases, monkeypatch, name):
    monkeypatch.setattr("mcf_pipeline.orchestration.storage.BUSY_TIMEOUT_SECONDS", 0.1)
    before = kept(ready)
    with closing(sqlite3.connect(ready / "dagster" / "storage" / "history" / name)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = mcf_here("run", "--source", small_releases[1], "--data-dir", ready)
    assert answer.code == 5
    assert answer.error.startswith("another process has been writing Dagster's history for over a minute")
    assert {path: digest for path, digest in kept(ready).items() if path in before} == before
    done = mcf_here("run", "--source", small_releases[1], "--data-dir", ready)
    assert done.code == 0, done.err


@pytest.mark.slow
def test_of_two_command_lines_one_works_and_the_other_says_so(ready, small_releases, tmp_path):
    """While a reader holds the published file, as a notebook does."""
    database = ready / "warehouse" / "mcf.duckdb"
    said = tmp_path / "said"
    with duckdb.connect(database, read_only=True) as reader:
        (before,) = reader.execute("SELECT count(*) FROM fct_dossiers").fetchall()
        runs = [forked.begin(said, "run", "--source", small_releases[1], "--data-dir", ready, "--force") for _ in "ab"]
        answers = sorted((run.answer() for run in runs), key=lambda answer: answer.code)
        assert reader.execute("SELECT count(*) FROM fct_dossiers").fetchall() == [before]
    assert [answer.code for answer in answers] == [0, 5], answers
    assert answers[1].error.startswith(f"another run holds {ready}: wait for it to end")
    assert mcf_here("verify", "--data-dir", ready).code == 0
