"""Checks on the marts: each ties to the facts, and what is masked stays empty."""

from collections.abc import Iterator

import dagster as dg

from mcf_pipeline.orchestration.assets.base import POOL, WorkspaceResource
from mcf_pipeline.orchestration.checks.base import check_spec, table_result
from mcf_pipeline.quality.marts import NEVER_ZERO, TIES, mart_findings, revision_findings
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions

_MODELS = {describe(model).name: model for model in QUARTERLY_MARTS}
_REVISIONS = describe(MartRevisions).name
_DESCRIPTIONS = {
    TIES: "Les lignes et les sommes sont celles des faits, groupe par groupe.",
    NEVER_ZERO: "Un chiffre dont toutes les lignes sont masquées est vide : jamais 0, jamais estimé.",
}


def _specs(*marts: str) -> list[dg.AssetCheckSpec]:
    return [check_spec(mart, name, text, blocking=True) for mart in marts for name, text in _DESCRIPTIONS.items()]


@dg.multi_asset_check(name="check_marts", specs=_specs(*_MODELS), can_subset=True, pool=POOL)
def check_marts(context: dg.AssetCheckExecutionContext, workspace: WorkspaceResource) -> Iterator[dg.AssetCheckResult]:
    """Hold the quarterly marts against the facts."""
    keys = context.selected_asset_check_keys
    with workspace.open().build() as con:
        for mart in sorted({key.asset_key.to_user_string() for key in keys}):
            found = mart_findings(con, _MODELS[mart])
            for key in sorted(key for key in keys if key.asset_key.to_user_string() == mart):
                yield from table_result(context, key, found[key.name])


@dg.multi_asset_check(name="check_mart_revisions", specs=_specs(_REVISIONS), can_subset=True, pool=POOL)
def check_mart_revisions(
    context: dg.AssetCheckExecutionContext, workspace: WorkspaceResource
) -> Iterator[dg.AssetCheckResult]:
    """Hold `mart_revisions` against the history."""
    with workspace.open().build() as con:
        found = revision_findings(con)
    for key in sorted(context.selected_asset_check_keys):
        yield from table_result(context, key, found[key.name])
