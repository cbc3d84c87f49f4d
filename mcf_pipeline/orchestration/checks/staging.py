"""Checks on `stg_usagers`, quarter by quarter: what the publisher told that does not fit together."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import dagster as dg

from mcf_pipeline.archive.timeline import Timeline
from mcf_pipeline.duck import scratch
from mcf_pipeline.orchestration.assets.base import WorkspaceResource
from mcf_pipeline.orchestration.checks.base import (
    check_spec,
    metadata,
    quarter_results,
    quarters_of_check,
    sentence,
    table_result,
)
from mcf_pipeline.quality import SAMPLE_ROWS, Finding, grouped
from mcf_pipeline.quality.lines import Prices, line_findings, prices_before, rejected_lines
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.tables.staging import Staged
from mcf_pipeline.workspace import Workspace

ASSET = "stg_usagers"
REJECTED = "lignes_rejetees"
ABSENT = "trimestre_absent"
UNKNOWN = "modalite_inconnue"
GROUPS = {
    "montants_incoherents": ("ecart_parts_montant", "ecart_prix_montant", "prix_hors_plage"),
    "effectifs_incoherents": (
        "effectif_sous_le_seuil",
        "titulaires_superieurs_aux_dossiers",
        "masque_avec_montant",
    ),
}
"""The rules on lines, by what they are about. An evaluation costs Dagster more than finding it out costs us, so not
each rule has a check of its own: a first build would write three hundred of them."""

SPECS = [
    check_spec(
        ASSET,
        REJECTED,
        "Aucune ligne n'est écartée (`stg_rejets`). Au-delà de 1 % des lignes, c'est une erreur : le trimestre garde "
        "son état précédent.",
        per_quarter=True,
        # The asset itself raises, and so blocks, when it first meets such a quarter. A check that blocked as well
        # would keep the quarter's previous state from ever being built again.
    ),
    check_spec(
        ASSET,
        UNKNOWN,
        "Chaque modalité est connue du contrat ; une inconnue a sa propre ligne de dimension.",
        per_quarter=True,
    ),
    check_spec(
        ASSET,
        "montants_incoherents",
        "Les parts des financeurs font le montant engagé, à 1 % ou 1 € près ; le prix moyen multiplié par les dossiers "
        "le fait à 5 % près ; le prix moyen est entre le plus bas et le plus haut des publications d'avant.",
        per_quarter=True,
    ),
    check_spec(
        ASSET,
        "effectifs_incoherents",
        "Aucun effectif donné n'est sous le seuil de masquage du producteur (5 personnes) ; il n'y a pas plus de "
        "titulaires que de dossiers ; une ligne aux effectifs masqués ne donne aucun montant.",
        per_quarter=True,
    ),
    check_spec(ASSET, ABSENT, "La dernière publication appliquée parle de chaque trimestre connu."),
]


@dg.multi_asset_check(name="check_stg_usagers", specs=SPECS, can_subset=True)
def check_stg_usagers(context: dg.AssetCheckExecutionContext, workspace: WorkspaceResource) -> Iterator[Any]:
    """Look at the staged lines of the run's quarters, all at once."""
    space = workspace.open()
    told = space.archive.timeline()
    quarters = quarters_of_check(context, told)
    found = findings(space, space.timeline(), quarters)
    for key in sorted(context.selected_asset_check_keys):
        if key.name == ABSENT:
            yield from table_result(context, key, absent(told, quarters), warns=True)
        else:
            yield from quarter_results(context, key, found[key.name])


