"""Checks on `stg_usagers`, quarter by quarter: what the publisher told that does not fit together."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from mcf_pipeline.assets.base import WorkspaceResource
from mcf_pipeline.checks.base import check_spec, metadata, quarter_results, quarters_of_check, sentence
from mcf_pipeline.duck import scratch
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.releases.timeline import Timeline
from mcf_pipeline.warehouse.quality import Finding
from mcf_pipeline.warehouse.quality.lines import Prices, line_findings, prices_before
from mcf_pipeline.warehouse.staging import Staged
from mcf_pipeline.workspace import Workspace

ASSET = "stg_usagers"
REJECTED = "lignes_rejetees"
ABSENT = "trimestre_absent"

_DESCRIPTIONS = {
    REJECTED: "Aucune ligne n'est écartée (`stg_rejets`). Au-delà de 1 % des lignes, c'est une erreur : le trimestre "
    "garde son état précédent.",
    ABSENT: "La dernière publication appliquée parle du trimestre.",
    "modalite_inconnue": "Chaque modalité est connue du contrat ; une inconnue a sa propre ligne de dimension.",
    "ecart_parts_montant": "Les parts des financeurs font le montant engagé, à 1 % ou 1 € près.",
    "ecart_prix_montant": "Le prix moyen multiplié par les dossiers fait le montant engagé, à 5 % près.",
    "effectif_sous_le_seuil": "Aucun effectif donné n'est sous le seuil de masquage du producteur (5 personnes).",
    "titulaires_superieurs_aux_dossiers": "Une ligne n'a pas plus de titulaires que de dossiers.",
    "masque_avec_montant": "Une ligne aux effectifs masqués ne donne aucun montant.",
    "prix_hors_plage": "Le prix moyen est entre le plus bas et le plus haut des publications d'avant.",
}
SPECS = [
    # Only a rejection above 1 % is an error and blocks; the asset raises then, so it never stops other quarters.
    check_spec(ASSET, name, text, per_quarter=True, blocking=name == REJECTED)
    for name, text in _DESCRIPTIONS.items()
]


@dg.multi_asset_check(name="check_stg_usagers", specs=SPECS, can_subset=True)
def check_stg_usagers(context: dg.AssetCheckExecutionContext, workspace: WorkspaceResource) -> Iterator[Any]:
    """Look at the staged lines of the run's quarters, all at once."""
    space = workspace.open()
    line = space.archive.timeline()
    quarters = quarters_of_check(context, line)
    found = findings(space, line, quarters)
    for key in sorted(context.selected_asset_check_keys):
        yield from quarter_results(context, key, found[key.name])


def findings(space: Workspace, line: Timeline, quarters: list[Quarter]) -> dict[str, dict[Quarter, Finding]]:
    """Every check's finding for each quarter."""
    staged = {quarter: state for quarter in quarters if (state := _staged(space, line, quarter)) is not None}
    by_id = {quarter.id: state for quarter, state in staged.items()}
    with scratch() as con:
        prices = prices_before(con, *_told_before(space, line, quarters))
        of_lines = line_findings(con, by_id, _for_staged(prices, by_id), space.source_map)
    found = {
        rule: {q: of_quarters.get(q.id, Finding(rule, 0, 0, note="Rien à vérifier.")) for q in quarters}
        for rule, of_quarters in of_lines.items()
    }
    found[ABSENT] = {quarter: _presence(line, quarter, staged) for quarter in quarters}
    return found


def _staged(space: Workspace, line: Timeline, quarter: Quarter) -> Staged | None:
    state = line.current(quarter)
    return space.staging.find(quarter, state) if state else None


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


def _presence(line: Timeline, quarter: Quarter, staged: Mapping[Quarter, Staged]) -> Finding:
    state = line.current(quarter)
    note = ""
    if state is None and line.states.get(quarter):
        ended = line.states[quarter][-1].until
        note = f"Absent depuis la publication {ended}, acceptée malgré cela ; son passé reste dans l'historique."
    elif state is None:
        note = "Aucune publication ne parle de ce trimestre."
    elif quarter not in staged:
        note = "Pas encore lu par ces règles : matérialiser `stg_usagers` pour ce trimestre."
    return Finding(ABSENT, int(bool(note)), 1, "trimestre", quarters=(quarter.id,), note=note)


def refused_evaluations(space: Workspace, quarters: list[Quarter]) -> Iterator[dg.AssetCheckEvaluation]:
    """The red evaluation of each quarter with too many rejects, for the asset to yield before it raises.

    A check step does not run once its asset has failed; so the asset itself has to say which quarters are broken.
    """
    line = space.archive.timeline()
    refused = [quarter for quarter in quarters if (state := _staged(space, line, quarter)) and state.is_refused]
    for quarter, finding in findings(space, line, refused)[REJECTED].items():
        yield dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(ASSET),
            check_name=REJECTED,
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description=sentence(finding),
            metadata=metadata(finding),
            blocking=True,
            partition=quarter.partition_key,
        )
