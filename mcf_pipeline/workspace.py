"""One data directory opened: its archive, its tables' files, the source of its releases, and the lock on it.

The command line, the assets and the sensor all come in through here, so they see the same rules and the same
snapshot. It knows nothing of Dagster.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.archive.detection import detect
from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.archive.store import Archive, Intake
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.duck import SPILLED
from mcf_pipeline.errors import BusyError, ContractError, HeldReleaseError
from mcf_pipeline.files import ensure_writable, remove_left_over, remove_left_over_folders
from mcf_pipeline.log import event, since
from mcf_pipeline.progress import report
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.settings import PORTAL, SAMPLE, DataDir, Settings
from mcf_pipeline.sources.base import Source
from mcf_pipeline.tables.files import TableFiles
from mcf_pipeline.tables.rules import Rules
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.tables.staged import refusal, refused

if TYPE_CHECKING:
    from mcf_pipeline.remote.session import Remote

LOCK_TIMEOUT = 600.0
"""Seconds that a step of a Dagster run waits for another run to let go of the data directory."""
READER_TIMEOUT = 60.0
"""Seconds that a reader waits for a run of this machine, where the working copy of an object store is empty."""


class Workspace:
    """One data directory under one set of settings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data_dir = settings.data_dir
        self.files = TableFiles(settings.data_dir.tables)

    @cached_property
    def source_map(self) -> SourceMap:
        """The user's overrides; empty where there are none."""
        return SourceMap.load(self.settings.source_map)

    @cached_property
    def rules(self) -> Rules:
        """Fingerprints of everything that decides what a quarter becomes."""
        return Rules.of(self.source_map)

    @cached_property
    def archive(self) -> Archive:
        """The releases as received."""
        return Archive(self.data_dir, self.settings.limits, self.source_map)

    @cached_property
    def remote(self) -> Remote | None:
        """The object store that the data directory is a working copy of; None where it is a folder."""
        if not self.settings.store:
            return None
        from mcf_pipeline.remote.objects import Objects
        from mcf_pipeline.remote.session import Remote, opened

        return opened(self.data_dir.root) or Remote(
            Objects(self.settings.store, self.settings.limits), self.archive, self.files, self.snapshot
        )

    @contextmanager
    def shared(self, *, rebuilds: bool = False) -> Iterator[None]:
        """For a command that writes, and holds the lock: an object store is pulled before, and pushed to after it.

        Args:
            rebuilds: whether everything derived is made again, whatever the store has.

        Raises:
            StoreError: the store cannot be reached, or refuses.
        """
        if self.remote is None:
            yield
            return
        with self.remote.session(rebuilds=rebuilds):
            yield

    @contextmanager
    def step(
        self, quarters: Collection[Quarter] | None, *, lines: bool = False, publishes: bool = False
    ) -> Iterator[None]:
        """For a step of a run: what it needs of an object store is pulled, and what it made is pushed.

        Args:
            quarters: of which it needs what is made of them; None for all.
            lines: whether it reads their archived lines in any case.
            publishes: whether it makes something for users, so that it holds the lock.
        """
        with self.lock() if publishes else nullcontext():
            if self.remote is None:
                yield
            else:
                with self.remote.step(quarters, self.files.removed, lines=lines, alone=publishes):
                    yield

    def refresh(self) -> None:
        """Bring the working copy of an object store up to date for whoever only looks, without what users open."""
        if self.remote:
            self.remote.look()
            self.remote.pull(None)

    def pull_product(self, name: str) -> None:
        """Bring what users open up to date in the working copy of an object store.

        A run on this machine that is at work goes first: then what is there already is as good.

        Args:
            name: `warehouse` or `site`.

        Raises:
            BusyError: nothing is there, and a run of this machine goes on.
        """
        if self.remote is None:
            return
        product = self.remote.products[name]
        product.look()
        if product.is_stale:
            try:
                with self.lock(timeout=0 if product.is_here else READER_TIMEOUT):
                    product.pull()
            except BusyError:
                if not product.is_here:
                    raise

    @contextmanager
    def fresh_copy(self) -> Iterator[Workspace]:
        """All that the object store has of the archive, and the published file, in a folder that is gone afterwards.

        The data directory itself where it is a folder.
        """
        if self.remote is None:
            yield self
            return
        with tempfile.TemporaryDirectory(prefix="mcf-copy-") as folder:
            fresh = Workspace(replace(self.settings, data_dir=DataDir(Path(folder))))
            assert fresh.remote
            fresh.remote.look()
            fresh.remote.releases.fetch_everything()
            fresh.remote.products["warehouse"].pull()
            yield fresh

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
    def lock(self, *, timeout: float = LOCK_TIMEOUT) -> Iterator[None]:
        """Hold the data directory: for an intake, a publication, or a whole run of the command line.

        A step inside a run that holds it gets in at once. The kernel frees the lock when a process dies.

        Raises:
            BusyError: another process still holds it after `timeout` seconds.
        """
        # Most commands look, and lock nothing.
        from filelock import FileLock, Timeout

        ensure_writable(self.data_dir.root)
        # One lock object per file and process: that is what lets a step into a run that holds it already.
        lock = FileLock(self.data_dir.lock, is_singleton=True, thread_local=False)
        try:
            lock.acquire(timeout=timeout)
        except Timeout as error:
            raise BusyError(
                f"another run holds {self.data_dir.root}: wait for it to end (`mcf-pipeline status` and the Dagster "
                "UI show it), then run again"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def ingest(self) -> Intake:
        """Fetch the newest release of the source and archive it, after those before it that the source still offers.

        Raises:
            SourceError: it could not be received.
            ContractError: it is not the dataset, or broken; or it is archived, and held.
        """
        source = self.source()
        with self.lock():
            if self.remote:
                self.remote.releases.pull()
            for before in source.earlier():
                if detect(before.peek(), self.archive.manifests()).needs_download:
                    self._ingest(before)
            return self._ingest(source)

    def _ingest(self, source: Source) -> Intake:
        started = time.monotonic()
        try:
            intake = self.archive.ingest(
                lambda folder: source.fetch(folder, lambda done, total: report("download", done, total))
            )
        except HeldReleaseError as error:
            event("release_held", level=logging.WARNING, release_id=error.release_id, seconds=since(started))
            self.archive.raise_if_held(self._pushed(error.release_id))
            raise
        if intake.is_new and (final := self._pushed(intake.manifest.release_id)) != intake.manifest.release_id:
            self.archive.raise_if_held(final)
            intake = Intake(self.manifest(final), is_new=True)
        manifest = intake.manifest
        event(
            "release_ingested" if intake.is_new else "release_repeated",
            release_id=manifest.release_id,
            lines=manifest.rows,
            quarters=len(manifest.quarters),
            seconds=since(started),
        )
        return intake

    def _pushed(self, release_id: str) -> str:
        """Send what was archived to the object store, if there is one; returns the id that a release has then."""
        return self.remote.releases.push().get(release_id, release_id) if self.remote else release_id

    def manifest(self, release_id: str) -> Manifest:
        """The manifest of an archived release."""
        return Manifest.read(self.data_dir.releases / release_id)

    def snapshot(self) -> Snapshot:
        """What the data directory holds now.

        Raises:
            ArchiveError: a manifest is missing or damaged.
        """
        return Snapshot.read(self.archive, self.rules, self.files)

    def refusals(self, snapshot: Snapshot) -> dict[Quarter, ContractError]:
        """The quarters of which the newest release has a content that was refused, with the error of each."""
        return {quarter: refusal(snapshot, staged) for quarter, staged in refused(snapshot).items()}

    def is_published(self, snapshot: Snapshot) -> bool:
        """Whether the published warehouse, the data package and the dashboard are what they should be."""
        if self.remote:
            return self.remote.is_published(snapshot.state)
        from mcf_pipeline.package.state import is_current
        from mcf_pipeline.site.state import is_current as is_dashboard_current
        from mcf_pipeline.warehouse.state import published_state

        state = snapshot.state
        return (
            published_state(self.data_dir) == state
            and is_current(self.data_dir, state)
            and is_dashboard_current(self.data_dir, state)
        )

    def remove_drafts(self) -> None:
        """Remove what killed publications were writing; the caller holds the lock, so nobody is writing it now.

        A publication does so itself. But one that was killed at the end of a rebuild may be the last for a quarter.
        """
        for final in (self.data_dir.published_database, self.data_dir.dashboard):
            remove_left_over(final, older_than=0)
        # What DuckDB could not keep in memory, which can be as large as the tables.
        remove_left_over_folders(SPILLED)

    def remove_old_build(self) -> bool:
        """Remove what version 0.1 derived from the archive, whose ``raw/`` is read as it is.

        Returns:
            Whether there was anything of it.
        """
        build = self.data_dir.published_database.with_name("build.duckdb")
        old = [build, build.with_name("build.duckdb.wal"), self.data_dir.root / "staging"]
        found = [path for path in old if path.exists()]
        for path in found:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        return bool(found)
