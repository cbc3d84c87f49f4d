"""Materialize a release: the export, one run per quarter, then what stands on all of them.

    python release.py 2020-T1 2020-T2 ...

In one process, which is quicker than what Dagster's daemon does for a backfill: a process for each run.
"""

from __future__ import annotations

import sys

import dagster as dg
from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG
from definitions import GIVEN_DIMENSIONS, OF_A_QUARTER, OF_A_RELEASE, RESOURCES, defs, raw_usagers


def main(quarters: list[str]) -> None:
    """Do the runs, one after the other."""
    every = list(defs.assets or ())
    instance = dg.DagsterInstance.get()

    def run(chosen: list[dg.AssetsDefinition], **how: object) -> None:
        dg.materialize(every, selection=chosen, instance=instance, resources=RESOURCES, **how)  # raises where one fails

    span = {ASSET_PARTITION_RANGE_START_TAG: min(quarters), ASSET_PARTITION_RANGE_END_TAG: max(quarters)}
    run([raw_usagers], tags=span)
    run(GIVEN_DIMENSIONS)
    for quarter in quarters:
        run(OF_A_QUARTER, partition_key=quarter)
    run(OF_A_RELEASE)


if __name__ == "__main__":
    main(sys.argv[1:])
