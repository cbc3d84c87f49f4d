"""What is known of a state of a quarter that was staged, and the verdict on one that was refused."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.contract.rules import NUMBERS
from mcf_pipeline.contract.thresholds import REJECTED_SHARE
from mcf_pipeline.errors import ContractError
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.names import STAGED
from mcf_pipeline.tables.snapshot import Snapshot, verdict_file

if TYPE_CHECKING:
    import duckdb

    from mcf_pipeline.contract.line_rules import Broken
    from mcf_pipeline.contract.lines import QuarterOf, TypedLines

SUMMARY = b"mcf_pipeline"
"""Key of the summary in a Parquet file's metadata."""


@dataclass(frozen=True, slots=True)
class Staged:
    """One state of one quarter, read.

    Attributes:
        quarter: its id.
        release_id: the release that the lines come with.
        received: lines as received.
        valid: lines kept.
        masked: masked lines among them.
        rejected: lines quarantined.
        dropped: lines left out as sums of others, by the user's map.
        lost_dossiers: share of the dossiers that went with the rejected lines, 0 to 1.
        lost_amount: share of the amount engaged that went with them.
        broken: of each rule on lines, how many valid lines break it, and how many it can judge.
        unknown: modalities outside the contract: (dimension, text as received).
        commonest: the rules broken most: (rule, column, lines).
        is_refused: whether too many lines were rejected for the rest to be trusted.
    """

    quarter: str
    release_id: str
    received: int
    valid: int
    masked: int
    rejected: int
    unknown: list[tuple[str, str]]
    commonest: list[tuple[str, str, int]]
    is_refused: bool
    dropped: int = 0
    lost_dossiers: float = 0.0
    lost_amount: float = 0.0
    broken: list[Broken] = field(default_factory=list)

    def to_json(self) -> str:
        """As it is kept beside the lines."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Staged:
        """Read `to_json` back."""
        summary = json.loads(text)
        summary["unknown"] = [tuple(pair) for pair in summary["unknown"]]
        summary["commonest"] = [tuple(reason) for reason in summary["commonest"]]
        summary["broken"] = [tuple(rule) for rule in summary["broken"]]
        return cls(**summary)


def is_refused(lines: TypedLines, of: QuarterOf, received: int) -> bool:
    """Whether so much of a quarter was rejected that the rest is not to be trusted.

    Lines count, and so do the dossiers and the amount that went with them: the largest lines are few.

    Args:
        lines: the quarter, read.
        of: which one.
        received: its lines in all.
    """
    too_many = lines.rejected[of] > REJECTED_SHARE * (received - lines.dropped[of])
    lost = lines.lost.get(of)
    return too_many or (lost is not None and max(lost.dossiers, lost.amount) > REJECTED_SHARE)


def staged(snapshot: Snapshot, quarter: Quarter) -> Staged | None:
    """What is known of a quarter's current state, or None where it was not read, or there is none."""
    path = snapshot.current_file(STAGED[0], quarter)
    return summary_of(path) if path and snapshot.files.is_there(path) else None


def summary_of(path: Path) -> Staged:
    """The summary in a file of `stg_usagers`."""
    import pyarrow.parquet as pq

    return Staged.from_json(pq.read_schema(path).metadata[SUMMARY])


def summaries(con: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> list[Staged]:
    """What is known of the current state of each quarter that was read; DuckDB loads faster than Arrow."""
    paths = [snapshot.current_file(STAGED[0], quarter) for quarter in snapshot.timeline.quarters]
    files = [str(path) for path in paths if path and snapshot.files.is_there(path)]
    if not files:
        return []
    rows = con.execute(
        "SELECT value FROM parquet_kv_metadata($files) WHERE key = $key", {"files": files, "key": SUMMARY}
    ).fetchall()
    return [Staged.from_json(text) for (text,) in rows]


def refused(snapshot: Snapshot) -> dict[Quarter, Staged]:
    """The quarters of which the newest release has a content that was refused."""
    found = {}
    for quarter in snapshot.reported.quarters:
        state = snapshot.reported.current(quarter)
        verdict = state and verdict_file(snapshot.files, snapshot.rules, quarter, state.sha256)
        if verdict and verdict.exists():
            found[quarter] = Staged.from_json(verdict.read_bytes())
    return found


def refusal(snapshot: Snapshot, staged: Staged) -> ContractError:
    """The error of a quarter with too many rejected lines, with the three commonest reasons."""
    quarter = Quarter.parse(staged.quarter)
    state = snapshot.reported.current(quarter)
    rejects = snapshot.file(STAGED[1], quarter, state) if state else ""
    reasons = "; ".join(f"{rule} in {column or 'the line'} ({lines} lines)" for rule, column, lines in staged.commonest)
    held = ""
    if max(staged.lost_dossiers, staged.lost_amount) > float(REJECTED_SHARE):
        held = f" with {staged.lost_dossiers:.1%} of the dossiers and {staged.lost_amount:.1%} of the amount"
    unreadable = any(rule == "nombre_illisible" for rule, _, _ in staged.commonest)
    return ContractError(
        f"{quarter}: {staged.rejected} of {staged.received} lines rejected{held}, more than {REJECTED_SHARE:.0%}: "
        f"{reasons}. The quarter keeps its previous state; see {rejects}, then `mcf-pipeline doctor`"
        f"{f'. {NUMBERS}' if unreadable else ''}",
        rule="trop_de_rejets",
    )
