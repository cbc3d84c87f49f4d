"""One use of an object store by this process: what a step pulls before it begins, and pushes when it ends.

The order makes it safe to be killed anywhere: what a name stands for is there before the name. Across machines nobody
holds a lock; a write under a condition decides who was first (`releases`, `products`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mcf_pipeline.archive.store import LINES_FILE, Archive
from mcf_pipeline.errors import PipelineError, UsageError
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.remote.objects import Objects
from mcf_pipeline.remote.products import PRODUCTS, WAREHOUSE, Published
from mcf_pipeline.remote.releases import Releases
from mcf_pipeline.remote.tables import Tables
from mcf_pipeline.schemas.names import STAGED
from mcf_pipeline.tables.files import TableFiles
from mcf_pipeline.tables.snapshot import QuarterState, Snapshot

log = logging.getLogger(__name__)

_open: dict[Path, Remote] = {}
"""The store of each working copy that a command of this process has brought up to date: its steps look no more."""


class Remote:
    """An object store and its working copy.

    Args:
        objects: the store.
        archive: the working copy's.
        files: the working copy's.
        read: reads a snapshot of the working copy.
    """

    def __init__(self, objects: Objects, archive: Archive, files: TableFiles, read: Callable[[], Snapshot]) -> None:
        self.objects = objects
        self._root = archive.data_dir.root
        self._archive = archive
        self._files = files
        self._read = read
        self.releases = Releases(objects, archive)
        self.tables = Tables(objects, files)
        self.products = {product.name: Published(objects, archive.data_dir, product) for product in PRODUCTS}

    @contextmanager
    def session(self, *, rebuilds: bool = False) -> Iterator[None]:
        """For a command that writes, and holds the working copy's lock: all is brought up to date, and at last sent.

        Args:
            rebuilds: whether everything derived is made again, whatever the store has.

        Raises:
            StoreError: the store cannot be reached, or refuses.
        """
        self.look()
        self.releases.push()
        if rebuilds:
            self.releases.fetch_everything()
            self.tables.ignore()
        else:
            self.products[WAREHOUSE.name].pull()
        self.pull(None)
        _open[self._root] = self
        try:
            with self._pushing(self._files.removed, alone=True):
                yield
        finally:
            del _open[self._root]

    @contextmanager
    def step(
        self, quarters: Collection[Quarter] | None, removed: set[Path], *, lines: bool, alone: bool
    ) -> Iterator[None]:
        """For a step of a run: what it needs is fetched, and what it made is sent, also where it ends with an error.

        Args:
            quarters: of which quarters the tables' files are needed; None for all.
            removed: the step's own `TableFiles.removed`.
            lines: whether the archived lines of these quarters are needed in any case.
            alone: whether it holds the working copy's lock, and makes what users open.
        """
        if self._root not in _open:
            self.look()
            if alone:
                self.products[WAREHOUSE.name].pull()
        self.pull(quarters, lines=lines)
        with self._pushing(removed, alone=alone):
            yield

    @contextmanager
    def _pushing(self, removed: set[Path], *, alone: bool) -> Iterator[None]:
        try:
            yield
        except PipelineError:
            # A verdict, or the quarters before the one that failed, are of use all the same.
            try:
                self.push(removed, alone=alone)
            except PipelineError as error:
                log.warning("%s", error)
            raise
        self.push(removed, alone=alone)

    def look(self) -> None:
        """See what the store has, and take its releases."""
        self.releases.pull()
        self.tables.look()
        for product in self.products.values():
            product.look()

    def check_empty(self) -> None:
        """Refuse a store that holds anything below its prefix.

        Raises:
            UsageError: it does.
            StoreError: it cannot be reached, or refuses.
        """
        if found := next(iter(self.objects.listed("")), None):
            raise UsageError(
                f"{self.objects.url} is not empty (it holds {found.key}): a backup is restored into a new prefix; "
                "choose another with --data-dir"
            )

    def send_releases(self) -> None:
        """Send the releases of the working copy that the store does not have; the caller holds its lock."""
        self.releases.look()
        self.releases.push()

    def pull(self, quarters: Collection[Quarter] | None, *, lines: bool = False) -> Snapshot:
        """Fetch what is made of some quarters, and the archived lines of what is still to be made.

        Args:
            quarters: None for all.
            lines: whether the archived lines are needed in any case.

        Returns:
            The working copy then.
        """
        self.tables.pull(self.tables.verdicts())
        snapshot = self._read()
        chosen = snapshot.reported.quarters if quarters is None else quarters
        self.tables.pull(path for quarter in chosen for path in snapshot.needed_files(quarter))
        states: list[QuarterState] = [
            (quarter, state)
            for quarter in chosen
            for state in {
                *snapshot.timeline.states.get(quarter, ()),
                *filter(None, (snapshot.reported.current(quarter),)),
            }
        ]
        self._pull_lines(states if lines else [s for s in states if not self._is_staged(snapshot, s)])
        return snapshot

    def _is_staged(self, snapshot: Snapshot, state: QuarterState) -> bool:
        return all(self._files.is_there(snapshot.file(table, *state)) for table in STAGED)

    def _pull_lines(self, states: Iterable[QuarterState]) -> None:
        listed = list(states)
        self.releases.fetch_quarters((quarter.id, state.sha256) for quarter, state in listed)
        since = {state.since for _, state in listed}
        self.objects.each(
            lambda manifest: self.releases.fetch(manifest, [LINES_FILE]),
            [manifest for manifest in self._archive.manifests() if manifest.release_id in since],
        )

    def push(self, removed: set[Path], *, alone: bool) -> None:
        """Send what was made of the quarters, and, if nobody else is at work here, releases and what users open."""
        if alone:
            self.releases.push()
        snapshot = self._read()
        self.tables.push(sorted(snapshot.used_files()), removed)
        for product in self.products.values():
            is_news = product.is_pending or not product.is_of(snapshot.state)
            if alone and is_news and product.is_made_of(snapshot.state):
                self._publish(product)

    def _publish(self, product: Published) -> None:
        snapshot = self._read()

        def state_now() -> str:
            nonlocal snapshot
            self.releases.pull()
            snapshot = self._read()
            return snapshot.state

        def release_id() -> str | None:
            return snapshot.timeline.latest.release_id if snapshot.timeline.latest else None

        if product.push(state_now, release_id) and product is self.products[WAREHOUSE.name]:
            self.tables.remove_unused(snapshot.used_files())

    def is_published(self, state: str) -> bool:
        """Whether what users open in the store is made from a state."""
        return all(product.is_of(state) for product in self.products.values())


def opened(root: Path) -> Remote | None:
    """The store of a working copy that a command of this process has up to date."""
    return _open.get(root)
