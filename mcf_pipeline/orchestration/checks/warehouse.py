"""Checks on the two facts: keys, foreign keys and history, over the whole table."""

from collections.abc import Iterator

import dagster as dg

from mcf_pipeline.orchestration.assets.base import POOL, WorkspaceResource
from mcf_pipeline.orchestration.checks.base import check_spec, table_result
from mcf_pipeline.quality.facts import announced_keys, duplicate_keys, open_states, orphans
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.warehouse import DIMENSIONS, FctDossiersHistorique, FctFinancementsHistorique
from mcf_pipeline.warehouse.build import marks
from mcf_pipeline.warehouse.plan import target_marks

HISTORIES: dict[str, type[Table]] = {
    "fct_dossiers": FctDossiersHistorique,
    "fct_financements": FctFinancementsHistorique,
}
FOREIGN_KEYS = "cles_etrangeres_connues"

_TABLE_SPECS = [
    check_spec(fact, name, text, blocking=True)
    for fact in HISTORIES
    for name, text in {
        "cle_unique": "Aucune ligne, courante ou passée, n'a la clé d'une autre.",
        "historique_un_etat_ouvert": "Les états d'un trimestre se suivent dans le temps, un seul est ouvert : chaque "
        "ligne courante a exactement un état ouvert.",
    }.items()
]
_KEY_SPECS = [
    check_spec(
        fact,
        FOREIGN_KEYS,
        "Chaque clé étrangère a sa ligne de dimension, et chaque part sa ligne. Une clé que la prochaine "
        "matérialisation des dimensions apporte n'est pas une erreur.",
        # Not blocking: the dimensions come after the facts and must not wait for a check that waits for them. An
        # orphan never reaches a reader: the publication looks at every key of its own file.
        blocking=False,
        after=(describe(dimension).name for dimension in DIMENSIONS),
    )
    for fact in HISTORIES
]


@dg.multi_asset_check(name="check_facts", specs=_TABLE_SPECS, can_subset=True, pool=POOL)
def check_facts(context: dg.AssetCheckExecutionContext, workspace: WorkspaceResource) -> Iterator[dg.AssetCheckResult]:
    """Look at keys and at history."""
    space = workspace.open()
    line = space.timeline()
    order = [manifest.release_id for manifest in line.releases]
    with space.build() as con:
        built, target = marks(con), target_marks(line, space.rules)
        for key in sorted(context.selected_asset_check_keys):
            fact = key.asset_key.to_user_string()
            if key.name == "cle_unique":
                finding = duplicate_keys(con, HISTORIES[fact])
            else:
                current = {q.id for q, mark in target.items() if built.get((fact, q.id)) == mark}
                finding = open_states(con, HISTORIES[fact], order, current)
            yield from table_result(context, key, finding)


@dg.multi_asset_check(name="check_foreign_keys", specs=_KEY_SPECS, can_subset=True, pool=POOL)
def check_foreign_keys(
    context: dg.AssetCheckExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.AssetCheckResult]:
    """Look at foreign keys, once the dimensions of the run are there."""
    space = workspace.open()
    line = space.timeline()
    with space.build() as con:
        announced = announced_keys(con, line, space.source_map)
        for key in sorted(context.selected_asset_check_keys):
            finding = orphans(con, HISTORIES[key.asset_key.to_user_string()], announced)
            yield from table_result(context, key, finding)
