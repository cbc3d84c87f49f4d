"""Staging: each state of each quarter, typed and validated by the contract; what fails goes to the rejects.

A state gives two files, its valid lines (`stg_usagers`) and its rejects (`stg_rejets`). A content with too many rejects
gets a verdict instead of valid lines, and the quarter keeps its previous state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

import duckdb
import pandas as pd
import pyarrow as pa

from mcf_pipeline.archive.split import batches
from mcf_pipeline.archive.store import Archive
from mcf_pipeline.contract.line_rules import Broken, broken_lines
from mcf_pipeline.contract.lines import NOTHING_LOST, TypedLines, read_lines
from mcf_pipeline.contract.rules import DROPPED
from mcf_pipeline.files import write_atomically
from mcf_pipeline.progress import report
from mcf_pipeline.schemas.names import STAGED
from mcf_pipeline.tables.received import by_columns, received_sql
from mcf_pipeline.tables.snapshot import QuarterState, Snapshot, verdict_file
from mcf_pipeline.tables.staged import SUMMARY, Staged, is_refused

BATCH_STATES = 50
"""States that are read at once, at most. Each release among them is a join of its own in one query, and takes some
5 MiB however few lines it has: of 200 releases, that was more than the engine has."""


def stage(
    con: duckdb.DuckDBPyConnection, archive: Archive, snapshot: Snapshot, states: Collection[QuarterState]
) -> dict[QuarterState, Staged]:
    """Read some states and write their files.

    Args:
        con: an in-memory database.
        archive: where the lines are.
        snapshot: says where the files go, and by which rules.
        states: of any quarters and releases.

    Raises:
        ArchiveError: archived lines are missing or damaged.
        ContractError: lines contradict each other by an override of modalities.
    """
    found: dict[QuarterState, Staged] = {}
    for group in by_columns(archive, states):
        for batch in batches(snapshot.rows(group), things=BATCH_STATES):
            report("stg_usagers", len(found), len(states))
            lines = read_lines(con, received_sql(archive, batch), archive.source_map)
            broken = broken_lines(con, lines.usagers)
            for state, valid, rejects in _by_state(lines, batch):
                rules = broken.get((state[1].since, state[0].id), [])
                found[state] = _write(snapshot, state, valid, rejects, lines, rules)
    report("stg_usagers", len(states), len(states))
    return found


def _by_state(
    lines: TypedLines, batch: Collection[QuarterState]
) -> Iterator[tuple[QuarterState, pa.Table, pd.DataFrame]]:
    """The valid lines and the rejects of each state; the lines are in the order of (release, quarter)."""
    table = pa.Table.from_pandas(lines.usagers, preserve_index=False)
    sizes = Counter(zip(table["release_id"].to_pylist(), table["trimestre_id"].to_pylist(), strict=True))
    place = 0
    for quarter, state in sorted(batch, key=lambda s: (s[1].since, s[0])):
        size = sizes[state.since, quarter.id]
        rejets = lines.rejets
        own = rejets[(rejets["release_id"] == state.since) & (rejets["trimestre_id"] == quarter.id)]
        yield (quarter, state), table.slice(place, size), own
        place += size


def _write(
    snapshot: Snapshot,
    state: QuarterState,
    valid: pa.Table,
    rejects: pd.DataFrame,
    lines: TypedLines,
    broken: list[Broken],
) -> Staged:
    quarter, of = state
    own = (of.since, quarter.id)
    lost = lines.lost.get(own, NOTHING_LOST)
    received = snapshot.rows([state])[state]
    rules = rejects[rejects["regle"] != DROPPED][["regle", "colonne"]].fillna("").itertuples(index=False, name=None)
    staged = Staged(
        quarter=quarter.id,
        release_id=of.since,
        received=received,
        valid=valid.num_rows,
        masked=valid["est_masque"].to_pylist().count(True),
        rejected=lines.rejected[own],
        unknown=lines.unknown.get((of.since, quarter.id), []),
        commonest=[(rule, column, count) for (rule, column), count in Counter(rules).most_common(3)],
        is_refused=is_refused(lines, own, received),
        dropped=lines.dropped[own],
        lost_dossiers=float(lost.dossiers),
        lost_amount=float(lost.amount),
        broken=broken,
    )
    files = snapshot.files
    files.write(snapshot.file(STAGED[1], quarter, of), pa.Table.from_pandas(rejects, preserve_index=False))
    if staged.is_refused:
        write_atomically(verdict_file(files, snapshot.rules, quarter, of.sha256), staged.to_json().encode())
    else:
        files.write(snapshot.file(STAGED[0], quarter, of), valid, {SUMMARY.decode(): staged.to_json()})
    return staged
