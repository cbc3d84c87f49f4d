"""The facts: every state of some quarters, replaced in one transaction.

A quarter has few states (its first telling and some revisions) and few lines, so all of them are written
again when one is added: what comes out depends on the timeline alone, never on what was there before. A commit costs
more than writing a quarter of the real size, so a transaction takes several.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.archive.store import UNREADABLE_FILE, Archive
from mcf_pipeline.archive.timeline import State
from mcf_pipeline.contract.lines import rejects_frame
from mcf_pipeline.duck import literal
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.staging import StgRejets
from mcf_pipeline.schemas.warehouse import (
    FctDossiers,
    FctDossiersHistorique,
    FctFinancements,
    FctFinancementsHistorique,
)
from mcf_pipeline.tables.staging import Staged
from mcf_pipeline.warehouse.build import insert, insert_frame, set_marks, transaction
from mcf_pipeline.warehouse.plan import mark_of

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact: its current state, its history, and the staged file it is made from."""

    current: type[Table]
    history: type[Table]
    staged: str


DOSSIERS = Fact(FctDossiers, FctDossiersHistorique, "usagers")
FINANCEMENTS = Fact(FctFinancements, FctFinancementsHistorique, "financements")


def write_fact(
    con: duckdb.DuckDBPyConnection, fact: Fact, quarters: Mapping[Quarter, Mapping[State, Staged]], rules: str
) -> None:
    """Replace some quarters of a fact by their states, all of them or none.

    Args:
        con: the build.
        fact: which one.
        quarters: every state of each quarter, staged, in time order.
        rules: fingerprint of the rules that they were read by; part of the quarters' marks.
    """
    with transaction(con):
        ids = [quarter.id for quarter in quarters]
        con.execute(f"DELETE FROM {describe(fact.history).name} WHERE list_contains(?, trimestre_id)", [ids])
        for quarter, states in quarters.items():
            for state, staged in states.items():
                _insert_state(con, fact, state, staged)
            if fact is DOSSIERS:
                _load_quarantine(con, quarter, states)
        set_marks(con, describe(fact.current).name, {q.id: mark_of(list(s), rules) for q, s in quarters.items()})


def load_unreadable(con: duckdb.DuckDBPyConnection, archive: Archive, release: Manifest | None) -> int:
    """Load into `stg_rejets` the lines of the newest release that belong to no quarter; returns how many."""
    rows: list[tuple[None, str, int, str, str, None, str]] = []
    if release and release.unreadable_sha256:
        path = archive.data_dir.releases / release.release_id / UNREADABLE_FILE
        found = con.execute(
            f"SELECT numero_ligne, CAST(to_json(recue) AS VARCHAR) FROM read_parquet({literal(path)}) AS recue"
        ).fetchall()
        rows = [(None, release.release_id, line, "trimestre_invalide", "trimestre", None, text) for line, text in found]
    frame = rejects_frame(rows)
    with transaction(con):
        con.execute("DELETE FROM stg_rejets WHERE trimestre_id IS NULL")
        insert_frame(con, StgRejets, frame)
    return len(frame)


def _insert_state(con: duckdb.DuckDBPyConnection, fact: Fact, state: State, staged: Staged) -> None:
    since, until = literal(state.since), "NULL" if state.until is None else literal(state.until)
    insert(
        con,
        fact.history,
        f"(SELECT *, {since} AS release_id, {since} AS valide_depuis, {until} AS valide_jusqua "
        f"FROM read_parquet({literal(staged.file(fact.staged))}))",
    )


def _load_quarantine(con: duckdb.DuckDBPyConnection, quarter: Quarter, states: Mapping[State, Staged]) -> None:
    """Load the rejects and unknown modalities that belong to a quarter."""
    con.execute("DELETE FROM stg_rejets WHERE trimestre_id = ?", [quarter.id])
    con.execute("DELETE FROM meta_modalite WHERE trimestre_id = ?", [quarter.id])
    for state, staged in states.items():
        if state.until is None:
            insert(con, StgRejets, f"read_parquet({literal(staged.file('rejets'))})")
        for dimension, text in staged.unknown:
            con.execute("INSERT INTO meta_modalite VALUES (?, ?, ?)", [quarter.id, dimension, text])
