import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.quarter import Quarter
from mcf_pipeline.sample.synthetic import cells
from mcf_pipeline.sample.synthetic.calibration import AGES, REGIONS, target
from mcf_pipeline.sample.synthetic.noise import Noise


@given(
    weights=st.lists(st.floats(1e-6, 1), min_size=1, max_size=40),
    total=st.integers(0, 10**6),
    offset=st.floats(0, 0.999),
)
def test_shares_are_whole_exact_in_sum_and_less_than_one_off(weights, total, offset):
    shares = cells.apportion(np.array(weights), total, offset)
    assert shares.sum() == total
    assert (shares >= 0).all()
    assert (np.abs(shares - np.array(weights) / sum(weights) * total) < 1.001).all()


@pytest.mark.parametrize("seed", [1, 2020])
def test_every_margin_is_met(seed):
    aim = target(Quarter(2023, 2))
    spread = cells.spread(Noise(seed), 13, aim).reshape(cells.SHAPE)
    assert spread.sum() == aim.entries
    margins = (np.array([*REGIONS.values()]), aim.genders, [*AGES.values()], aim.situations)
    for axis, margin in enumerate(margins):
        others = tuple(a for a in range(4) if a != axis)
        wanted = np.array(margin) / sum(margin)
        assert spread.sum(axis=others) / aim.entries == pytest.approx(wanted, abs=0.0015)


@given(part=st.floats(0.001, 1))
def test_a_part_keeps_its_share_of_the_cells(part):
    kept = cells.kept(Noise(5), part)
    assert abs(len(kept) - part * cells.COUNT) <= 1
    assert len(set(kept.tolist())) == len(kept)
