"""The archive's releases, between an object store and its working copy.

``raw/releases/<id>/manifest.json`` is what makes a release: it is written last, and only where there is none of that
name. What it names lies beside it under names of its contents, so that two writers never write the same name with
different bytes, and a killed one leaves nothing that counts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import logging
import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from mcf_pipeline.archive.manifest import FILE_NAME, Manifest
from mcf_pipeline.archive.split import digest_file, note_digest
from mcf_pipeline.archive.store import (
    ACCEPTED_FILE,
    LINES_FILE,
    UNREADABLE_FILE,
    Archive,
    is_again,
    with_free_id,
)
from mcf_pipeline.errors import ArchiveError, BusyError
from mcf_pipeline.files import write_atomically
from mcf_pipeline.remote.notes import Notes
from mcf_pipeline.remote.objects import ConflictError, MissingError, Objects

log = logging.getLogger(__name__)

RELEASES = "raw/releases"
QUARTERS = "raw/quarters"


class Releases:
    """The releases of one store and its working copy.

    Args:
        objects: the store.
        archive: the working copy's.
    """

    def __init__(self, objects: Objects, archive: Archive) -> None:
        self._objects = objects
        self._archive = archive
        self._root = archive.data_dir.releases
        self._notes = Notes(archive.data_dir.in_store / "releases")
        self.listed: dict[str, str] = {}
        """The etag of each release's manifest in the store, as of the last look."""
        self._accepted: set[str] = set()

    # -- from the store ----------------------------------------------------------------------------------

    def pull(self) -> None:
        """Bring the manifests of the working copy up to date; what it has and the store never had, it keeps.

        Raises:
            ArchiveError: the store has lost a release.
        """
        # Before the look: another process of this machine may send a release meanwhile.
        known = {release_id: self._notes[release_id].get("etag") for release_id in self._notes.names()}
        self.look()
        if lost := sorted(known.keys() - self.listed.keys()):
            raise ArchiveError(
                f"{self._objects.url} no longer has release {lost[0]}: if it was removed on purpose, delete the "
                f"working copy {self._archive.data_dir.root}; otherwise `mcf-pipeline backup PATH` with that "
                "--data-dir saves its files from the working copy"
            )
        self._objects.each(
            self._pull, [r for r, etag in self.listed.items() if known.get(r) != etag or not self._is_here(r)]
        )
        for release_id in self._accepted & self.listed.keys():
            note = self._root / release_id / ACCEPTED_FILE
            if note.parent.is_dir() and not note.exists():
                write_atomically(note, self._objects.read(f"{RELEASES}/{release_id}/{ACCEPTED_FILE}")[0])

    def look(self) -> dict[str, str]:
        """List the store's releases; returns what decides what they are: each one's etag, and which are accepted."""
        self.listed, self._accepted = {}, set()
        for found in self._objects.listed(f"{RELEASES}/"):
            release_id, _, name = found.key.removeprefix(f"{RELEASES}/").partition("/")
            if name == FILE_NAME:
                self.listed[release_id] = found.etag
            elif name == ACCEPTED_FILE:
                self._accepted.add(release_id)
        return self.listed | {f"{release_id} accepted": "" for release_id in self._accepted}

    def _is_here(self, release_id: str) -> bool:
        return (self._root / release_id / FILE_NAME).is_file()

    def _pull(self, release_id: str) -> None:
        """Take the store's manifest, unless the working copy has another one that it has not sent yet."""
        try:
            content, etag = self._objects.read(f"{RELEASES}/{release_id}/{FILE_NAME}")
        except MissingError:
            return
        here = self._root / release_id / FILE_NAME
        if here.is_file() and not self._notes[release_id] and here.read_bytes() != content:
            return  # `push` names it again
        self._take(release_id, content, etag)

    def _take(self, release_id: str, content: bytes, etag: str) -> None:
        folder = self._root / release_id
        if folder.is_dir():
            if (folder / FILE_NAME).read_bytes() != content:
                # Read again on another machine: what was made of the export is fetched when it is needed.
                (folder / LINES_FILE).unlink(missing_ok=True)
                (folder / UNREADABLE_FILE).unlink(missing_ok=True)
                write_atomically(folder / FILE_NAME, content)
        else:
            draft = self._root / f".{release_id}.{os.getpid()}"
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
            (draft / FILE_NAME).write_bytes(content)
            try:
                draft.rename(folder)
            except OSError:
                # Another process of this machine was first.
                shutil.rmtree(draft)
        self._notes[release_id] = {"etag": etag, "sha256": hashlib.sha256(content).hexdigest()}
        manifest = Manifest.read(folder)
        if manifest.unreadable_sha256:
            self.fetch(manifest, [UNREADABLE_FILE])

    def fetch(self, manifest: Manifest, names: Collection[str]) -> None:
        """Fetch files of a release that the working copy lacks."""
        for name, key in _files_of(manifest):
            here = self._root / manifest.release_id / name
            if name in names and not here.exists():
                fetch_file(self._objects, key, here)

    def fetch_quarters(self, contents: Iterable[tuple[str, str]]) -> None:
        """Fetch contents of quarters (id and hash) that the working copy lacks."""

        def fetch(content: tuple[str, str]) -> None:
            file = self._quarter_file(*content)
            if digest := fetch_file(self._objects, _quarter_key(*content), file):
                # Not of what came, but of what was sent: `is_intact` compares them.
                note_digest(file, digest)

        def is_missing(file: Path) -> bool:
            return not file.exists() or not digest_file(file).exists()

        self._objects.each(fetch, [c for c in set(contents) if is_missing(self._quarter_file(*c))])

    def fetch_everything(self) -> None:
        """Fetch every file of every release."""
        manifests = self._archive.manifests()
        self._objects.each(lambda m: self.fetch(m, [name for name, _ in _files_of(m)]), manifests)
        self.fetch_quarters((q, c.sha256) for m in manifests for q, c in m.quarters.items())

    # -- to the store ------------------------------------------------------------------------------------

    def push(self, *, again: bool = False) -> dict[str, str]:
        """Send the releases that the store does not have; the caller holds the working copy's lock.

        Args:
            again: also send what was made of the exports that the store should have, in case it is damaged there.

        Returns:
            The releases that got another id, because another machine was first: the old one and the new one, which is
            the same where that machine archived the same content.

        Raises:
            BusyError: another machine has read the same release again meanwhile.
        """
        renamed: dict[str, str] = {}
        for folder in self._archive.release_folders():
            release_id = self._named_as_in_manifest(folder).name
            final = self._push(release_id, again=again)
            if final != release_id or final in renamed.values():
                renamed[folder.name] = final
        for release_id in self._archive.accepted(self._archive.manifests()) - self._accepted:
            with contextlib.suppress(ConflictError):
                content = (self._root / release_id / ACCEPTED_FILE).read_bytes()
                self._objects.write(f"{RELEASES}/{release_id}/{ACCEPTED_FILE}", content, new=True)
            self._accepted.add(release_id)
        return renamed

    def _push(self, release_id: str, *, again: bool) -> str:
        """Send one release; returns the id that it has then."""
        while True:
            manifest = Manifest.read(self._root / release_id)
            content = (self._root / release_id / FILE_NAME).read_bytes()
            note, sha256 = self._notes[release_id], hashlib.sha256(content).hexdigest()
            if note.get("sha256") == sha256 and not again:
                return release_id
            self._push_files(manifest, again=again)
            key = f"{RELEASES}/{release_id}/{FILE_NAME}"
            try:
                if note.get("sha256") != sha256:
                    etag = self._objects.write(key, content, instead_of=note.get("etag"), new=not note)
                    self._notes[release_id] = {"etag": etag, "sha256": sha256}
                    self.listed[release_id] = etag
                return release_id
            except ConflictError:
                theirs, etag = self._objects.read(key)
                if theirs == content:
                    # Ours, of a request that was repeated, or of a process that was killed behind it.
                    self._notes[release_id] = {"etag": etag, "sha256": sha256}
                    self.listed[release_id] = etag
                    return release_id
                if note:
                    raise BusyError(
                        f"another machine has reread release {release_id} of {self._objects.url}: wait for it to end, "
                        "then run again"
                    ) from None
                release_id = self._give_way(manifest, theirs, etag)

    def _push_files(self, manifest: Manifest, *, again: bool) -> None:
        """Send what a manifest names; the quarters that a release in the store names are there."""
        there: set[tuple[str, str]] = set()
        if not again:
            for known in self._notes.names() & self.listed.keys() - {manifest.release_id}:
                with contextlib.suppress(ArchiveError):
                    there |= {(q, c.sha256) for q, c in Manifest.read(self._root / known).quarters.items()}
        contents = {(q, c.sha256) for q, c in manifest.quarters.items()} - there

        def send(item: tuple[str, Path]) -> None:
            if item[1].is_file():
                self._objects.write(*item)

        self._objects.each(send, [(_quarter_key(*c), self._quarter_file(*c)) for c in sorted(contents)])
        folder = self._root / manifest.release_id
        self._objects.each(send, [(key, folder / name) for name, key in _files_of(manifest)])

    # -- two releases of one id --------------------------------------------------------------------------

    def _give_way(self, ours: Manifest, theirs: bytes, etag: str) -> str:
        """Take another machine's release of the same id; ours is that one, or gets the next free id.

        Nothing is lost. Ingesting again would give the same, for a second download; and a file that was given by hand
        may be gone.
        """
        folder, day = self._root / ours.release_id, ours.day.isoformat()
        self.look()
        others = [r for r in self.listed if r.startswith(day) and r != ours.release_id]
        self._objects.each(self._pull, [r for r in others if not self._notes[r]])
        of_day = [Manifest.read(self._root / r) for r in others if self._notes[r]]
        again = next((m for m in (Manifest.parse(theirs, folder), *of_day) if is_again(ours, m)), None)
        if again:
            log.warning("release %s was archived by another machine at the same time: using that one", again.release_id)
            shutil.rmtree(folder)
            self._take(ours.release_id, theirs, etag)
            return again.release_id
        renamed = with_free_id(
            dataclasses.replace(ours, release_id=day),
            {*self.listed, *(found.name for found in self._archive.release_folders())},
        )
        log.warning(
            "release %s was archived by another machine at the same time, with different content: this one becomes %s",
            ours.release_id,
            renamed.release_id,
        )
        # First the manifest: a process that is killed in between leaves a folder that `push` gives its name.
        write_atomically(folder / FILE_NAME, renamed.to_json())
        self._named_as_in_manifest(folder)
        self._take(ours.release_id, theirs, etag)
        return renamed.release_id

    def _named_as_in_manifest(self, folder: Path) -> Path:
        named = self._root / Manifest.read(folder).release_id
        return folder if named == folder else folder.rename(named)

    def _quarter_file(self, quarter: str, sha256: str) -> Path:
        return self._archive.data_dir.quarters / quarter / f"{sha256}.parquet"


def _quarter_key(quarter: str, sha256: str) -> str:
    return f"{QUARTERS}/{quarter}/{sha256}.parquet"


def _files_of(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The files of a release beside its manifest: the name in the working copy, and the key in the store."""
    hashes = ((manifest.export, manifest.sha256), (LINES_FILE, manifest.lines_sha256))
    for name, sha256 in (*hashes, (UNREADABLE_FILE, manifest.unreadable_sha256)):
        if name and sha256:
            yield name, f"{RELEASES}/{manifest.release_id}/{sha256[:32]}.{name}"


def fetch_file(objects: Objects, key: str, final: Path) -> str | None:
    """Fetch an object to its place in the working copy, in one step.

    Returns:
        The SHA-256 that it was sent with, or None where the store does not have it.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    draft = final.with_name(f".{final.name}.{os.getpid()}")
    try:
        digest = objects.fetch(key, draft)
        draft.replace(final)
    except MissingError:
        return None
    finally:
        draft.unlink(missing_ok=True)
    return digest
