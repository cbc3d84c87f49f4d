"""Making what is missing: each layer from the one before it, down to the archived lines.

A layer that is asked for a quarter whose sources are not made yet makes those first, so any asset can be materialized
by hand, in any order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from mcf_pipeline.archive.store import Archive
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS
from mcf_pipeline.schemas.names import STAGED
from mcf_pipeline.schemas.warehouse import FACTS
from mcf_pipeline.tables.facts import make_facts
from mcf_pipeline.tables.marts import make_marts, make_revisions
from mcf_pipeline.tables.snapshot import QuarterState, Snapshot
from mcf_pipeline.tables.staged import Staged, refusal
from mcf_pipeline.tables.staging import stage

if TYPE_CHECKING:
    import duckdb


def states_of(snapshot: Snapshot, quarters: Iterable[Quarter], *, only_current: bool = False) -> list[QuarterState]:
    """Every state of some quarters, or their current states only."""
    return [
        (quarter, state)
        for quarter in quarters
        for state in snapshot.timeline.states.get(quarter, ())
        if state.until is None or not only_current
    ]


def _are_there(snapshot: Snapshot, tables: Iterable[str], state: QuarterState) -> bool:
    return all(snapshot.files.is_there(snapshot.file(table, *state)) for table in tables)


def ensure_staged(
    con: duckdb.DuckDBPyConnection, archive: Archive, snapshot: Snapshot, states: Collection[QuarterState]
) -> dict[QuarterState, Staged]:
    """Stage the states that are not staged yet; returns what was staged.

    Raises:
        ContractError: a state has too many rejected lines (`trop_de_rejets`); all that could be staged is.
    """
    missing = [state for state in states if not _are_there(snapshot, STAGED, state)]
    found = stage(con, archive, snapshot, missing) if missing else {}
    for staged in found.values():
        if staged.is_refused:
            raise refusal(snapshot, staged)
    return found


def ensure_facts(
    con: duckdb.DuckDBPyConnection,
    archive: Archive,
    snapshot: Snapshot,
    states: Collection[QuarterState],
    models: Collection[type[Table]] = FACTS,
) -> None:
    """Make the facts of the states that have none yet.

    Raises:
        ContractError: as `ensure_staged`.
    """
    ensure_staged(con, archive, snapshot, states)
    for model in models:
        missing = [state for state in states if not _are_there(snapshot, [describe(model).name], state)]
        if missing:
            make_facts(con, snapshot, missing, [model])


def ensure_quarters(
    con: duckdb.DuckDBPyConnection, archive: Archive, snapshot: Snapshot, quarters: Collection[Quarter]
) -> int:
    """Make every file of some quarters that is missing; returns how many of the quarters had one missing.

    Raises:
        ContractError: as `ensure_staged`.
    """
    missing = [q for q in quarters if not all(map(snapshot.files.is_there, snapshot.needed_files(q)))]
    if not missing:
        return 0
    ensure_facts(con, archive, snapshot, states_of(snapshot, missing))
    # Marts that lack the same quarters are made together: opening what they read costs as much as a mart.
    together: dict[tuple[Quarter, ...], list[type[Table]]] = {}
    current = states_of(snapshot, missing, only_current=True)
    for model in QUARTERLY_MARTS:
        without = tuple(state[0] for state in current if not _are_there(snapshot, [describe(model).name], state))
        together.setdefault(without, []).append(model)
    for without, models in together.items():
        if without:
            make_marts(con, snapshot, archive.source_map, without, models)
    make_revisions(
        con,
        snapshot,
        archive.source_map,
        [q for q in missing if not snapshot.files.is_there(snapshot.revisions_file(q))],
    )
    return len(missing)
