"""The lines of one quarter: dossiers by status, stagiaires, prices, hours and who pays.

Everything is the truth, before masking; how it is written is `export`'s work. Amounts are whole cents and
durations whole hundredths of an hour, so that sums are exact. A quarter depends on its arguments alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np

from mcf_pipeline.quarter import FIRST_QUARTER, Quarter
from mcf_pipeline.sample.synthetic import cells
from mcf_pipeline.sample.synthetic.calibration import (
    CUMULATED,
    DEARER_FOR_OTHERS,
    FINAL_AGE,
    FINANCERS,
    STATUSES,
    TITULAIRE,
    Target,
    target,
)
from mcf_pipeline.sample.synthetic.noise import Booleans, Floats, Ints, Noise

UNKNOWN_DURATION = 0.06
"""Share of dossiers whose duration is not known; assumed."""

_JOB_SEEKERS_AMOUNT = 0.287
"""Their share of the amount to November 2022: 32 % of the dossiers, cheaper ones (from the targets)."""

_MOST_FROM_OTHERS = 0.9
"""France compétences pays at least a tenth of what each further financer leaves; assumed."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one or more quarters, one array per column, all equally long.

    Attributes:
        quarter: quarters since `FIRST_QUARTER`.
        region: place in `calibration.REGIONS`, and so on for the other dimensions.
        known: dossiers whose duration is known.
        hundredths: mean duration in hundredths of an hour; meaningless where `known` is 0.
        cents: amount engaged.
        financed: dossiers that each of `FINANCERS` pays for, one row per financer.
        parts: what each of them pays in cents; France compétences pays the rest.
    """

    quarter: Ints
    region: Ints
    gender: Ints
    age: Ints
    situation: Ints
    status: Ints
    dossiers: Ints
    titulaires: Ints
    known: Ints
    hundredths: Ints
    cents: Ints
    financed: Ints
    parts: Ints

    def __len__(self) -> int:
        return len(self.dossiers)

    @property
    def rest(self) -> Ints:
        """What France compétences pays, in cents."""
        left: Ints = self.cents - self.parts.sum(axis=0)
        return left

    @property
    def mean_cents(self) -> Ints:
        """Mean price of a dossier in cents, half up."""
        return (2 * self.cents + self.dossiers) // (2 * self.dossiers)

    def take(self, order: Ints) -> Lines:
        """The same lines in another order."""
        return Lines(*(getattr(self, f.name)[..., order] for f in fields(self)))


def concatenate(parts: list[Lines]) -> Lines:
    """All lines of several quarters, one after the other."""
    return Lines(*(np.concatenate([getattr(p, f.name) for p in parts], axis=-1) for f in fields(Lines)))


@lru_cache(maxsize=64)
def quarter_lines(seed: int, copy: int, part: float, quarter: Quarter, age: int) -> Lines:
    """Draw one quarter.

    Args:
        seed: of the whole sample.
        copy: 0 for the real regions, else which set of made-up ones.
        part: share of the cells that is kept, above 0 to 1.
        quarter: the quarter of entry.
        age: how many releases have followed the quarter's first one; from `FINAL_AGE` on nothing changes.
    """
    noise, place, aim = Noise(seed).of("copy", copy), quarter - FIRST_QUARTER, target(quarter)
    cell = cells.kept(noise, part)
    totals = cells.spread(noise, place, aim)[cell]
    by_status = _statuses(noise.of("status", place), cell, totals, min(age, FINAL_AGE))
    row, status = np.nonzero(by_status)
    dossiers, cell = by_status[row, status], cell[row]
    ids = cell * len(STATUSES) + status
    region, gender, age_class, situation = (i.astype(np.int64) for i in np.unravel_index(cell, cells.SHAPE))
    seeks = situation == 0

    noise = noise.of("line", place)
    repeated = (1 - 1 / aim.per_titulaire) * (dossiers - 1)
    known = dossiers - _whole(dossiers * UNKNOWN_DURATION, noise.of("known").uniform(ids))
    prices = _around(noise.of("price"), cell, ids, dossiers) * np.array([0.93, 0.99, 1.03, 1.04])[age_class]
    hours = _around(noise.of("hours"), cell, ids, dossiers)
    cents = np.rint(prices * _prices(prices, dossiers, seeks, aim) * dossiers * 100).astype(np.int64)
    financed, paid = _financing(noise.of("financers"), ids, dossiers, cents, seeks, aim)
    return Lines(
        quarter=np.full(len(row), place),
        region=region,
        gender=gender,
        age=age_class,
        situation=situation,
        status=status,
        dossiers=dossiers,
        titulaires=dossiers - _whole(repeated, noise.of("titulaires").uniform(ids)),
        known=known,
        hundredths=np.rint(hours * _hours(hours, known, seeks, aim) * 100).astype(np.int64),
        cents=cents,
        financed=financed,
        parts=paid,
    )


def _whole(wanted: Floats, chance: Floats) -> Ints:
    """Round up or down so that the mean over many lines is kept."""
    return np.floor(wanted + chance).astype(np.int64)


def _statuses(noise: Noise, cell: Ints, totals: Ints, age: int) -> Ints:
    """Split each cell's dossiers over the statuses; a row per cell, whose sum is its total.

    The chance is the same at every age, and statuses stand in the order of a dossier's life: as a quarter
    grows older its dossiers move on, they are not drawn again.
    """
    shares = np.array([by_age[age] for by_age in STATUSES.values()])
    peculiar = 0.7 + 0.6 * noise.of("share").uniform(cell[:, None] * len(shares) + np.arange(len(shares)))
    reached = np.cumsum(shares * peculiar, axis=1)
    reached = reached / reached[:, -1:]
    bounds = np.floor(totals[:, None] * reached + noise.of("deal").uniform(cell)[:, None]).astype(np.int64)
    bounds[:, -1] = totals
    split: Ints = np.diff(np.minimum(bounds, totals[:, None]), axis=1, prepend=0)
    return split


def _around(noise: Noise, cell: Ints, ids: Ints, dossiers: Ints) -> Floats:
    """A mean around 1: a deviation of the cell that stays, and chance that fades with more dossiers."""
    chance: Floats = (1 + 0.15 * noise.of("cell").bell(cell)) * (
        1 + 0.6 * noise.of("line").bell(ids) / np.sqrt(dossiers)
    )
    return chance


def _sum(values: Floats, weights: Ints) -> float:
    """A weighted sum that does not depend on the order of addition: in whole millionths."""
    return int(np.sum(np.rint(values * 1e6).astype(np.int64) * weights)) / 1e6


def _prices(prices: Floats, dossiers: Ints, seeks: Booleans, aim: Target) -> Floats:
    """What to multiply prices with so that their mean is the target, and job seekers' courses are cheaper."""
    ours, others = _sum(prices, dossiers * seeks), _sum(prices, dossiers * ~seeks)
    n_ours, n_others = int(np.sum(dossiers * seeks)), int(np.sum(dossiers * ~seeks))
    cheap = aim.price * (n_ours + n_others) / max(n_ours + n_others * DEARER_FOR_OTHERS, 1)
    return np.where(
        seeks,
        cheap * n_ours / max(ours, 1e-9),
        cheap * DEARER_FOR_OTHERS * n_others / max(others, 1e-9),
    )


