"""Everything one data directory holds, opened together: archive, staging, build, and the lock on them.

The command line, the assets and the sensor all come in through here, so they see the same rules, the same
timeline and the same plan. It knows nothing of Dagster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

import duckdb
from filelock import FileLock, Timeout

from mcf_pipeline.archive.store import Archive
from mcf_pipeline.archive.timeline import State, Timeline
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.errors import BusyError, ContractError
from mcf_pipeline.files import ensure_writable
from mcf_pipeline.package.writing import is_current
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.settings import PORTAL, SAMPLE, Settings
from mcf_pipeline.sources.base import Source
from mcf_pipeline.tables.staging import Staged, Staging, refusal
from mcf_pipeline.warehouse.build import marks, open_build, rules_fingerprint
from mcf_pipeline.warehouse.plan import Plan, make_plan, target_marks
from mcf_pipeline.warehouse.publication import published_state

PATIENCE = 600.0
"""Seconds that a step of a Dagster run waits for another run to let go of the data directory."""


class Workspace:
    """One data directory under one set of settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data_dir = settings.data_dir

    @cached_property
    def source_map(self) -> SourceMap:
        """The user's overrides; empty where there are none."""
        return SourceMap.load(self.settings.source_map)

    @cached_property
    def rules(self) -> str:
        """Fingerprint of everything that decides what a quarter becomes."""
        return rules_fingerprint(self.source_map.fingerprint())

    @cached_property
    def archive(self) -> Archive:
        """The releases as received."""
        return Archive(self.data_dir, self.settings.limits, self.source_map)

    @cached_property
    def staging(self) -> Staging:
        """The quarters as read."""
        return Staging(self.archive, self.rules)

    def source(self) -> Source:
        """Where releases come from, as the settings say."""
        # Each source imports what it needs only when it is the one.
        if self.settings.source == PORTAL:
            from mcf_pipeline.sources.portal import PortalSource

            return PortalSource(self.settings)
        if self.settings.source == SAMPLE:
            from mcf_pipeline.sources.sample import SampleSource

            return SampleSource()
        from mcf_pipeline.sources.file import FileSource

        return FileSource(self.settings.source, self.settings.limits)

    @contextmanager
    def lock(self, *, patience: float = PATIENCE) -> Iterator[None]:
        """Hold the data directory; a step inside a run that holds it gets in at once.

        Raises:
            BusyError: another process still holds it after `patience` seconds.
        """
        ensure_writable(self.data_dir.root)
        # One lock object per file and process: that is what lets a step into a run that holds it already.
        lock = FileLock(self.data_dir.lock, is_singleton=True, thread_local=False)
        try:
            lock.acquire(timeout=patience)
        except Timeout as error:
            raise BusyError(
                f"another run holds {self.data_dir.root}: wait for it to end (`mcf-pipeline status` and the Dagster "
                "UI show it), then run again"
            ) from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def build(self, *, patience: float = PATIENCE) -> Iterator[duckdb.DuckDBPyConnection]:
        """Hold the data directory and open its build."""
        with self.lock(patience=patience), open_build(self.data_dir) as con:
            yield con

    def timeline(self) -> Timeline:
        """What is to be built: what the releases tell, without the contents that were read and refused.

        What they tell, those included, is `archive.timeline()`.
        """
        return self.archive.timeline(self.staging.refused())

    def staged(self, line: Timeline, quarter: Quarter) -> dict[State, Staged]:
        """Every state of a quarter, read, in time order.

        Raises:
            ContractError: a state that nobody had read before has too many rejected lines.
        """
        found = {state: self.staging.stage(quarter, state) for state in line.states.get(quarter, ())}
        for staged in found.values():
            if staged.is_refused:
                raise refusal(quarter, staged)
        return found

    def refusals(self) -> dict[Quarter, ContractError]:
        """The quarters of which the newest release tells a content that was refused, with the error of each."""
        told, found = self.archive.timeline(), {}
        for quarter in told.quarters:
            state = told.current(quarter)
            staged = self.staging.of_content(quarter, state.sha256) if state else None
            if staged and staged.is_refused:
                found[quarter] = refusal(quarter, staged)
        return found

    def plan(self, timeline: Timeline | None = None, *, patience: float = PATIENCE) -> Plan:
        """What a run has to do now."""
        line = timeline or self.timeline()
        with self.build(patience=patience) as con:
            built = marks(con)
        return make_plan(line, self.rules, built)

    def forget_marks(self) -> None:
        """Make every quarter count as changed."""
        with self.build() as con:
            con.execute("UPDATE meta_marque SET empreinte = 'forced'")

    def state(self, line: Timeline | None = None) -> str:
        """Fingerprint of what the published warehouse should hold."""
        line = line or self.timeline()
        parts = [self.rules, *(manifest.release_id for manifest in line.releases)]
        parts += [f"{quarter} {mark}" for quarter, mark in sorted(target_marks(line, self.rules).items())]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def is_published(self, line: Timeline | None = None) -> bool:
        """Whether the published warehouse and the data package are what they should be."""
        state = self.state(line)
        return published_state(self.data_dir) == state and is_current(self.data_dir, state)
