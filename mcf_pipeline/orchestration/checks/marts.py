"""Checks on the marts: each ties to the facts, and what is masked stays empty."""

from collections.abc import Collection, Mapping

import dagster as dg
import duckdb

from mcf_pipeline.orchestration.checks.base import check_spec
from mcf_pipeline.quality import Finding
from mcf_pipeline.quality.marts import MART_TIES, NEVER_ZERO, TIES, mart_findings, revision_findings
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.warehouse import FACTS, FctDossiers
from mcf_pipeline.tables.build import states_of
from mcf_pipeline.tables.files import read_files
from mcf_pipeline.tables.marts import history_sql
from mcf_pipeline.tables.snapshot import Snapshot

_DESCRIPTIONS = {
    TIES: "Les lignes et les sommes sont celles des faits, groupe par groupe.",
    NEVER_ZERO: "Un chiffre dont toutes les lignes sont masquées est vide : jamais 0, jamais estimé.",
}


def _specs(*models: type[Table]) -> list[dg.AssetCheckSpec]:
    return [
        check_spec(describe(model).name, name, f"{text} Jugé sur les trimestres matérialisés.", blocking=True)
        for model in models
        for name, text in _DESCRIPTIONS.items()
    ]


QUARTERLY_SPECS = _specs(*QUARTERLY_MARTS)
REVISION_SPECS = _specs(MartRevisions)


def quarterly_findings(
    con: duckdb.DuckDBPyConnection, snapshot: Snapshot, quarters: Collection[Quarter], models: Collection[type[Table]]
) -> Mapping[tuple[str, str], Finding]:
    """The findings on some quarters of some marts, by table and check."""
    facts = {describe(fact).name: fact for fact in FACTS}
    found = {}
    for model in models:
        fact = facts[MART_TIES[model].fact]
        rows, lines = (_current_rows(snapshot, table, quarters) for table in (model, fact))
        for name, finding in mart_findings(con, model, rows, lines).items():
            found[describe(model).name, name] = finding
    return found


def _current_rows(snapshot: Snapshot, model: type[Table], quarters: Collection[Quarter]) -> str:
    return read_files((path for q in quarters if (path := snapshot.current_file(describe(model).name, q))), model)


def revisions_findings(
    con: duckdb.DuckDBPyConnection, snapshot: Snapshot, quarters: Collection[Quarter]
) -> Mapping[tuple[str, str], Finding]:
    """The findings on some quarters of `mart_revisions`, by table and check."""
    rows = read_files(map(snapshot.revisions_file, quarters), MartRevisions)
    history = history_sql(snapshot, FctDossiers, states_of(snapshot, quarters))
    found = revision_findings(con, rows, history)
    return {(describe(MartRevisions).name, name): finding for name, finding in found.items()}
