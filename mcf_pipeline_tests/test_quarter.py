"""Quarters: identifiers, days, arithmetic, and unbroken stretches."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.quarter import FIRST_QUARTER, Quarter, stretches

QUARTERS = st.builds(Quarter, st.integers(2000, 2100), st.integers(1, 4))


def parse_all(*texts: str) -> list[Quarter]:
    return [Quarter.parse(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "first", "last", "label"),
    [
        ("2020-T1", "2020-01-01", "2020-03-31", "1er trimestre 2020"),
        ("2024-T2", "2024-04-01", "2024-06-30", "2e trimestre 2024"),
        ("2024-T3", "2024-07-01", "2024-09-30", "3e trimestre 2024"),
        ("2024-T4", "2024-10-01", "2024-12-31", "4e trimestre 2024"),
    ],
)
def test_a_quarter_has_its_days_and_its_label(text, first, last, label):
    quarter = Quarter.parse(text)
    assert (quarter.partition_key, str(quarter.last_day), quarter.label) == (first, last, label)


@pytest.mark.parametrize(
    "text", ["2024-T0", "2024-T5", "2024T3", "2024-t3", "24-T3", " 2024-T3", "2024-T3\n", "", "٢٠٢٤-T3"]
)
def test_any_other_text_is_no_quarter(text):
    with pytest.raises(ValueError, match="is not a quarter like 2024-T3"):
        Quarter.parse(text)


@pytest.mark.parametrize("number", [0, 5, -1])
def test_a_year_has_four_quarters(number):
    with pytest.raises(ValueError, match="numbered 1 to 4"):
        Quarter(2024, number)


@given(QUARTERS)
def test_every_identifier_leads_back_to_the_quarter(quarter):
    assert Quarter.parse(quarter.id) == quarter == Quarter.from_partition_key(quarter.partition_key)
    assert str(quarter) == quarter.id


@given(st.dates(dt.date(2000, 1, 1), dt.date(2100, 1, 1)))
def test_every_day_lies_in_one_quarter(day):
    quarter = Quarter.containing(day)
    assert quarter.first_day <= day <= quarter.last_day


@given(QUARTERS, st.integers(-50, 50))
def test_adding_and_subtracting_are_inverse(quarter, steps):
    assert (quarter + steps) - quarter == steps


@given(QUARTERS, QUARTERS)
def test_the_order_is_that_of_time_and_of_the_identifiers(one, other):
    assert (one < other) == (one.first_day < other.first_day) == (one.id < other.id)


def test_the_dataset_begins_in_2020():
    assert FIRST_QUARTER.id == "2020-T1"


@pytest.mark.parametrize(
    ("quarters", "expected"),
    [
        ([], []),
        (["2024-T1"], [("2024-T1", "2024-T1")]),
        (["2023-T4", "2024-T1"], [("2023-T4", "2024-T1")]),
        (["2020-T1", "2020-T2", "2021-T1"], [("2020-T1", "2020-T2"), ("2021-T1", "2021-T1")]),
        (["2021-T1", "2020-T1", "2021-T1", "2020-T4"], [("2020-T1", "2020-T1"), ("2020-T4", "2021-T1")]),
    ],
)
def test_stretches_are_unbroken_and_in_time_order(quarters, expected):
    assert stretches(parse_all(*quarters)) == [tuple(parse_all(*pair)) for pair in expected]


@given(st.sets(QUARTERS, max_size=30))
def test_stretches_hold_every_quarter_once_and_never_touch(quarters):
    found = stretches(list(quarters))
    inside = [first + step for first, last in found for step in range(last - first + 1)]
    assert inside == sorted(quarters)
    assert all(later[0] - earlier[1] > 1 for earlier, later in pairwise(found))
