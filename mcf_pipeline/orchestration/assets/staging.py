"""Staging: the lines of each quarter typed, canonical and validated; what fails is kept with its reason."""

import dagster as dg

from mcf_pipeline.errors import ContractError
from mcf_pipeline.orchestration.assets.base import QUARTERLY, WorkspaceResource, each_quarter, line_counts, shown
from mcf_pipeline.orchestration.assets.raw import raw_usagers
from mcf_pipeline.orchestration.checks.staging import refused_evaluations
from mcf_pipeline.orchestration.partitions import quarters_of
from mcf_pipeline.schemas.staging import StgUsagers
from mcf_pipeline.tables.staging import read_head, refusal


@dg.asset(
    group_name="staging",
    kinds={"pandera", "parquet"},
    deps=[raw_usagers],
    description="Les lignes d'un trimestre, typées, ramenées aux modalités connues et validées.",
    **QUARTERLY,
)
def stg_usagers(context: dg.AssetExecutionContext, workspace: WorkspaceResource) -> None:
    """Read each quarter by the contract.

    Raises:
        ContractError: more than 1 % of a quarter's lines were rejected, in a content that nobody had read before; it
            keeps its previous state, which the next run builds where it is not built.
    """
    space = workspace.open()
    told, line = space.archive.timeline(), space.timeline()
    refusals: list[ContractError] = []
    with space.lock():
        for quarter in each_quarter(context, "stg_usagers", quarters_of(context)):
            states = line.states.get(quarter, ())
            space.staging.prune(quarter, states, told.states.get(quarter, ()))
            for state in states:
                staged = space.staging.stage(quarter, state, anew=state.until is None)
                if staged.is_refused:
                    refusals.append(refusal(quarter, staged))
                elif state.until is None:
                    context.add_asset_metadata(
                        shown(
                            StgUsagers,
                            staged.valid,
                            read_head(staged, "usagers"),
                            quarter=quarter.id,
                            received_lines=staged.received,
                            **line_counts(staged),
                            unknown_modalities=[f"{name}: {text}" for name, text in staged.unknown],
                            release_id=state.since,
                        ),
                        partition_key=quarter.partition_key,
                    )
    if refusals:
        # A check does not run once its asset has failed: its red evaluations are logged from here.
        for evaluation in refused_evaluations(space, quarters_of(context)):
            context.log_event(evaluation)
        raise ContractError(" | ".join(map(str, refusals)), rule="trop_de_rejets")
