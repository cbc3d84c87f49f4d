"""The synthetic sample: made-up releases, calibrated on what was published of the real dataset.

Nobody here has seen the real file, so the sample is a stand-in to build, try and measure the pipeline with.
It says so in its file name, in the column `donnees_synthetiques` of every line, and in the log.
`docs/sample.md` compares it with the published figures.

    release = releases(1)[0]                  # that of 2026-T3, published 2026-10-08
    release.table()                           # as published: typed, masked
    release.truth_table()                     # the same lines, nothing masked
    release.write_csv(folder / release.file_name)
    release.next().day                        # a release to come

Import this package within functions: it loads numpy and pyarrow, which the command line's help does not need.
"""

from __future__ import annotations

from mcf_pipeline.sample.synthetic.export import FIELDS, SCHEMA, SYNTHETIC_COLUMN, SYNTHETIC_VALUE
from mcf_pipeline.sample.synthetic.release import (
    DEFAULT_SEED,
    MAX_SCALE,
    NEWEST_QUARTER,
    SyntheticRelease,
    release_on,
    releases,
    write_releases,
)

__all__ = [
    "DEFAULT_SEED",
    "FIELDS",
    "MAX_SCALE",
    "NEWEST_QUARTER",
    "SCHEMA",
    "SYNTHETIC_COLUMN",
    "SYNTHETIC_VALUE",
    "SyntheticRelease",
    "release_on",
    "releases",
    "write_releases",
]
