import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mcf_pipeline.sample.synthetic.noise import Noise

SEEDS = st.integers(0, 2**64 - 1)


@given(seed=SEEDS, cut=st.integers(1, 99))
def test_a_number_depends_on_its_id_alone_not_on_its_neighbours(seed, cut):
    ids, noise = np.arange(100), Noise(seed)
    apart = np.concatenate([noise.uniform(ids[:cut]), noise.uniform(ids[cut:])])
    assert np.array_equal(noise.uniform(ids), apart)


@given(seed=SEEDS)
def test_numbers_fill_the_unit_interval_evenly(seed):
    numbers = Noise(seed).uniform(np.arange(20_000))
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert np.abs(np.histogram(numbers, bins=10, range=(0, 1))[0] - 2000).max() < 300  # 7 standard deviations


def test_purposes_are_told_apart():
    noise, ids = Noise(1), np.arange(50)
    drawn = [noise.of(*purpose).uniform(ids) for purpose in (("a",), ("b",), ("a", 1), ("a", "1"))]
    assert len({tuple(numbers) for numbers in drawn}) == 4


def test_the_numbers_never_change():
    """Else every stored sample, and the page of figures, would be another one."""
    assert Noise(2020).of("price", 3).uniform(np.array([0, 1, 10**9])).tolist() == [
        0.6976416687003741,
        0.15182910989149234,
        0.32535511025161823,
    ]


@given(seed=SEEDS)
def test_order_is_a_permutation(seed):
    assert sorted(Noise(seed).order(np.arange(200))) == list(range(200))
