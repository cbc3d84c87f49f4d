"""The jobs: taking a release in, and rematerializing quarters.

They are two because which quarters changed is known only once a release is archived.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from mcf_pipeline.automation.steps import Step
from mcf_pipeline.partitions import QUARTERS

INTAKE_JOB = "release_intake"
QUARTERS_JOB = "quarters"
STEP_TAG = "mcf/step"
STATE_TAG = "mcf/state"

intake = dg.AssetSelection.assets("portal_release")

release_intake = dg.define_asset_job(
    INTAKE_JOB,
    selection=intake,
    description="Take the newest release of the source into the archive.",
)

quarters = dg.define_asset_job(
    QUARTERS_JOB,
    selection=dg.AssetSelection.all() - intake,
    partitions_def=QUARTERS,
    description="Rematerialize quarters from the archive, then what is not partitioned, and publish.",
)


def selection_of(step: Step, assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetKey]:
    """The assets that a step materializes."""
    chosen = []
    for asset in assets:
        if asset.key == dg.AssetKey("portal_release"):
            continue
        is_quarterly = asset.partitions_def is not None
        if (is_quarterly and step.first is not None) or (not is_quarterly and step.makes_whole):
            chosen.append(asset.key)
    return chosen


def tags_of(step: Step, state: str) -> dict[str, str]:
    """The tags of a step's run: its range of partitions, and what it was asked for."""
    tags = {STEP_TAG: step.key, STATE_TAG: state[:32]}
    if step.first and step.last:
        tags["dagster/asset_partition_range_start"] = step.first.partition_key
        tags["dagster/asset_partition_range_end"] = step.last.partition_key
    return tags
