"""The next run that a snapshot calls for; the command line, the sensor and the schedule all follow it.

Dagster's range tags know only unbroken ranges, so it is one run per unbroken stretch of quarters, one after
the other; the last one also makes what is not partitioned, once, after the quarters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mcf_pipeline.quarter import Quarter, stretches


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
