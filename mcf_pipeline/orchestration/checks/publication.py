"""Checks on `warehouse`, the published file: it opens, it is what the build is, and no release is overdue."""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from mcf_pipeline.orchestration.checks.base import check_spec, table_result
from mcf_pipeline.orchestration.resources import WorkspaceResource
from mcf_pipeline.quality.published import CONFORMS, READABLE
from mcf_pipeline.quality.releases import overdue

ASSET = "warehouse"
OVERDUE = "release_en_retard"


class Today(dg.Config):
    """The day that lateness is judged on; today where it is empty."""

    aujourd_hui: str = ""


SPECS = [
    check_spec(
        ASSET,
        READABLE,
        "Le fichier publié s'ouvre en lecture seule, et chaque table et vue répond.",
        blocking=True,
    ),
    check_spec(
        ASSET,
        CONFORMS,
        "Le fichier publié est fait des fichiers qu'il faut : mêmes marques, mêmes nombres de lignes.",
        blocking=True,
    ),
]


@dg.multi_asset_check(
    name="check_release_en_retard",
    specs=[
        check_spec(
            ASSET,
            OVERDUE,
            "La publication d'un trimestre, attendue au début du suivant, n'a pas plus de 45 jours de retard.",
        )
    ],
)
def check_release_en_retard(
    context: dg.AssetCheckExecutionContext, config: Today, workspace: WorkspaceResource
) -> Iterator[dg.AssetCheckResult]:
    """Hold the applied releases against the calendar; needs the archive's manifests alone.

    It has a step of its own so that a schedule can evaluate it on days on which nothing is materialized. The
    library's freshness checks look at when any partition was materialized: a revision of an old quarter moves
    that, too.
    """
    snapshot = workspace.fresh().snapshot()
    applied = [manifest for manifest in snapshot.manifests if manifest.release_id not in snapshot.held]
    # Made-up releases end some day: that nobody makes more of them is worth a word, not an alarm.
    is_synthetic = any(manifest.is_synthetic for manifest in applied)
    today = dt.date.fromisoformat(config.aujourd_hui) if config.aujourd_hui else dt.datetime.now(dt.UTC).date()
    yield from table_result(
        context, next(iter(context.selected_asset_check_keys)), overdue(applied, today), warns=is_synthetic
    )
