"""The runs that a snapshot calls for next; the command line, the sensor and the schedule all follow them.

Dagster's range tags know only unbroken ranges, so it is one run per unbroken stretch of quarters, one after
the other; the last one also makes what is not partitioned, once, after the quarters. Where there are workers to
share the quarters, a stretch is divided, its parts run side by side, and the rest is a run of its own after them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby

from mcf_pipeline.quarter import FIRST_QUARTER, Quarter, stretches


@dataclass(frozen=True, slots=True)
class Step:
    """One run.

    Attributes:
        first: first quarter of the stretch, or None for a run of the unpartitioned assets alone.
        last: last quarter of the stretch, or None.
        makes_whole: whether it makes the unpartitioned assets too.
    """

    first: Quarter | None
    last: Quarter | None
    makes_whole: bool

    @property
    def key(self) -> str:
        """Names the step in a run's tags."""
        stretch = f"{self.first}..{self.last}" if self.first else "none"
        return f"{stretch}{'+whole' if self.makes_whole else ''}"

    @property
    def quarters(self) -> list[Quarter]:
        """The quarters of the stretch, in time order."""
        if self.first is None or self.last is None:
            return []
        return [self.first + place for place in range(self.last - self.first + 1)]


def next_step(to_do: Sequence[Quarter], *, is_published: bool) -> Step | None:
    """The next run, or None when there is nothing to do.

    Args:
        to_do: the quarters of which a file is missing.
        is_published: whether the published warehouse is what it should be.
    """
    todo = stretches(list(to_do))
    if todo:
        first, last = todo[0]
        return Step(first, last, makes_whole=len(todo) == 1)
    if not is_published:
        return Step(None, None, makes_whole=True)
    return None


def next_steps(
    to_do: Sequence[Quarter], *, is_published: bool, per_run: int, under_way: Collection[Quarter] = ()
) -> list[Step]:
    """The runs that can be launched now, side by side; none where there is nothing to do but to wait.

    What is not partitioned is made once no quarter is left, in a run of its own.

    Args:
        to_do: the quarters of which a file is missing.
        is_published: whether the published warehouse is what it should be.
        per_run: quarters of one run at most, at least 1.
        under_way: the quarters of runs that have not ended.
    """
    if to_do or under_way:
        waiting = sorted(set(to_do).difference(under_way))
        # Counted from the first quarter of all: what is made meanwhile moves no other run's ends, by which its
        # earlier attempts are known.
        parts = [list(part) for _, part in groupby(waiting, lambda quarter: (quarter - FIRST_QUARTER) // per_run)]
        return [Step(first, last, makes_whole=False) for part in parts for first, last in stretches(part)]
    return [] if is_published else [Step(None, None, makes_whole=True)]
