"""What there is to tell of a data directory: its releases, and what is wrong with it now.

Facts are read from the archive and the published file, not from the course of a run: a run that was killed before it
could tell, or one of another process, leaves nothing untold. How they are worded is `text`'s.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field
from decimal import Decimal

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.contract.line_rules import added_up
from mcf_pipeline.contract.rules import DROPPED
from mcf_pipeline.errors import PipelineError
from mcf_pipeline.quality.releases import overdue
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.workspace import Workspace

HELD = "HeldReleaseError"
"""Failures of this kind are reported as the release that is held."""
PASSING = frozenset({"UnavailableError", "RateLimitedError"})
"""Failures of these kinds can pass by themselves: the source cannot be reached."""
OF_SOURCE = PASSING | {"SourceError", "RefusedError"}
"""Failures of these kinds are over once the source answers. Names, not classes: of a daemon's run there is no more."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a release changed in one quarter.

    Attributes:
        quarter: its id.
        nature: ``ajout``, ``revision`` or ``disparition``.
        dossiers: visible dossiers, as they are in a new quarter, the difference in a revised one.
        amount: euros engaged, the same way.
    """

    quarter: str
    nature: str
    dossiers: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What there is to say of a release.

    Attributes:
        manifest: of the release.
        held: why it waits to be accepted; empty where it is applied.
        same_as: the release before it, where it repeats its content.
        newest: the release whose figures are current.
        changes: what it changed, by quarter.
        rejected: lines of it in quarantine, by the rule that they break.
        broken: rules that lines of it break and that are used all the same: rule, lines that do, lines judged.
        unknown: modalities of it that the contract does not know: dimension, text as received.
        refused: its quarters that keep their previous state, with the reason.
    """

    manifest: Manifest
    held: tuple[str, ...] = ()
    same_as: str | None = None
    newest: str | None = None
    changes: tuple[Change, ...] = ()
    rejected: dict[str, int] = field(default_factory=dict)
    broken: tuple[tuple[str, int, int], ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Names the fact: a content of a day that is held, or that is applied."""
        return release_key(self.manifest, is_held=bool(self.held))


def release_key(manifest: Manifest, *, is_held: bool) -> str:
    """Names the fact that a release was taken in."""
    return f"{manifest.release_id} {manifest.sha256[:12]} {'held' if is_held else 'applied'}"


def release_facts(space: Workspace, snapshot: Snapshot, manifest: Manifest) -> ReleaseFacts:
    """Look up a release; one that is applied has to be published."""
    held = snapshot.held.get(manifest.release_id)
    if held:
        return ReleaseFacts(manifest, held=tuple(map(str, held)))
    import duckdb

    from mcf_pipeline.duck import scratch
    from mcf_pipeline.tables.staged import summaries

    release_id = manifest.release_id
    with duckdb.connect(space.data_dir.published_database, read_only=True) as con:
        changes = con.execute(
            "SELECT trimestre_id, nature, CASE nature WHEN 'ajout' THEN dossiers_apres ELSE dossiers_ecart END, "
            "CASE nature WHEN 'ajout' THEN montant_apres ELSE montant_ecart END "
            "FROM mart_revisions WHERE release_id = ? ORDER BY trimestre_id",
            [release_id],
        ).fetchall()
        rejected = con.execute(
            "SELECT regle, count(DISTINCT numero_ligne) FROM stg_rejets WHERE release_id = ? AND regle <> ? "
            "GROUP BY regle ORDER BY 2 DESC, 1",
            [release_id, DROPPED],
        ).fetchall()
    with scratch() as con:
        own = [staged for staged in summaries(con, snapshot) if staged.release_id == release_id]
    before = [m for m in snapshot.manifests if m.time_order < manifest.time_order]
    latest = snapshot.timeline.latest
    return ReleaseFacts(
        manifest,
        same_as=before[-1].release_id if manifest.export is None and before else None,
        newest=latest.release_id if latest else None,
        changes=tuple(
            Change(quarter, nature, int(n or 0), amount or Decimal(0)) for quarter, nature, n, amount in changes
        ),
        rejected=dict(rejected),
        broken=tuple(added_up(staged.broken for staged in own)),
        unknown=tuple(dict.fromkeys(pair for staged in own for pair in staged.unknown)),
        refused={
            quarter.id: str(error)
            for quarter, error in space.refusals(snapshot).items()
            if (state := snapshot.reported.current(quarter)) and state.since == release_id
        },
    )


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong until it is put right.

    Attributes:
        key: names it; the same problem has the same name at every try.
        what: in one line.
    """

    key: str
    what: str


def standing_problems(space: Workspace, snapshot: Snapshot, today: dt.date) -> list[Problem]:
    """What the data directory shows to be wrong: quarters that are refused, or overdue.

    A held release is none of them: it is reported as a release.
    """
    found = []
    for quarter, error in space.refusals(snapshot).items():
        state = snapshot.reported.current(quarter)
        found.append(
            Problem(f"refused {quarter} {state.sha256[:12] if state else ''}", f"{quarter} is refused: {error}")
        )
    # Made-up releases end some day, and nobody has to hear of that.
    applied = [m for m in snapshot.manifests if m.release_id not in snapshot.held and not m.is_synthetic]
    if applied:
        late = overdue(applied, today).quarters
        found += [Problem(f"overdue {quarter}", f"The release of {quarter} is overdue") for quarter in late]
    return found


@dataclass(frozen=True, slots=True)
class Failure:
    """A run, or a look at the source, that failed.

    Attributes:
        kind: the error's class.
        message: the error's text.
        exit_code: of the command line, or None where a daemon's run failed.
    """

    kind: str
    message: str
    exit_code: int | None = None

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """The failure of a command that ends with an error."""
        return cls(type(error).__name__, str(error), error.exit_code if isinstance(error, PipelineError) else 1)

    @property
    def key(self) -> str:
        """The same error has the same name, whatever numbers and moments stand in it."""
        words = re.sub(r"[0-9]+", "#", " ".join(self.message.split()))
        return f"failure {self.kind} {words[:300]}"
