"""The archive: every release as received, and the lines of each quarter stored once per content.

Nothing in it is changed, and nothing removed but by `prune`. A release appears whole, by one rename, after its quarters
are in place; so a process killed at any instant leaves an archive that is right.

What does not belong here: what the lines mean (`contract`), what is built from them (`warehouse`).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import gzip
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcf_pipeline.archive.guards import Shrinkage, held_releases
from mcf_pipeline.archive.manifest import FILE_NAME, Manifest, ManifestColumn
from mcf_pipeline.archive.pruning import begin_pruning, being_pruned, complete_pruning
from mcf_pipeline.archive.timeline import Timeline, timeline
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.errors import ArchiveError, HeldReleaseError, UsageError
from mcf_pipeline.files import ensure_writable, explain_disk_errors, put_in_place, sha256_of, write_atomically
from mcf_pipeline.quarter import FIRST_QUARTER, Quarter
from mcf_pipeline.settings import DataDir, Limits
from mcf_pipeline.sources.base import Received

if TYPE_CHECKING:
    import duckdb

    from mcf_pipeline.archive.retention import Retention
    from mcf_pipeline.archive.understanding import Understood
    from mcf_pipeline.contract.recognition import Recognition

log = logging.getLogger(__name__)

LINES_FILE = "lignes.parquet"
UNREADABLE_FILE = "sans-trimestre.parquet"
ACCEPTED_FILE = "accepted.json"


@dataclass(frozen=True, slots=True)
class Intake:
    """What ingesting an export came to.

    Attributes:
        manifest: of the release.
        is_new: False where the archive knew its content already.
    """

    manifest: Manifest
    is_new: bool


class Archive:
    """The releases of one data directory.

    Args:
        data_dir: where they lie.
        limits: what an export may at most hold.
        source_map: overrides of recognition.
    """

    def __init__(self, data_dir: DataDir, limits: Limits | None = None, source_map: SourceMap | None = None) -> None:
        self.data_dir = data_dir
        self.limits = limits or Limits()
        self.source_map = source_map or SourceMap()

    # -- reading -----------------------------------------------------------------------------------------

    def manifests(self) -> list[Manifest]:
        """Every archived release, held ones included, in time order.

        Raises:
            ArchiveError: a manifest is missing or damaged.
        """
        while True:
            folders = self.release_folders()
            try:
                return sorted((Manifest.read(folder) for folder in folders), key=lambda m: m.time_order)
            except ArchiveError:
                # Whoever only looks holds no lock: a release that was pruned meanwhile is no damage.
                if all(folder.is_dir() for folder in folders):
                    raise

    def release_folders(self) -> list[Path]:
        """The folder of each archived release, by name; without those that are being pruned.

        Raises:
            ArchiveError: the list of what is being pruned is damaged.
        """
        if not self.data_dir.releases.is_dir():
            return []
        folders = sorted(f for f in self.data_dir.releases.iterdir() if f.is_dir() and not f.name.startswith("."))
        pruned = being_pruned(self.data_dir)
        return [folder for folder in folders if folder.name not in pruned]

    def timeline(self, refused: Collection[tuple[Quarter, str]] = ()) -> Timeline:
        """The timeline of all releases that are not held, without the contents that are refused."""
        manifests = self.manifests()
        held = self._held(manifests)
        return timeline((m for m in manifests if m.release_id not in held), refused)

    def held(self) -> dict[str, list[Shrinkage]]:
        """The releases that wait to be accepted, by id, with what each lost."""
        return self._held(self.manifests())

    def accepted(self, manifests: Sequence[Manifest]) -> set[str]:
        """Ids of the releases that somebody has accepted."""
        return {m.release_id for m in manifests if (self._folder(m.release_id) / ACCEPTED_FILE).exists()}

    def _held(self, manifests: Sequence[Manifest]) -> dict[str, list[Shrinkage]]:
        return held_releases(manifests, self.accepted(manifests))

    def _folder(self, release_id: str) -> Path:
        return self.data_dir.releases / release_id

    def quarter_file(self, quarter: Quarter, sha256: str) -> Path:
        """Where the lines of one content of a quarter lie."""
        return self.data_dir.quarters / quarter.id / f"{sha256}.parquet"

    def lines_file(self, release_id: str) -> Path:
        """Where the line numbers of one release lie."""
        return self.data_dir.releases / release_id / LINES_FILE

    def lines_are_intact(self, release_id: str) -> bool:
        """Whether the line numbers of a release are what was archived."""
        path = self.lines_file(release_id)
        return path.is_file() and sha256_of(path) == Manifest.read(path.parent).lines_sha256

    def damaged(self, manifest: Manifest) -> list[Path]:
        """The files of a release that were made from its export and are not what was archived."""
        made = ((LINES_FILE, manifest.lines_sha256), (UNREADABLE_FILE, manifest.unreadable_sha256))
        files = [(self._folder(manifest.release_id) / name, expected) for name, expected in made if expected]
        return [path for path, expected in files if not path.is_file() or sha256_of(path) != expected]

    # -- writing -----------------------------------------------------------------------------------------

    def accept(self, release_id: str) -> None:
        """Let a held release be applied.

        Raises:
            UsageError: there is no such release.
        """
        known = [manifest.release_id for manifest in self.manifests()]
        if release_id not in known:
            raise UsageError(
                f"there is no release {release_id!r} in the archive; it holds: {', '.join(known) or 'none'}"
            )
        lost = self.held().get(release_id)
        if lost:
            self._note_accepted(release_id, {"accepted_in_spite_of": [str(entry) for entry in lost]})
            log.warning("release %s accepted despite its guards", release_id)

    def _note_accepted(self, release_id: str, why: dict[str, Any]) -> None:
        write_atomically(self._folder(release_id) / ACCEPTED_FILE, json.dumps(why, indent=2).encode())

    def prune(self, retention: Retention) -> None:
        """Remove releases and what only they name; the caller holds the data directory's lock."""
        for release_id in retention.to_accept:
            self._note_accepted(release_id, {"applied_before_pruning": [m.release_id for m in retention.removed]})
        begin_pruning(self.data_dir, (manifest.release_id for manifest in retention.removed))
        self.complete_pruning()

    def complete_pruning(self) -> None:
        """Complete what a killed `prune` left; the caller holds the data directory's lock."""
        complete_pruning(self.data_dir, self.manifests())

    def ingest(self, fetch: Callable[[Path], Received]) -> Intake:
        """Receive an export, archive it, and say what it is.

        Args:
            fetch: puts the export into the folder it is given.

        Raises:
            SourceError: it could not be received.
            ContractError: it is not the dataset, or broken; the archive is as it was.
            HeldReleaseError: it is archived, and waits to be accepted.
            UsageError: it is synthetic and the archive real, or the other way round.
            PipelineError: the disk is full.
        """
        self.manifests()  # an archive of a newer version, or a damaged one, is not touched
        ensure_writable(self.data_dir.root)
        with explain_disk_errors(), self.work_folder() as work:
            self.complete_pruning()  # or a release of the same id would count among those that go
            received = fetch(work)
            return self._archive(received, work)

    @contextmanager
    def work_folder(self) -> Iterator[Path]:
        """A folder for one intake; what a killed one left behind is removed first."""
        shutil.rmtree(self.data_dir.incoming, ignore_errors=True)
        self.data_dir.incoming.mkdir(parents=True)
        work = Path(tempfile.mkdtemp(dir=self.data_dir.incoming))
        try:
            yield work
        finally:
            shutil.rmtree(self.data_dir.incoming, ignore_errors=True)

    def _archive(self, received: Received, work: Path) -> Intake:
        # With Pandas and Pandera, which nothing but an intake needs: `status`, and a run without news, do without.
        from mcf_pipeline.archive.split import QuarterDrafts
        from mcf_pipeline.archive.understanding import database, understand

        folder = work / "release"
        folder.mkdir()
        known = self.manifests()
        drafts = QuarterDrafts(work / "quarters", self.data_dir.quarters)
        with database(work, received) as con:
            understood = understand(con, received, self.limits, self.source_map, drafts.write)
            for note in understood.notes:
                log.warning("%s", note)
            _refuse_mixing(understood.is_synthetic, known)
            draft = Manifest(
                release_id=_release_day(con, understood, received),
                url=received.origin,
                retrieved_at=received.retrieved_at,
                data_processed=received.data_processed,
                export=f"export.{received.format}" + (".gz" if received.format == "csv" else ""),
                format=received.format,
                bytes=received.path.stat().st_size,
                sha256=sha256_of(received.path),
                licence=received.licence,
                is_synthetic=understood.is_synthetic,
                **store_content(con, understood, folder),
            )
        twin = next((m for m in known if is_again(draft, m)), None)
        if twin:
            self.raise_if_held(twin.release_id)
            return Intake(twin, is_new=False)
        manifest = with_free_id(draft, {m.release_id for m in known})
        predecessor = _predecessor(manifest, known)
        if predecessor and manifest.same_content(predecessor):
            manifest = dataclasses.replace(manifest, export=None)
        else:
            _compress(received, folder / str(manifest.export))
        drafts.put_in_place()
        waited = self._held(known)
        self._put_release(manifest, folder)
        self.raise_if_held(*(release_id for release_id in self.held() if release_id not in waited))
        return Intake(manifest, is_new=True)

    def _put_release(self, manifest: Manifest, folder: Path) -> None:
        (folder / FILE_NAME).write_bytes(manifest.to_json())
        self.data_dir.releases.mkdir(parents=True, exist_ok=True)
        put_in_place(folder, self._folder(manifest.release_id))

    def raise_if_held(self, *release_ids: str) -> None:
        """Say that a release waits to be accepted.

        Raises:
            HeldReleaseError: one of them does; of several, the newest is named.
        """
        held = self.held()
        waiting = [release_id for release_id in release_ids if release_id in held]
        if not waiting:
            return
        release_id = waiting[-1]
        lost = held[release_id]
        shown = "; ".join(map(str, lost[:3])) + (f"; and {len(lost) - 3} more" if len(lost) > 3 else "")
        raise HeldReleaseError(
            f"release {release_id} is archived but not applied: {shown}. If the publisher intended this, "
            f"run `mcf-pipeline run --accept-release {release_id}`",
            rule=next((entry.rule for entry in lost if entry.rule == "trimestre_disparu"), lost[0].rule),
            release_id=release_id,
        )


