"""What the daemon's sensor asks of a store while nothing happens."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import dagster as dg
import pytest

from mcf_pipeline.definitions import ASSETS
from mcf_pipeline.orchestration.cursor import Cursor
from mcf_pipeline.orchestration.look import Look, look
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.orchestration.dagster_runs import add_run


@pytest.fixture
def look_after(machine, small_releases, monkeypatch):
    """A look, so many minutes from now, of a machine whose source offers what is in the bucket."""
    for name, value in machine.items():
        monkeypatch.setenv(name, value)

    def look_after(instance: dg.DagsterInstance, cursor: Cursor, minutes: int) -> Look:
        now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)
        settings = Settings.from_env(source=str(small_releases[0]))
        return look(lambda: Workspace(settings), instance, ASSETS, cursor, now)

    return look_after


def test_between_two_polls_it_asks_nothing_unless_there_was_a_run(built, look_after):
    with dg.DagsterInstance.ephemeral() as instance:
        first = look_after(instance, Cursor(), 0)
        assert first.reason.startswith("unchanged")
        assert built.front.kinds()["LIST"] == 2

        built.front.forget()
        again = look_after(instance, first.cursor, 14)
        assert (again.requests, again.cursor, built.front.seen) == ((), first.cursor, [])
        assert first.reason in again.reason

        due = look_after(instance, first.cursor, 16)
        assert built.front.kinds()["LIST"] == 2
        assert due.cursor.next_look > first.cursor.next_look

        # It may have left something to do.
        built.front.forget()
        run = add_run(instance, dg.DagsterRunStatus.SUCCESS)
        after_run = look_after(instance, first.cursor, 1)
        assert built.front.kinds()["LIST"] == 2
        assert after_run.cursor == replace(first.cursor, after_run=run.run_id)
        built.front.forget()
        look_after(instance, after_run.cursor, 1)
        assert built.front.seen == []


def test_a_store_that_fails_is_left_alone_for_a_while(built, look_after, monkeypatch):
    monkeypatch.setenv("MCF_LIMIT_STORE_ATTEMPTS", "1")
    built.front.before = lambda method, key: 503
    with dg.DagsterInstance.ephemeral() as instance:
        failed = look_after(instance, Cursor(), 0)
        assert failed.error is not None
        built.front.forget()
        assert look_after(instance, failed.cursor, 0).cursor == failed.cursor
        assert built.front.seen == []
        look_after(instance, failed.cursor, 2)
        assert built.front.seen != []
