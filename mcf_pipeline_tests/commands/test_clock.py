"""A clock that was set back: what a run says and does while it is wrong."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from dagster._core.test_utils import freeze_time

from mcf_pipeline.sources.file import FileSource
from mcf_pipeline_tests.commands.terminal import kept, mcf_here

MOMENTS = [dt.datetime(2020, 11, 20, tzinfo=dt.UTC), dt.datetime(2000, 1, 1, tzinfo=dt.UTC)]


@pytest.fixture(params=MOMENTS, ids=lambda moment: str(moment.date()))
def clock(request, monkeypatch):
    """What the source and Dagster take for now."""
    fetch = FileSource.fetch
    monkeypatch.setattr(
        FileSource, "fetch", lambda self, *into: replace(fetch(self, *into), retrieved_at=request.param)
    )
    with freeze_time(request.param):
        yield request.param


def test_a_quarter_that_has_not_begun_is_refused_and_the_clock_named(ready, small_releases, clock):
    before = kept(ready)
    answer = mcf_here("run", "--source", small_releases[1], "--data-dir", ready)
    assert answer.code == 4
    assert f"has not started according to this machine's clock ({clock.date()})" in answer.error
    assert kept(ready) == before


def test_what_is_archived_is_built_whatever_the_clock_says(ready, clock):
    answer = mcf_here("rebuild", "--data-dir", ready)
    assert answer.code == 0, answer.err
    answer = mcf_here("verify", "--data-dir", ready)
    assert answer.code == 0, answer.err
