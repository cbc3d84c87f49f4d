"""A data directory as it is at one moment: read once, then a value that every decision of a step is made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from mcf_pipeline.archive.guards import Shrinkage, held_releases
from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.archive.store import Archive
from mcf_pipeline.archive.timeline import State, Timeline, timeline
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.names import FACT_NAMES, QUARTERLY_MART_NAMES, REVISIONS, STAGED
from mcf_pipeline.tables.files import MARK_LENGTH, TableFiles
from mcf_pipeline.tables.rules import Rules

QuarterState = tuple[Quarter, State]
"""One state of one quarter."""

OF_LINES = (*STAGED, *FACT_NAMES)
"""Tables of which each state of a quarter has a file."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The quarters, sorted by what a run has to do.

    Attributes:
        new: never built before.
        changed: built from something else.
        unchanged: as they should be.
    """

    new: list[Quarter]
    changed: list[Quarter]
    unchanged: list[Quarter]

    @property
    def to_do(self) -> list[Quarter]:
        """The quarters to rematerialize, in time order."""
        return sorted(self.new + self.changed)


@dataclass(frozen=True)
class Snapshot:
    """What a data directory holds, and what should be made of it.

    Attributes:
        manifests: every archived release, held ones included, in time order.
        held: the releases that wait to be accepted, by id, with what each lost.
        reported: what the applied releases say.
        timeline: the same without the contents that were read and refused; what is to be built.
        rules: fingerprints of the rules in force.
        files: where the tables' files are.
    """

    manifests: tuple[Manifest, ...]
    held: Mapping[str, Sequence[Shrinkage]]
    reported: Timeline
    timeline: Timeline
    rules: Rules
    files: TableFiles

    @classmethod
    def read(cls, archive: Archive, rules: Rules, files: TableFiles) -> Snapshot:
        """Read the manifests and the verdicts on what was refused.

        Raises:
            ArchiveError: a manifest is missing or damaged.
        """
        manifests = archive.manifests()
        held = held_releases(manifests, archive.accepted(manifests))
        applied = [manifest for manifest in manifests if manifest.release_id not in held]
        reported = timeline(applied)
        snapshot = cls(tuple(manifests), held, reported, reported, rules, files)
        refused = snapshot.refused_contents
        return replace(snapshot, timeline=timeline(applied, refused)) if refused else snapshot

    @property
    def refused_contents(self) -> set[tuple[Quarter, str]]:
        """The contents (quarter and hash) of applied releases that were read and refused."""
        return {
            (quarter, state.sha256)
            for quarter, states in self.reported.states.items()
            for state in states
            if verdict_file(self.files, self.rules, quarter, state.sha256).exists()
        }

    # -- marks -------------------------------------------------------------------------------------------

    def file(self, table: str, quarter: Quarter, state: State) -> Path:
        """The file of one state of a quarter of a table."""
        rules = self.rules.lines if table in OF_LINES else self.rules.marts
        return self.files.path(table, quarter, mark(rules, state.sha256, state.since))

    def current_file(self, table: str, quarter: Quarter) -> Path | None:
        """The file of a quarter's current state, or None where the newest release does not cover the quarter."""
        state = self.timeline.current(quarter)
        return self.file(table, quarter, state) if state else None

    def revisions_file(self, quarter: Quarter) -> Path:
        """The file of what the releases changed in a quarter."""
        return self.files.path(REVISIONS, quarter, self.history_mark(quarter, self.rules.marts))

    def history_mark(self, quarter: Quarter, rules: str) -> str:
        """Fingerprint of every state of a quarter, and of the release before each of their ends."""
        before = dict(zip(self._order[1:], self._order, strict=False))
        states = self.timeline.states.get(quarter, ())
        ends = (end for state in states for end in (state.since, state.until) if end)
        return mark(rules, *map(repr, states), *(f"{end} {before.get(end)}" for end in ends))

    @cached_property
    def _order(self) -> list[str]:
        return [manifest.release_id for manifest in self.timeline.releases]

    def needed_files(self, quarter: Quarter) -> list[Path]:
        """Every file that a quarter is made of."""
        states = self.timeline.states.get(quarter, ())
        needed = [self.file(table, quarter, state) for state in states for table in OF_LINES]
        if self.timeline.current(quarter):
            needed += [self.file(table, quarter, states[-1]) for table in QUARTERLY_MART_NAMES]
        return [*needed, self.revisions_file(quarter)]

    def used_files(self) -> set[Path]:
        """Every file that is of use: what the quarters are made of, and what is known of contents that were refused."""
        used = {path for quarter in self.timeline.quarters for path in self.needed_files(quarter)}
        for quarter, states in self.reported.states.items():
            for state in states:
                used |= {
                    verdict_file(self.files, self.rules, quarter, state.sha256),
                    self.file(STAGED[1], quarter, state),
                }
        return used

    # -- what there is to do -----------------------------------------------------------------------------

    @cached_property
    def plan(self) -> Plan:
        """The quarters by what a run has to do; a file that is there is done."""
        plan = Plan([], [], [])
        for quarter in self.timeline.quarters:
            if all(map(self.files.is_there, self.needed_files(quarter))):
                plan.unchanged.append(quarter)
            elif any((self.files.root / FACT_NAMES[0] / quarter.id).glob("[0-9a-f]*.parquet")):
                plan.changed.append(quarter)
            else:
                plan.new.append(quarter)
        return plan

    @property
    def is_of_other_rules(self) -> bool:
        """Whether there are files of the tables, and none of any state by the rules in force."""
        made = self.files.root / FACT_NAMES[0]
        return any(made.glob("*/[0-9a-f]*.parquet")) and not any(
            self.files.is_there(self.file(FACT_NAMES[0], quarter, state))
            for quarter, states in self.timeline.states.items()
            for state in states
        )

    @cached_property
    def state(self) -> str:
        """Fingerprint of what the published warehouse should hold."""
        return mark(
            self.rules.marts,
            *self._order,
            *(f"{quarter} {self.history_mark(quarter, '')}" for quarter in self.timeline.quarters),
        )

    def rows(self, states: Iterable[QuarterState]) -> dict[QuarterState, int]:
        """The lines of each state, as received."""
        counted = {
            (quarter, content.sha256): content.rows
            for manifest in self.manifests
            for quarter, content in manifest.quarters.items()
        }
        return {(quarter, state): counted[quarter.id, state.sha256] for quarter, state in states}


def mark(*parts: str) -> str:
    """Fingerprint of what a file is made from."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:MARK_LENGTH]


def verdict_file(files: TableFiles, rules: Rules, quarter: Quarter, sha256: str) -> Path:
    """Where it is kept that a content of a quarter was read and refused, and why."""
    return files.path(STAGED[0], quarter, mark(rules.lines, sha256)).with_suffix(".refused.json")