def _hours(hours: Floats, known: Ints, seeks: Booleans, aim: Target) -> Floats:
    """What to multiply the durations with, so that both groups' means are the targets."""
    factors = []
    for group, wanted in ((seeks, aim.hours[0]), (~seeks, aim.hours[1])):
        factors.append(wanted * int(np.sum(known * group)) / max(_sum(hours, known * group), 1e-9))
    return np.where(seeks, factors[0], factors[1])


def _financing(noise: Noise, ids: Ints, dossiers: Ints, cents: Ints, seeks: Booleans, aim: Target) -> tuple[Ints, Ints]:
    """Who pays beside France compétences: dossiers and cents, a row per financer."""
    financed = np.zeros((len(FINANCERS), len(ids)), dtype=np.int64)
    paid = np.zeros_like(financed)
    left = cents.copy()
    for i, financer in enumerate(FINANCERS):
        own = noise.of(financer.part)
        amount = np.where(
            seeks,
            financer.published * financer.job_seekers / (CUMULATED * _JOB_SEEKERS_AMOUNT),
            financer.published * (1 - financer.job_seekers) / (CUMULATED * (1 - _JOB_SEEKERS_AMOUNT)),
        )
        count = _whole(dossiers * (amount / financer.covers), own.of("count").uniform(ids))
        chance = 0.5 * own.of("share").bell(ids) / np.sqrt(np.maximum(count, 1))
        share = financer.covers * (1 + chance)
        part = np.rint(cents * share * (count / dossiers)).astype(np.int64)
        if i == TITULAIRE and aim.mandatory_subject:
            wanted = dossiers * aim.mandatory_subject * ~seeks
            subject = np.maximum(_whole(wanted, own.of("mandatory").uniform(ids)) * ~seeks, count * ~seeks)
            part += subject * aim.mandatory_cents
            count = np.where(seeks, count, subject)
        part = np.minimum(part, np.floor(left * _MOST_FROM_OTHERS).astype(np.int64))
        financed[i], paid[i] = count, part
        left = left - part
    return financed, paid
