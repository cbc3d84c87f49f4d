"""The whole graph as Dagster loads it: assets, checks, jobs, schedule, sensor, resources."""

from __future__ import annotations

import os
import warnings

import dagster as dg

from mcf_pipeline import log

# A backfill policy is still marked beta by Dagster; we need it, and its users can do nothing about it.
warnings.filterwarnings("ignore", category=dg.BetaWarning)
warnings.filterwarnings("ignore", category=dg.PreviewWarning)

from mcf_pipeline.orchestration.assets.marts import mart_revisions, marts  # noqa: E402
from mcf_pipeline.orchestration.assets.publication import dashboard, data_package, warehouse  # noqa: E402
from mcf_pipeline.orchestration.assets.raw import portal_release, raw_usagers  # noqa: E402
from mcf_pipeline.orchestration.assets.staging import stg_usagers  # noqa: E402
from mcf_pipeline.orchestration.assets.warehouse import dimensions, facts  # noqa: E402
from mcf_pipeline.orchestration.checks.publication import check_release_en_retard  # noqa: E402
from mcf_pipeline.orchestration.jobs import release  # noqa: E402
from mcf_pipeline.orchestration.notices import notices_sensor  # noqa: E402
from mcf_pipeline.orchestration.resources import Engine, PublishedWarehouse, WorkspaceResource  # noqa: E402
from mcf_pipeline.orchestration.schedules import overdue_release, quarterly_release  # noqa: E402
from mcf_pipeline.orchestration.sensors import release_sensor  # noqa: E402

ASSETS: list[dg.AssetsDefinition] = [
    portal_release,
    raw_usagers,
    stg_usagers,
    facts,
    dimensions,
    marts,
    mart_revisions,
    warehouse,
    data_package,
    dashboard,
]


def build_defs(workspace: WorkspaceResource | None = None) -> dg.Definitions:
    """A fresh graph.

    Args:
        workspace: the data directory and source it works on; the environment's where None.
    """
    workspace = workspace or WorkspaceResource()
    return dg.Definitions(
        assets=ASSETS,
        asset_checks=[check_release_en_retard],
        jobs=[release],
        # Where nobody asked for notices, nothing looks for any.
        sensors=[release_sensor(ASSETS), *([notices_sensor()] if os.environ.get("MCF_NOTIFY") else [])],
        schedules=[quarterly_release(ASSETS), overdue_release(check_release_en_retard)],
        resources={
            "workspace": workspace,
            "engine": Engine(),
            "published": PublishedWarehouse(workspace=workspace),
        },
        # A process per step would pay Dagster's start for each of ten steps.
        executor=dg.in_process_executor,
    )


if os.environ.get("MCF_LOG") == "json":
    log.configure()

defs = build_defs()
