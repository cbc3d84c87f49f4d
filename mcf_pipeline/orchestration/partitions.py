"""The partitions of every quarterly asset: calendar quarters from 2020-T1, the running one included.

What does not belong here: what a quarter is (`quarter`).
"""

from __future__ import annotations

import dagster as dg

from mcf_pipeline.quarter import FIRST_QUARTER, Quarter

QUARTERS = dg.TimeWindowPartitionsDefinition(
    start=FIRST_QUARTER.partition_key,
    fmt="%Y-%m-%d",
    cron_schedule="0 0 1 1,4,7,10 *",
    # The portal can publish the running quarter before it has ended.
    end_offset=1,
)


def quarters_of(context: dg.AssetExecutionContext) -> list[Quarter]:
    """The quarters that a run does, in time order."""
    return sorted(Quarter.from_partition_key(key) for key in context.partition_keys)
