"""What is packed is what comes out, to the last digit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.site.encoding import MAX_BITS, Column, pack
from mcf_pipeline_tests.site.unpacking import unpack

LIMIT = 2 ** (MAX_BITS - 1) - 1
VALUES = st.lists(st.none() | st.integers(-LIMIT, LIMIT) | st.integers(-300, 300), max_size=50)


def column(name, values):
    return Column(
        name,
        np.array([value or 0 for value in values], dtype=np.int64),
        np.array([value is None for value in values], dtype=bool),
    )


@given(st.lists(VALUES, max_size=4))
def test_columns_come_out_as_they_went_in(several):
    packed, layout = pack([column(f"c{place}", values) for place, values in enumerate(several)])
    assert unpack(packed, layout) == {f"c{place}": values for place, values in enumerate(several)}


def test_missing_is_not_zero():
    packed, layout = pack([column("c", [None, 0, 1])])
    assert unpack(packed, layout)["c"] == [None, 0, 1]


def test_a_number_that_javascript_would_round_is_refused():
    with pytest.raises(OverflowError, match="column c has a value of 54 bits"):
        pack([column("c", [2 ** (MAX_BITS - 1)])])


def test_what_repeats_takes_no_room():
    packed, _ = pack([column("c", [7] * 100_000)])
    assert len(packed) < 1000
