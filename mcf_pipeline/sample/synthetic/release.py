"""Synthetic releases: which quarters each one has, how old they are in it, and how it is stored.

A release adds one quarter and revises the two before it; everything older keeps its content.

**Scale** multiplies lines and volumes alike, and leaves means and shares as they are. Below 1 a part of the
cells is kept. Above 1 the sample is repeated with other chance in made-up regions (`Région fictive 001`…), so
that the real regions keep the published figures; each repetition is made and written on its own, which bounds
memory to that of one sample of scale 1.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from mcf_pipeline.errors import UsageError
from mcf_pipeline.files import explain_disk_errors
from mcf_pipeline.quarter import FIRST_QUARTER, Quarter
from mcf_pipeline.sample.synthetic.calibration import FINAL_AGE
from mcf_pipeline.sample.synthetic.export import region_names, to_table, write_csv
from mcf_pipeline.sample.synthetic.generator import Lines, concatenate, quarter_lines
from mcf_pipeline.sample.synthetic.noise import Noise

Progress = Callable[[int, int], None]
"""Called with the blocks done and those to do in all."""

NEWEST_QUARTER = Quarter(2026, 3)
"""The newest quarter of the newest release, unless a later one is asked for."""

DEFAULT_SEED = 2020
MAX_SCALE = 100.0

_DAY_OF_MONTH = 8
_TIME_OF_DAY = dt.time(4, 12, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class SyntheticRelease:
    """One release: all quarters up to one, as they stand on the day it is published.

    Attributes:
        newest: its newest quarter.
        seed: another seed gives other lines with the same calibration.
        scale: multiplies lines and volumes, above 0 to `MAX_SCALE`.
    """

    newest: Quarter = NEWEST_QUARTER
    seed: int = DEFAULT_SEED
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.scale <= MAX_SCALE:
            raise UsageError(f"the scale is {self.scale:g}: give a number above 0, at most {MAX_SCALE:g}")
        if self.newest < FIRST_QUARTER:
            raise UsageError(f"there is no release of {self.newest}: the data starts in {FIRST_QUARTER}")

    @property
    def day(self) -> dt.date:
        """When it is published: the 8th of the month after its newest quarter."""
        return (self.newest + 1).first_day.replace(day=_DAY_OF_MONTH)

    @property
    def data_processed(self) -> dt.datetime:
        """The portal's time of the data (UTC)."""
        return dt.datetime.combine(self.day, _TIME_OF_DAY)

    @property
    def quarters(self) -> tuple[Quarter, ...]:
        """All its quarters, oldest first."""
        return tuple(FIRST_QUARTER + i for i in range(self.newest - FIRST_QUARTER + 1))

    @property
    def file_name(self) -> str:
        """A name that says it is synthetic."""
        return f"moncompteformation-les-usagers-synthetique-{self.day.isoformat()}.csv"

    @property
    def blocks(self) -> int:
        """How many tables `tables` yields."""
        return math.ceil(self.scale)

    def next(self) -> SyntheticRelease:
        """The release of the quarter after."""
        return replace(self, newest=self.newest + 1)

    def table(self) -> pa.Table:
        """The whole release as published: masked, in no order (`export.SCHEMA`)."""
        return pa.concat_tables(self.tables())

    def truth_table(self) -> pa.Table:
        """The same lines in the same order with nothing masked."""
        return pa.concat_tables(self.tables(masked=False))

    def tables(self, *, masked: bool = True) -> Iterator[pa.Table]:
        """The release in blocks of at most about 108,000 lines, each with lines of all quarters."""
        for copy in range(self.blocks):
            lines = self._lines(copy, min(self.scale - copy, 1.0))
            yield to_table(lines, region_names(copy), self.day, masked=masked)

    def write_csv(self, path: Path, progress: Progress | None = None) -> int:
        """Write the release as the portal's CSV export; returns the number of lines.

        Args:
            path: the file, replaced in one step if it exists.
            progress: called after each block.
        """
        return write_csv(path, self._watched(progress))

    def _watched(self, progress: Progress | None) -> Iterator[pa.Table]:
        for done, table in enumerate(self.tables(), start=1):
            yield table
            if progress is not None:
                progress(done, self.blocks)

    def _lines(self, copy: int, part: float) -> Lines:
        lines = concatenate(
            [
                quarter_lines(self.seed, copy, part, quarter, min(self.newest - quarter, FINAL_AGE))
                for quarter in self.quarters
            ]
        )
        order = Noise(self.seed).of("order", copy, self.newest.id).order(np.arange(len(lines)))
        return lines.take(order)


def releases(count: int, *, seed: int = DEFAULT_SEED, scale: float = 1.0) -> list[SyntheticRelease]:
    """The last releases up to that of `NEWEST_QUARTER`, oldest first."""
    most = NEWEST_QUARTER - FIRST_QUARTER + 1
    if not 1 <= count <= most:
        raise UsageError(f"{count} releases were asked for: there are 1 to {most} up to {NEWEST_QUARTER}")
    return [SyntheticRelease(NEWEST_QUARTER + i, seed, scale) for i in range(1 - count, 1)]


def release_on(day: dt.date, *, seed: int = DEFAULT_SEED, scale: float = 1.0) -> SyntheticRelease:
    """The newest release that is published on a day, also one to come after `NEWEST_QUARTER`'s."""
    newest = Quarter.containing(day) + -1
    release = SyntheticRelease(max(newest, FIRST_QUARTER), seed, scale)
    if day < release.day:
        return SyntheticRelease(newest + -1, seed, scale)
    return release


def write_releases(
    path: Path,
    count: int = 1,
    scale: float = 1.0,
    progress: Progress | None = None,
    *,
    seed: int = DEFAULT_SEED,
) -> list[Path]:
    """Write the last releases as CSV into a folder, which is made if need be.

    Args:
        path: the folder.
        count: how many releases.
        scale: see the module's description.
        progress: called after each block.
        seed: another seed gives other lines.

    Returns:
        The files, oldest release first.

    Raises:
        UsageError: the count or the scale is out of bounds, or `path` is no folder.
    """
    wanted = releases(count, seed=seed, scale=scale)
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path} is a file: name a folder for the samples")
    files = []
    with explain_disk_errors():
        path.mkdir(parents=True, exist_ok=True)
        for i, release in enumerate(wanted):
            file = path / release.file_name
            release.write_csv(file, _from(i * release.blocks, count * release.blocks, progress))
            files.append(file)
    return files


def _from(before: int, total: int, progress: Progress | None) -> Progress | None:
    """A progress that counts one release's blocks within those of all."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)
