"""The warehouses that the fifteen questions are asked of, built as a user would build them."""

from __future__ import annotations

from pathlib import Path

SAMPLE = "echantillon"
"""What ``make run`` builds: the newest release of the sample."""
RELEASES = "publications"
"""Three successive releases of a tenth of its size, taken in one after the other."""

RELEASES_COUNT = 3
RELEASES_SCALE = 0.1


def build(folder: Path) -> dict[str, Path]:
    """Build both through the main job; returns their published files by name."""
    from mcf_pipeline.commands.run import execute
    from mcf_pipeline.sample.synthetic import write_releases
    from mcf_pipeline.settings import SAMPLE as SAMPLE_SOURCE
    from mcf_pipeline.settings import DataDir, Settings
    from mcf_pipeline.workspace import Workspace

    sample = DataDir(folder / SAMPLE)
    execute(Workspace(Settings(sample, source=SAMPLE_SOURCE)))
    releases = DataDir(folder / RELEASES)
    for file in write_releases(folder / "csv", RELEASES_COUNT, RELEASES_SCALE):
        execute(Workspace(Settings(releases, source=str(file))))
    return {SAMPLE: sample.published_database, RELEASES: releases.published_database}
