"""The embedded sample as a source: three successive synthetic releases, each put on disk like a download.

How their lines are made is the work of `sample.synthetic`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.files import explain_disk_errors
from mcf_pipeline.sources.base import Peek, Progress, Received

if TYPE_CHECKING:
    from mcf_pipeline.sample.synthetic import SyntheticRelease

RELEASES = 3


@dataclass(frozen=True, slots=True)
class SampleSource:
    """Gives a synthetic release; by default that of 2026-T3, and before it the two that it revises.

    Attributes:
        release: the one release to give instead.
    """

    release: SyntheticRelease | None = None

    def earlier(self) -> tuple[SampleSource, ...]:
        """The two releases before, so that revisions can be seen without waiting for a quarter."""
        from mcf_pipeline.sample.synthetic import releases

        return () if self.release else tuple(SampleSource(release) for release in releases(RELEASES)[:-1])

    def peek(self) -> Peek:
        """The release's own time; its lines need not be made to know it."""
        from mcf_pipeline.sample.synthetic import SyntheticRelease

        return Peek(data_processed=(self.release or SyntheticRelease()).data_processed)

    def fetch(self, into: Path, progress: Progress) -> Received:
        """Write the release's CSV into the folder `into`."""
        from mcf_pipeline.sample.synthetic import FIELDS, SyntheticRelease

        release = self.release or SyntheticRelease()
        path = into / release.file_name
        with explain_disk_errors():
            into.mkdir(parents=True, exist_ok=True)
            rows = release.write_csv(path)
            size = path.stat().st_size
        progress(size, size)
        return Received(
            path=path,
            format="csv",
            origin=f"sample:{release.file_name}?seed={release.seed}&scale={release.scale:g}",
            retrieved_at=dt.datetime.now(dt.UTC),
            data_processed=release.data_processed,
            records_count=rows,
            fields=FIELDS,
        )
