"""Backing up an archive while runs go on: no lock of the data directory is needed.

A release appears in one step, after its quarters, so what the manifests name is there. What changes underneath (a
`rebuild` or `prune` at the same moment) is seen by a hash that does not fit or a file that is gone: the archive is then
looked at again.
"""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mcf_pipeline.archive.backup_folder import SOURCE_MAP, BackupFolder, Catalogue, ChangedError, Entry
from mcf_pipeline.archive.manifest import FILE_NAME, Manifest
from mcf_pipeline.archive.store import ACCEPTED_FILE, LINES_FILE, UNREADABLE_FILE, Archive
from mcf_pipeline.errors import ArchiveError, UsageError
from mcf_pipeline.files import sha256_of
from mcf_pipeline.progress import report
from mcf_pipeline.quarter import Quarter

_LOOKS = 5
"""How often an archive that changes underneath is looked at before that counts as damage."""


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup came to.

    Attributes:
        catalogue: what it holds.
        copied: files that were not there yet.
        copied_bytes: their size.
        present_bytes: size of the files that were.
        is_new: False where the archive is what the backup before it holds.
    """

    catalogue: Catalogue
    copied: int
    copied_bytes: int
    present_bytes: int
    is_new: bool


def back_up(archive: Archive, folder: BackupFolder, source_map: Path | None) -> BackedUp:
    """Copy what a folder of backups does not hold yet, each file checked against its hash; the caller holds its lock.

    Args:
        archive: what to back up.
        folder: where to.
        source_map: the user's source map, which decides what the archive's lines mean; None where there is none.

    Raises:
        UsageError: there is nothing to back up; or the folder holds synthetic releases and the archive real ones.
        ArchiveError: a file of the archive is missing or damaged.
    """
    for look in range(1, _LOOKS + 1):
        try:
            return _Look(archive, folder).back_up(source_map)
        except (ChangedError, FileNotFoundError) as error:
            if look == _LOOKS:
                what = str(error) if isinstance(error, ChangedError) else f"{error.filename} is missing"
                raise ArchiveError(
                    f"{what}: earlier backups in {folder.root} stay as they are; `mcf-pipeline verify` lists what is "
                    "damaged and how to repair it"
                ) from error
    raise AssertionError("unreachable")


class _Look:
    """One look at an archive, and what it copies."""

    def __init__(self, archive: Archive, folder: BackupFolder) -> None:
        self._archive = archive
        self._folder = folder
        numbers = folder.numbers()
        self._before = folder.read() if numbers else None
        self._number = numbers[-1] + 1 if numbers else 1
        self._files: dict[str, Entry] = {}
        self._copied: dict[str, int] = {}

    def back_up(self, source_map: Path | None) -> BackedUp:
        manifests = self._archive.manifests()
        if not manifests:
            raise UsageError(f"there is no release under {self._archive.data_dir.releases} to back up")
        is_synthetic = manifests[0].is_synthetic
        if self._before and self._before.is_synthetic != is_synthetic:
            here, there = ("synthetic", "real") if is_synthetic else ("real", "synthetic")
            raise UsageError(
                f"these releases are {here} and {self._folder.root} holds {there} ones: back up into another folder"
            )
        read = [self._release(manifest.release_id) for manifest in manifests]
        contents = sorted({(quarter, c.sha256) for m in read for quarter, c in m.quarters.items()})
        total = len(read) + len(contents)
        for done, manifest in enumerate(read):
            report("back up", done, total)
            self._files_of(manifest)
        for done, (quarter, sha256) in enumerate(contents, start=len(read)):
            report("back up", done, total)
            self._quarter(Quarter.parse(quarter), sha256)
        if source_map:
            self._files[SOURCE_MAP] = self._folder.store_bytes(source_map.read_bytes())
        report("back up", total, total)
        made_at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        ids = tuple(manifest.release_id for manifest in read)
        catalogue = Catalogue(self._number, made_at, is_synthetic, ids, dict(sorted(self._files.items())))
        is_new = self._before is None or self._before.files != catalogue.files
        if is_new:
            self._folder.write(catalogue)
        copied_bytes = sum(self._copied.values())
        total_bytes = sum({entry.sha256: entry.bytes for entry in catalogue.files.values()}.values())
        return BackedUp(
            catalogue if is_new or self._before is None else self._before,
            copied=len(self._copied),
            copied_bytes=copied_bytes,
            present_bytes=max(total_bytes - copied_bytes, 0),
            is_new=is_new,
        )

    def _release(self, release_id: str) -> Manifest:
        """The manifest of a release, of just the bytes that are backed up."""
        path = self._archive.data_dir.releases / release_id / FILE_NAME
        content = path.read_bytes()
        manifest = Manifest.parse(content, path)
        self._keep_bytes(path, content)
        return manifest

    def _files_of(self, manifest: Manifest) -> None:
        folder = self._archive.data_dir.releases / manifest.release_id
        self._keep(folder / LINES_FILE, manifest.lines_sha256)
        if manifest.unreadable_sha256:
            self._keep(folder / UNREADABLE_FILE, manifest.unreadable_sha256)
        if manifest.export:
            self._export(folder / manifest.export, manifest)
        if (accepted := folder / ACCEPTED_FILE).exists():
            self._keep_bytes(accepted, accepted.read_bytes())

    def _export(self, path: Path, manifest: Manifest) -> None:
        if path.suffix != ".gz":
            self._keep(path, manifest.sha256)
            return
        known = self._before.files.get(self._place(path)) if self._before else None
        entry = self._entry(path)
        # What it unpacks to was looked at when it was backed up first.
        if entry != known and _unpacked_sha256(path) != manifest.sha256:
            raise ChangedError(path)
        self._keep(path, entry.sha256)

    def _quarter(self, quarter: Quarter, sha256: str) -> None:
        path = self._archive.quarter_file(quarter, sha256)
        beside = path.with_suffix(".sha256")
        line = beside.read_bytes()
        self._keep(path, line.split()[0].decode("ascii", "replace") if line.split() else "")
        self._keep_bytes(beside, line)

    def _place(self, path: Path) -> str:
        return path.relative_to(self._archive.data_dir.root).as_posix()

    def _entry(self, path: Path) -> Entry:
        return Entry(sha256_of(path), path.stat().st_size)

    def _keep(self, path: Path, expected: str) -> None:
        entry = self._entry(path)
        if entry.sha256 != expected:
            raise ChangedError(path)
        if not self._folder.has(entry):
            self._folder.store(path, entry)
            self._copied[entry.sha256] = entry.bytes
        self._files[self._place(path)] = entry

    def _keep_bytes(self, path: Path, content: bytes) -> None:
        entry = Entry(hashlib.sha256(content).hexdigest(), len(content))
        if not self._folder.has(entry):
            self._folder.store_bytes(content)
            self._copied[entry.sha256] = entry.bytes
        self._files[self._place(path)] = entry


def _unpacked_sha256(path: Path) -> str | None:
    try:
        with gzip.open(path) as export:
            digest = hashlib.sha256()
            while chunk := export.read(1024 * 1024):
                digest.update(chunk)
            return digest.hexdigest()
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return None


def problems(folder: BackupFolder) -> Iterator[str]:
    """Every file of every backup that is missing or damaged, as a sentence; reads all of them once."""
    seen: dict[Entry, str] = {}
    for number in folder.numbers():
        try:
            seen |= {entry: place for place, entry in folder.read(number).files.items()}
        except ArchiveError as error:
            yield str(error)
    for done, (entry, place) in enumerate(seen.items()):
        report("check the backup", done, len(seen))
        if folder.damaged(entry):
            path = folder.object(entry)
            yield (
                f"{path} ({place}) is {'damaged' if path.exists() else 'missing'}: remove it, and the next "
                "`mcf-pipeline backup` copies it again if the archive has it"
            )
    report("check the backup", len(seen), len(seen))
