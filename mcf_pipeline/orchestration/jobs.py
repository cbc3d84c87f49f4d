"""The job, and which part of it a run does: ingesting a release, or rematerializing quarters.

It is two runs at least, because which quarters changed is known only once a release is archived.
"""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from mcf_pipeline.orchestration.private import HIDDEN_TAG_PREFIX
from mcf_pipeline.orchestration.steps import Step
from mcf_pipeline.quarter import Quarter

JOB = "release"
STEP_TAG = "mcf/step"
"""What a run is for, in words: shown on the runs page."""

STATE_TAG = f"{HIDDEN_TAG_PREFIX}mcf_state"
RELEASE_TAG = f"{HIDDEN_TAG_PREFIX}mcf_release"
"""Fingerprints that distinguish the attempts of one request from those of another. Dagster hides tags with this
prefix: a hash means nothing to a person, and is wider than its column."""
REFUSED_TAG = "mcf/refused"
"""The rule of the contract that refused a release, on the run that met it."""

FIRST_TAG = "dagster/asset_partition_range_start"
LAST_TAG = "dagster/asset_partition_range_end"

INTAKE = [dg.AssetKey("portal_release")]
"""What a run that ingests a release materializes."""

release = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.all(),
    description="Ingests a release, or rematerializes quarters from the archive and publishes; the selection of a run "
    "decides which.",
)


def selection_of(step: Step, assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetKey]:
    """The assets that a step materializes."""
    chosen = []
    for asset in assets:
        if asset.keys & set(INTAKE):
            continue
        is_quarterly = asset.partitions_def is not None
        if (is_quarterly and step.first is not None) or (not is_quarterly and step.makes_whole):
            chosen += sorted(asset.keys)
    return chosen


def intake_tags() -> dict[str, str]:
    """The tags of a run that ingests a release."""
    return {STEP_TAG: "intake"}


def tags_of(step: Step, state: str) -> dict[str, str]:
    """The tags of a step's run: its range of partitions, and what it was asked for."""
    tags = {STEP_TAG: step.key, STATE_TAG: state[:32]}
    if step.first and step.last:
        tags[FIRST_TAG] = step.first.partition_key
        tags[LAST_TAG] = step.last.partition_key
    return tags


def quarters_of_run(run: dg.DagsterRun, state: str) -> list[Quarter] | None:
    """The quarters that a run makes for a state; None where it does anything else, or for another state."""
    if FIRST_TAG not in run.tags:
        return None
    first, last = (Quarter.from_partition_key(run.tags[tag]) for tag in (FIRST_TAG, LAST_TAG))
    step = Step(first, last, makes_whole=False)
    wanted = tags_of(step, state)
    if any(run.tags.get(name) != value for name, value in wanted.items()):
        return None
    return step.quarters
