"""Staging: the lines of each quarter typed, canonical and validated; what fails is kept with its reason."""

import logging
from collections.abc import Iterator
from typing import Any

import dagster as dg

from mcf_pipeline.errors import ContractError
from mcf_pipeline.log import event
from mcf_pipeline.orchestration.assets.base import OWNERS, QUARTERLY
from mcf_pipeline.orchestration.assets.raw import raw_usagers
from mcf_pipeline.orchestration.checks import staging as checks
from mcf_pipeline.orchestration.checks.base import quarter_results, table_result
from mcf_pipeline.orchestration.metadata import line_counts, shown, table_metadata
from mcf_pipeline.orchestration.partitions import quarters_of
from mcf_pipeline.orchestration.resources import Engine, WorkspaceResource
from mcf_pipeline.schemas.names import STAGED
from mcf_pipeline.schemas.staging import StgUsagers
from mcf_pipeline.tables.build import ensure_staged, states_of
from mcf_pipeline.tables.files import head
from mcf_pipeline.tables.staged import refusal
from mcf_pipeline.tables.staging import stage


@dg.asset(
    group_name="staging",
    kinds={"pandera", "parquet"},
    owners=OWNERS,
    deps=[raw_usagers],
    check_specs=checks.SPECS,
    description="Les lignes d'un trimestre, typées, ramenées aux modalités connues et validées.",
    metadata=table_metadata(StgUsagers),
    **QUARTERLY,
)
def stg_usagers(context: dg.AssetExecutionContext, workspace: WorkspaceResource, engine: Engine) -> Iterator[Any]:
    """Read each quarter by the contract.

    Raises:
        ContractError: more than 1 % of a quarter's lines were rejected, in a content that was not read before; the
            quarter keeps its previous state, which the next run builds where it is not built.
    """
    quarters = quarters_of(context)
    with workspace.step(quarters, lines=True) as space, engine.get_connection() as con:
        snapshot = space.snapshot()
        states = states_of(snapshot, quarters)
        current = states_of(snapshot, quarters, only_current=True)
        found = stage(con, space.archive, snapshot, current)
        errors = [refusal(snapshot, staged) for staged in found.values() if staged.is_refused]
        try:
            ensure_staged(con, space.archive, snapshot, [state for state in states if state not in found])
        except ContractError as error:
            errors.append(error)
        if errors:
            for refused in errors:
                event("quarter_refused", level=logging.WARNING, error=str(refused))
            # The op fails, and with it its checks: the red evaluations are logged from here.
            for evaluation in checks.refused_evaluations(con, space.snapshot(), space.source_map, quarters):
                context.log_event(evaluation)
            raise ContractError(" | ".join(map(str, errors)), rule="trop_de_rejets")
        for (quarter, state), staged in found.items():
            context.add_asset_metadata(
                shown(
                    StgUsagers,
                    head(snapshot.file(STAGED[0], quarter, state)),
                    quarter=quarter.id,
                    received_lines=staged.received,
                    **line_counts(staged),
                    unknown_modalities=[f"{name}: {text}" for name, text in staged.unknown],
                    release_id=state.since,
                ),
                partition_key=quarter.partition_key,
            )
        yield dg.MaterializeResult()
        of_quarters = checks.findings(con, snapshot, space.source_map, quarters)
    for key in sorted(context.selected_asset_check_keys):
        if key.name == checks.ABSENT:
            yield from table_result(context, key, checks.absent(snapshot.reported, quarters), warns=True)
        else:
            yield from quarter_results(context, key, of_quarters[key.name])