def store_content(con: duckdb.DuckDBPyConnection, understood: Understood, folder: Path) -> dict[str, Any]:
    """Write what an export says beside its quarters into a folder; returns what the manifest says of it."""
    from mcf_pipeline.archive.split import store_line_numbers, store_unreadable

    content = understood.content
    store_line_numbers(con, folder / LINES_FILE)
    unreadable = folder / UNREADABLE_FILE
    if content.unreadable_rows:
        store_unreadable(con, unreadable)
    return {
        "rows": content.rows,
        "columns": columns_of(understood.fields, understood.recognition),
        "quarters": content.quarters,
        "unreadable_rows": content.unreadable_rows,
        "lines_sha256": sha256_of(folder / LINES_FILE),
        "unreadable_sha256": sha256_of(unreadable) if content.unreadable_rows else None,
    }


def _compress(received: Received, kept: Path) -> None:
    """Keep an export as received: a CSV compressed, Parquet as it is. The same bytes give the same file."""
    if received.format == "parquet":
        shutil.copyfile(received.path, kept)
        return
    with received.path.open("rb") as source, gzip.GzipFile(kept, "wb", compresslevel=4, mtime=0) as target:
        shutil.copyfileobj(source, target, 1024 * 1024)


def columns_of(fields: Sequence[SourceField], recognition: Recognition) -> tuple[ManifestColumn, ...]:
    """The export's columns in its order, with what each was recognised as."""
    recognised = {column.source: (name, column.rule) for name, column in recognition.columns.items()}
    columns = []
    for field in fields:
        canonical, rule = recognised.get(field.name, (None, None))
        columns.append(ManifestColumn(field.name, canonical, rule, field.label, field.description))
    return tuple(columns)


