"""Quarters in groups: none lost, none too large for being with another."""

from __future__ import annotations

from itertools import chain, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.warehouse.batches import batches


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ({}, []),
        ({"a": 9}, ["a"]),
        ({"a": 2, "b": 3}, ["ab"]),
        ({"a": 2, "b": 4}, ["a", "b"]),
        ({"a": 0, "b": 6}, ["a", "b"]),
    ],
)
def test_as_many_together_as_fit_and_one_at_least(sizes, groups):
    assert list(batches(sizes, 5)) == [list(group) for group in groups]


@given(st.dictionaries(st.integers(), st.integers(0, 12), max_size=12), st.integers(1, 10))
def test_each_is_in_one_group_in_order_and_no_group_of_several_is_too_large(sizes, most):
    groups = list(batches(sizes, most))
    assert list(chain(*groups)) == list(sizes)
    assert all(len(group) == 1 or sum(sizes[thing] for thing in group) <= most for group in groups)
    # Nor is any needlessly small.
    for group, following in pairwise(groups):
        assert sum(sizes[thing] for thing in group) + sizes[following[0]] > most
