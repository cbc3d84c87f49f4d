"""How many quarters are worked on at once: what each costs alone, against the memory that all take together.

A query costs more to plan, and a transaction more to commit, than to run on a quarter of the real size; on
quarters a hundred times as large it is the other way round, and memory counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

BATCH_LINES = 500_000
"""Lines of `fct_dossiers` that are worked on at once, at most; the whole real dataset is about 100,000."""

T = TypeVar("T")


def batches(lines: Mapping[T, int], most: int = BATCH_LINES) -> Iterator[list[T]]:
    """Group things, in their order: as many together as have `most` lines, one at least.

    Args:
        lines: how many lines each has.
        most: lines of a group.
    """
    batch: list[T] = []
    held = 0
    for thing, size in lines.items():
        if batch and held + size > most:
            yield batch
            batch, held = [], 0
        batch.append(thing)
        held += size
    if batch:
        yield batch
