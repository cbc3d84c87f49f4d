"""The day of loading, in every spelling that decides what a release is called."""

from __future__ import annotations

import datetime as dt

import pytest

from mcf_pipeline.contract.days import loading_day
from mcf_pipeline.contract.doctor import SourceFacts, diagnose
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline_tests.contract.made_up import COLUMNS

FIRST, TODAY = dt.date(2026, 7, 1), dt.date(2026, 11, 2)


def read(*texts):
    day, note = loading_day(texts, FIRST, TODAY, TODAY + dt.timedelta(days=366))
    return day and day.isoformat(), note


@pytest.mark.parametrize(
    ("texts", "day"),
    [
        (["2026-10-08"], "2026-10-08"),
        (["2026-10-08T04:12:00+00:00"], "2026-10-08"),
        (["13/10/2026"], "2026-10-13"),
        (["10/13/2026"], "2026-10-13"),
        (["10/13/2026", "10/08/2026"], "2026-10-13"),
        (["8.10.2026"], "2026-10-08"),
        (["08/08/2026"], "2026-08-08"),
        (["12/10/2026"], "2026-10-12"),  # in December it was not loaded yet
        (["10/12/2026"], "2026-10-12"),
        (["10/05/2026"], "2026-10-05"),  # in May the newest quarter had not begun
        ([], None),
        (["hier", "31/31/2026", "2026-02-30", "1999-12-31"], None),
        (["2026-10-08", "07/10/2026"], "2026-10-08"),
    ],
)
def test_a_day_that_can_be_read_in_one_way_is_read_so(texts, day):
    found, note = read(*texts)
    assert found == day
    assert note is None or "07/10" in note


def test_a_day_that_can_be_read_in_two_ways_is_french_and_said():
    day, note = read("10/08/2026")
    assert day == "2026-08-10"
    assert note == "date_chargement '10/08/2026' is read as in France, 2026-08-10; month first, it is 2026-10-08"


def test_days_that_contradict_each_other_are_french():
    assert read("13/10/2026", "10/14/2026")[0] == "2026-10-13"


def test_the_doctor_says_so():
    names = ("date_chargement", *COLUMNS)
    values: dict[str, dict[str | None, int]] = {name: {} for name in names} | {
        "date_chargement": {"10/08/2026": 5},
        "trimestre": {"2026-T3": 5},
    }
    fields = [SourceField(name) for name in names]
    found = diagnose(SourceFacts("a file"), fields, values, today=TODAY)
    assert [note for note in found.notes if "is read as in France, 2026-08-10" in note]
    of_a_portal = SourceFacts("a portal", data_processed=dt.datetime(2026, 10, 8, tzinfo=dt.UTC))
    found = diagnose(of_a_portal, fields, values, today=TODAY)
    assert not [note for note in found.notes if "is read as in France" in note]
