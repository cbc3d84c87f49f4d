"""Checks on `stg_usagers`, quarter by quarter: what the publisher's figures say that does not fit together."""

from collections.abc import Collection, Iterator
from pathlib import Path

import dagster as dg
import duckdb

from mcf_pipeline.archive.timeline import Timeline
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.orchestration.checks.base import check_spec, metadata, sentence
from mcf_pipeline.quality import SAMPLE_ROWS, Finding, grouped
from mcf_pipeline.quality.lines import line_findings, prices_before, rejected_lines
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.names import STAGED
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.tables.staged import refused, staged

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
        "masque_avec_zero",
        "effectif_avec_montant_masque",
        "effectif_superieur_aux_dossiers",
    ),
}
"""The rules on lines, by what they are about. An evaluation costs more to store than to compute, so not each
rule has a check of its own: a first build would write three hundred of them."""

SPECS = [
    check_spec(
        ASSET,
        REJECTED,
        "Aucune ligne n'est écartée (`stg_rejets`). Au-delà de 1 % des lignes, des dossiers ou du montant, c'est une "
        "erreur : le trimestre garde son état précédent.",
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
        "Les parts des financeurs font le montant engagé, à 1 % près (1 € si c'est plus) ; le prix moyen multiplié par "
        "les dossiers le fait à 5 % près ; le prix moyen est entre le plus bas et le plus haut des publications "
        "d'avant.",
        per_quarter=True,
    ),
    check_spec(
        ASSET,
        "effectifs_incoherents",
        "Aucun effectif donné n'est sous le seuil de masquage du producteur (5 personnes) ; il n'y a pas plus de "
        "titulaires, de dossiers à durée connue ou financés par l'un que de dossiers ; une ligne donne ses effectifs "
        "et son montant, ou les masque tous.",
        per_quarter=True,
    ),
    check_spec(ASSET, ABSENT, "La dernière publication appliquée contient chaque trimestre connu."),
]


def findings(
    con: duckdb.DuckDBPyConnection, snapshot: Snapshot, source_map: SourceMap, quarters: Collection[Quarter]
) -> dict[str, dict[Quarter, Finding]]:
    """The finding of every check on quarters, for each quarter: on what is staged of it, and on what was refused."""
    known = {quarter: found for quarter in quarters if (found := staged(snapshot, quarter))}
    files = {
        quarter.id: (found, _current(snapshot, STAGED[0], quarter), _current(snapshot, STAGED[1], quarter))
        for quarter, found in known.items()
    }
    prices = prices_before(con, *_seen_before(snapshot, quarters))
    of_lines = line_findings(con, files, {q: prices[q] for q in files if q in prices}, source_map)
    for quarter, found in refused(snapshot).items():
        state = snapshot.reported.current(quarter)
        if quarter in quarters and state:
            of_lines[REJECTED][quarter.id] = rejected_lines(con, found, snapshot.file(STAGED[1], quarter, state))
    by_check: dict[str, dict[Quarter, Finding]] = {}
    for name in (REJECTED, UNKNOWN):
        by_check[name] = {q: of_lines[name].get(q.id) or _nothing(name, q) for q in quarters}
    for name, rules in GROUPS.items():
        by_check[name] = {
            q: grouped(name, (of_lines[rule][q.id] for rule in rules)) if q in known else _nothing(name, q)
            for q in quarters
        }
    return by_check


def _current(snapshot: Snapshot, table: str, quarter: Quarter) -> Path:
    state = snapshot.timeline.states[quarter][-1]
    return snapshot.file(table, quarter, state)


def _nothing(name: str, quarter: Quarter) -> Finding:
    return Finding(name, 0, 0, quarters=(quarter.id,), note="Rien à vérifier : aucune ligne lue par ces règles.")


def _seen_before(snapshot: Snapshot, quarters: Collection[Quarter]) -> tuple[list[tuple[int, Path]], dict[str, int]]:
    """What `prices_before` needs: the files of every state that is staged, and the rank of each quarter's own."""
    line = snapshot.timeline
    rank = {manifest.release_id: place for place, manifest in enumerate(line.releases)}
    ranks = {quarter.id: rank[state.since] for quarter in quarters if (state := line.current(quarter)) is not None}
    if not any(ranks.values()):
        return [], ranks
    files = [
        (rank[state.since], path)
        for quarter, states in line.states.items()
        for state in states
        if snapshot.files.is_there(path := snapshot.file(STAGED[0], quarter, state))
    ]
    return files, ranks


def absent(line: Timeline, asked: Collection[Quarter]) -> Finding:
    """The quarters that the newest release does not cover: those of earlier ones, and those that a run asks for."""
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


def refused_evaluations(
    con: duckdb.DuckDBPyConnection, snapshot: Snapshot, source_map: SourceMap, quarters: Collection[Quarter]
) -> Iterator[dg.AssetCheckEvaluation]:
    """The red evaluation of each quarter with too many rejects, for the asset to log before it raises.

    Args:
        con: an in-memory database.
        snapshot: read after the quarters were refused.
        source_map: overrides of modalities.
        quarters: the quarters of the run.
    """
    broken = sorted(set(refused(snapshot)) & set(quarters))
    for quarter, finding in findings(con, snapshot, source_map, broken)[REJECTED].items():
        yield dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(ASSET),
            check_name=REJECTED,
            passed=False,
            severity=dg.AssetCheckSeverity.ERROR,
            description=sentence(finding),
            metadata=metadata(finding),
            partition=quarter.partition_key,
        )