def findings(space: Workspace, line: Timeline, quarters: list[Quarter]) -> dict[str, dict[Quarter, Finding]]:
    """The finding of every check on quarters, for each quarter: on what is built of it, and on what was refused."""
    staged = {quarter: state for quarter in quarters if (state := _staged(space, line, quarter)) is not None}
    by_id = {quarter.id: state for quarter, state in staged.items()}
    refused = {quarter.id: state for quarter, state in _refused(space, quarters).items()}
    with scratch() as con:
        prices = prices_before(con, *_told_before(space, line, quarters))
        of_lines = line_findings(con, by_id, _for_staged(prices, by_id), space.source_map)
        of_lines[REJECTED] |= {id_: rejected_lines(con, id_, state) for id_, state in refused.items()}
    by_check: dict[str, dict[Quarter, Finding]] = {}
    for name in (REJECTED, UNKNOWN):
        by_check[name] = {q: of_lines[name].get(q.id) or _nothing(name, q) for q in quarters}
    for name, rules in GROUPS.items():
        by_check[name] = {
            q: grouped(name, (of_lines[rule][q.id] for rule in rules)) if q in staged else _nothing(name, q)
            for q in quarters
        }
    return by_check


def _nothing(name: str, quarter: Quarter) -> Finding:
    return Finding(name, 0, 0, quarters=(quarter.id,), note="Rien à vérifier : aucune ligne lue par ces règles.")


def _staged(space: Workspace, line: Timeline, quarter: Quarter) -> Staged | None:
    state = line.current(quarter)
    return space.staging.find(quarter, state) if state else None


def _refused(space: Workspace, quarters: Collection[Quarter]) -> dict[Quarter, Staged]:
    """What was read of the quarters whose newest telling was refused."""
    told = space.archive.timeline()
    states = {quarter: told.current(quarter) for quarter in quarters}
    found = {q: space.staging.of_content(q, state.sha256) for q, state in states.items() if state}
    return {quarter: staged for quarter, staged in found.items() if staged and staged.is_refused}


def _for_staged(prices: Mapping[str, Prices], staged: Mapping[str, Staged]) -> dict[str, Prices]:
    return {quarter: prices[quarter] for quarter in staged if quarter in prices}


def _told_before(space: Workspace, line: Timeline, quarters: list[Quarter]) -> tuple[list[Any], dict[str, int]]:
    """What `prices_before` needs: the files of every state that is staged, and the rank of each quarter's own."""
    rank = {manifest.release_id: place for place, manifest in enumerate(line.releases)}
    ranks = {quarter.id: rank[state.since] for quarter in quarters if (state := line.current(quarter)) is not None}
    if not any(ranks.values()):
        return [], ranks
    files = [
        (rank[state.since], staged.file("usagers"))
        for quarter, states in line.states.items()
        for state in states
        if (staged := space.staging.find(quarter, state)) is not None
    ]
    return files, ranks


def absent(line: Timeline, asked: Collection[Quarter]) -> Finding:
    """The quarters that the newest release does not tell of: those told of before, and those a run asks for."""
    quarters = sorted({*line.quarters, *asked})
    rows = []
    for quarter in quarters:
        if line.current(quarter) is None:
            states = line.states.get(quarter, ())
            rows.append((quarter.id, states[-1].until if states else "jamais publié"))
    return Finding(
        rule=ABSENT,
        count=len(rows),
        total=len(quarters),
        unit="trimestres",
        columns=("trimestre", "absent depuis la publication"),
        sample=tuple(rows[:SAMPLE_ROWS]),
        quarters=tuple(quarter for quarter, _ in rows),
        note="Son passé reste dans l'historique." if rows else "",
    )


def refused_evaluations(space: Workspace, quarters: list[Quarter]) -> Iterator[dg.AssetCheckEvaluation]:
    """The red evaluation of each quarter with too many rejects, for the asset to yield before it raises.

    A check step does not run once its asset has failed; so the asset itself has to say which quarters are broken.
    """
    refused = sorted(_refused(space, quarters))
    for quarter, finding in findings(space, space.timeline(), refused)[REJECTED].items():
        yield dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(ASSET),
            check_name=REJECTED,
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description=sentence(finding),
            metadata=metadata(finding),
            partition=quarter.partition_key,
        )