def _refuse_mixing(is_synthetic: bool, known: list[Manifest]) -> None:
    if known and known[0].is_synthetic != is_synthetic:
        here, there = ("synthetic", "real") if is_synthetic else ("real", "synthetic")
        raise UsageError(
            f"this release is {here} and the data directory holds {there} ones: choose another with --data-dir"
        )


def _release_day(con: duckdb.DuckDBPyConnection, understood: Understood, received: Received) -> str:
    """The day a release is known by: the portal's, else the file's own, else the file's modification day."""
    if received.data_processed:
        return received.data_processed.date().isoformat()
    today = received.retrieved_at.date()
    if "date_chargement" in understood.recognition.columns:
        from mcf_pipeline.contract.days import DAY, loading_day

        rows = con.execute(f"SELECT DISTINCT regexp_extract(trim(date_chargement), '^{DAY}') FROM recues").fetchall()
        # No release is older than what it holds, or far in the future, whatever the cell holds; a year's leave for a
        # clock that is wrong.
        newest = max((Quarter.parse(quarter) for quarter in understood.content.quarters), default=FIRST_QUARTER)
        last = today + dt.timedelta(days=366)
        day, note = loading_day((text for (text,) in rows if text), newest.first_day, today, last)
        if note:
            log.warning("%s", note)
        if day:
            return day.isoformat()
    day = received.suggested_day or today
    return day.isoformat()


def is_again(draft: Manifest, known: Manifest) -> bool:
    """Whether an archived release was sent again.

    The same content at another time of the portal is a release of its own, be it on the same day: it may take
    back what came between, and its time has to be remembered, else each look would fetch it again.
    """
    return known.day == draft.day and known.data_processed == draft.data_processed and known.same_content(draft)


def with_free_id(manifest: Manifest, taken: Collection[str]) -> Manifest:
    """A manifest under an id that no other release has: its own, else the next number of it."""
    candidate, number = manifest.release_id, 1
    while candidate in taken:
        number += 1
        candidate = f"{manifest.release_id}-{number}"
    return dataclasses.replace(manifest, release_id=candidate)


def _predecessor(manifest: Manifest, known: list[Manifest]) -> Manifest | None:
    before = [m for m in known if m.time_order < manifest.time_order]
    return max(before, key=lambda m: m.time_order, default=None)
