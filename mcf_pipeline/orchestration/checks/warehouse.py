"""Checks on the two facts: keys, foreign keys and history, over the quarters of a run."""

from collections.abc import Collection, Mapping

import dagster as dg
import duckdb

from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.orchestration.checks.base import check_spec
from mcf_pipeline.quality import Finding
from mcf_pipeline.quality.facts import duplicate_keys, open_states, orphans
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.warehouse import FACTS, HISTORIES, FctDossiers
from mcf_pipeline.tables.build import states_of
from mcf_pipeline.tables.dimensions import dimension_frames
from mcf_pipeline.tables.files import read_files
from mcf_pipeline.tables.marts import history_sql
from mcf_pipeline.tables.snapshot import Snapshot

KEYS = "cle_unique"
HISTORY = "historique_un_etat_ouvert"
FOREIGN_KEYS = "cles_etrangeres_connues"

_DESCRIPTIONS = {
    KEYS: "Aucune ligne, courante ou passée, n'a la clé d'une autre.",
    HISTORY: "Les états d'un trimestre se suivent dans le temps, un seul est ouvert : chaque ligne courante a "
    "exactement un état ouvert.",
    FOREIGN_KEYS: "Chaque clé étrangère a sa ligne de dimension, et chaque part sa ligne.",
}
SPECS: list[dg.AssetCheckSpec] = [
    check_spec(describe(fact).name, name, f"{text} Jugé sur les trimestres matérialisés.", blocking=True)
    for fact in FACTS
    for name, text in _DESCRIPTIONS.items()
]


def fact_findings(
    con: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    source_map: SourceMap,
    quarters: Collection[Quarter],
    models: Collection[type[Table]],
) -> Mapping[tuple[str, str], Finding]:
    """The findings on some quarters of some facts, by table and check."""
    states = states_of(snapshot, quarters)
    order = [manifest.release_id for manifest in snapshot.timeline.releases]
    dimensions = dimension_frames(snapshot, source_map)
    keys = {describe(model).name: set(frame[describe(model).key[0]]) for model, frame in dimensions.items()}
    found = {}
    for fact, history in zip(FACTS, HISTORIES, strict=True):
        if fact not in models:
            continue
        name = describe(fact).name
        rows = read_files((snapshot.file(describe(fact).name, *state) for state in states), fact)
        lines = None
        if fact is not FctDossiers:
            lines = read_files((snapshot.file(describe(FctDossiers).name, *state) for state in states), FctDossiers)
        of_history = history_sql(snapshot, fact, states)
        found[name, KEYS] = duplicate_keys(con, history, of_history)
        found[name, HISTORY] = open_states(con, of_history, order)
        found[name, FOREIGN_KEYS] = orphans(con, fact, rows, keys, lines)
    return found
