"""The sensor's memory: arithmetic that no cursor, portal or clock can break."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.orchestration.cursor import FIRST_PAUSE, LONGEST_PAUSE, LONGEST_WAIT, Cursor, pause_after

NOW = dt.datetime(2026, 10, 8, 5, 0, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)

moments = st.datetimes(
    dt.datetime(2020, 1, 1), dt.datetime(2100, 1, 1), timezones=st.timezones() | st.just(dt.UTC)
).map(lambda moment: moment.astimezone(dt.UTC))
pauses = st.timedeltas(dt.timedelta(0), dt.timedelta(days=400))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["next_look", "failures"]), inner),
    max_leaves=10,
)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "2026-10-08",
        "{",
        "[]",
        "null",
        "7",
        '"text"',
        "{}",
        '{"next_look": "", "failures": "many"}',
        '{"next_look": "", "failures": null}',
        '{"next_look": "", "failures": Infinity}',
        '{"next_look": "tomorrow", "failures": 0}',
        '{"next_look": "2026-10-08T05:00:00", "failures": 0}',
        '{"failures": 3}',
        "[" * 100_000,
    ],
)
def test_garbage_is_as_no_cursor(text):
    assert Cursor.parse(text) == Cursor()


def test_a_cursor_of_an_older_version_keeps_what_it_says():
    old = Cursor.parse('{"next_look": "2026-10-08T05:00:00+00:00", "failures": 2}')
    assert (old.next_look, old.failures, old.said) == ("2026-10-08T05:00:00+00:00", 2, "")


def test_the_cursor_of_version_0_1_is_read():
    """As its code at d765356 wrote it."""
    old = (
        '{"next_look": "2026-10-08T05:15:00+00:00", "failures": 0, '
        '"said": "unchanged (data_processed: still 2026-10-08 04:12, 2026-10-08)"}'
    )
    found = Cursor.parse(old)
    assert (found.next_look, found.failures, found.said[:9]) == ("2026-10-08T05:15:00+00:00", 0, "unchanged")
    assert Cursor.parse(found.dump()) == found


@pytest.mark.parametrize(
    "text",
    [
        '{"version": 2, "next_look": 1791435600, "failures": 0}',
        '{"version": 2, "next_look": {"portal": "2026-10-08T05:00:00+00:00"}, "failures": 0}',
        '{"version": 2, "sources": [{"next_look": "2026-10-08T05:00:00+00:00"}]}',
    ],
)
def test_the_cursor_of_a_newer_version_that_means_something_else_is_as_none(text):
    """The source is looked at once more than need be, and what was done is in the archive."""
    assert Cursor.parse(text) == Cursor()


def test_fields_of_a_newer_version_are_passed_over():
    told = json.loads(Cursor("2026-10-08T05:00:00+00:00", 1, "x").dump()) | {"invented": "later"}
    assert Cursor.parse(json.dumps(told)) == Cursor("2026-10-08T05:00:00+00:00", 1, "x")


def test_no_failures_below_zero():
    assert Cursor.parse('{"next_look": "", "failures": -4}').failures == 0


@given(st.text() | json_values.map(json.dumps))
def test_reading_never_raises_and_what_it_reads_can_be_used(text):
    cursor = Cursor.parse(text)
    cursor.is_due(NOW)
    assert cursor.failed(NOW, "x").failures == cursor.failures + 1


@given(moments, st.integers(0, 1000), st.text())
def test_what_is_written_is_read(moment, failures, said):
    cursor = Cursor(moment.isoformat(), failures, said)
    assert Cursor.parse(cursor.dump()) == cursor


@given(moments, pauses)
def test_after_a_look_the_source_is_left_alone_for_the_interval_and_no_longer(now, interval):
    cursor = Cursor(failures=7).looked(now, interval, "unchanged")
    pause = min(interval, LONGEST_WAIT)
    assert cursor.failures == 0
    assert cursor.is_due(now + pause)
    assert not pause or not cursor.is_due(now + pause - dt.timedelta(microseconds=1))


@given(moments, st.integers(0, 40))
def test_each_failure_waits_longer_until_the_longest_pause(now, failures):
    cursor = Cursor(failures=failures)
    pause = dt.datetime.fromisoformat(cursor.failed(now, "x").next_look) - now
    assert pause == min(FIRST_PAUSE * 2**failures, LONGEST_PAUSE)


def test_pauses_double():
    assert [pause_after(n) / MINUTE for n in range(-1, 5)] == [1, 1, 1, 2, 4, 8]
    assert pause_after(10**9) == LONGEST_PAUSE


def test_the_portals_own_time_counts_where_it_is_later():
    later, earlier = NOW + dt.timedelta(hours=9), NOW - dt.timedelta(hours=9)
    assert Cursor().failed(NOW, "429", later).next_look == later.isoformat()
    assert Cursor().failed(NOW, "429", earlier).next_look == (NOW + FIRST_PAUSE).isoformat()


def test_a_portal_that_names_a_time_far_away_is_asked_again_all_the_same():
    never = dt.datetime(9999, 12, 31, tzinfo=dt.UTC)
    assert Cursor().failed(NOW, "429", never).next_look == (NOW + LONGEST_WAIT).isoformat()


def test_a_cursor_written_by_a_clock_that_was_wrong_does_not_stop_the_sensor():
    assert Cursor("2126-10-08T05:00:00+00:00").is_due(NOW)
    assert Cursor("9999-12-31T23:59:59-23:59").is_due(NOW)
    assert Cursor("0001-01-01T00:00:00+23:59").is_due(NOW)
