"""How a quarter's dossiers spread over region x gender x age class x situation.

A cell is one combination, numbered in that order. Statuses and money are `generator`'s work.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from mcf_pipeline.sample.synthetic.calibration import (
    AGE_TILT,
    AGES,
    GENDERS,
    REGIONS,
    SITUATIONS,
    WOMEN_TO_MEN,
    Target,
)
from mcf_pipeline.sample.synthetic.noise import Floats, Ints, Noise

SHAPE = (len(REGIONS), len(GENDERS), len(AGES), len(SITUATIONS))
COUNT = int(np.prod(SHAPE))
IDS: Ints = np.arange(COUNT)

_FINE = 2.0**40
_ROUNDS = 6  # of raking; margins are then met to less than 0.01 %


def spread(noise: Noise, quarter: int, target: Target) -> Ints:
    """The number of dossiers in each cell; their sum is the target's entries exactly."""
    tilted = _affinity(noise) * (0.85 + 0.3 * noise.of("cell", quarter).uniform(IDS).reshape(SHAPE))
    margins = (tuple(REGIONS.values()), target.genders, tuple(AGES.values()), target.situations)
    weights = _rake(tilted, margins)
    offset = float(noise.of("offset", quarter).uniform(IDS[:1])[0])
    return apportion(weights.ravel(), target.entries, offset)


def apportion(weights: Floats, total: int, offset: float) -> Ints:
    """Split a whole number in proportion to weights, each share less than one off (systematic rounding).

    Weights become whole first: a last bit that differs between machines must not move a dossier.
    """
    reached = np.cumsum(np.rint(weights * (_FINE / weights.sum())).astype(np.int64))
    bounds = np.floor(reached * (total / reached[-1]) + offset).astype(np.int64)
    bounds[-1] = total
    shares: Ints = np.diff(np.minimum(bounds, total), prepend=0)
    return shares


@lru_cache(maxsize=8)
def kept(noise: Noise, part: float) -> Ints:
    """The cells of a sample that keeps only a part of them, the same in every quarter.

    Large and small cells are kept alike: every n-th one in the order of size, so that volumes shrink as the
    number of lines does, and neither the share of masked lines nor the means drift off.
    """
    if part >= 1:
        return IDS
    margins = tuple(REGIONS.values()), (0.50, 0.499, 0.001), tuple(AGES.values()), (1 / SHAPE[3],) * SHAPE[3]
    by_size = np.argsort(-_rake(_affinity(noise), margins).ravel(), kind="stable")
    offset = 0.5  # the middle of a step, so that the largest cell does not stand for all when few are kept
    steps = np.floor(np.arange(COUNT + 1) * part + offset)
    chosen: Ints = np.sort(by_size[np.diff(steps) > 0])
    return chosen


@lru_cache(maxsize=8)
def _affinity(noise: Noise) -> Floats:
    """What the dimensions have to do with each other, for all quarters: tilts, and a deviation that stays."""
    women = np.array([WOMEN_TO_MEN, (1.0,) * SHAPE[3], (1.0,) * SHAPE[3]])
    ages = np.array(AGE_TILT).T
    peculiar: Floats = 0.1 + 1.8 * noise.of("affinity").uniform(IDS).reshape(SHAPE)
    affinity: Floats = peculiar * women[None, :, None, :] * ages[None, None, :, :]
    return affinity


def _rake(weights: Floats, margins: tuple[tuple[float, ...], ...]) -> Floats:
    """Scale weights until their sums along every dimension are the wanted shares (iterative fitting)."""
    for _ in range(_ROUNDS):
        for axis, margin in enumerate(margins):
            others = tuple(a for a in range(len(margins)) if a != axis)
            factor = np.array(margin) / weights.sum(axis=others)
            weights = weights * factor.reshape([-1 if a == axis else 1 for a in range(len(margins))])
    return weights
