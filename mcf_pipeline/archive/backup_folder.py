"""A folder of backups: each file once, under its SHA-256, and one numbered catalogue per backup that names them.

``objects/<2 digits>/<sha256>``, ``catalogues/<number>.json``. A catalogue comes last, by one rename, so what it names
is there; an object is never changed and a catalogue never replaced, so no backup can spoil an earlier one.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mcf_pipeline.errors import ArchiveError, UsageError
from mcf_pipeline.files import put_in_place, sha256_of, sync, write_atomically

MARKER = "mcf-pipeline-backup.json"
SOURCE_MAP = "source-map.toml"
"""What the user's source map is called in a catalogue, and where it is restored to."""
_FORMAT = 1
_PLACE = re.compile(rf"raw/(releases|quarters)/[^/.][^/]*/[^/.][^/]*|{re.escape(SOURCE_MAP)}")
"""The files that a catalogue may name: no other path is ever written to."""
_SHA256 = re.compile("[0-9a-f]{64}")
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a backup.

    Attributes:
        sha256: of its bytes; where it lies.
        bytes: its size.
    """

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What one backup holds.

    Attributes:
        number: counts the backups of a folder.
        made_at: when (ISO, UTC).
        is_synthetic: whether the data is made up.
        releases: ids of the releases.
        files: each file, by its path in the data directory.
    """

    number: int
    made_at: str
    is_synthetic: bool
    releases: tuple[str, ...]
    files: Mapping[str, Entry]

    def to_json(self) -> bytes:
        """As it is stored, with a checksum of everything else in it."""
        content: dict[str, Any] = asdict(self) | {"backup_format": _FORMAT}
        content["checksum"] = _checksum(content)
        return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


class ChangedError(Exception):
    """A file is not what it was a moment ago, or not what it should be."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is not what was archived")


class BackupFolder:
    """The backups in one folder.

    Args:
        root: the folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = root / "backup.lock"
        self._drafts = root / "drafts"
        self._catalogues = root / "catalogues"

    def check_usable(self, *, new: bool) -> None:
        """Refuse a folder that is none of ours.

        Args:
            new: whether one that is missing or empty will do.

        Raises:
            UsageError: it is something else.
            ArchiveError: it was made by a newer version, or its marker is damaged.
        """
        marker = self.root / MARKER
        try:
            found = json.loads(marker.read_bytes())["backup_format"]
        except (FileNotFoundError, NotADirectoryError) as error:
            is_empty = not self.root.exists() or (self.root.is_dir() and not any(self.root.iterdir()))
            if new and is_empty:
                return
            raise UsageError(
                f"{self.root} is not a backup made by mcf-pipeline: name a folder that `mcf-pipeline backup` made"
                + (", or an empty one" if new else "")
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveError(f'{marker} is damaged ({error}): write {{"backup_format": 1}} into it') from error
        if found != _FORMAT:
            raise ArchiveError(f"{self.root} was made by a newer version of mcf-pipeline: upgrade; nothing was changed")

    def prepare(self) -> None:
        """Make the folder, and remove what a killed backup was writing; the caller holds its lock."""
        if not (self.root / MARKER).exists():
            write_atomically(self.root / MARKER, json.dumps({"backup_format": _FORMAT}).encode())
        shutil.rmtree(self._drafts, ignore_errors=True)
        self._drafts.mkdir()

    def object(self, entry: Entry) -> Path:
        """Where a file's bytes are."""
        return self.root / "objects" / entry.sha256[:2] / entry.sha256

    def has(self, entry: Entry) -> bool:
        """Whether a file's bytes are there in their full length; `damaged` reads them."""
        path = self.object(entry)
        return path.is_file() and path.stat().st_size == entry.bytes

    def store(self, path: Path, entry: Entry) -> None:
        """Copy a file's bytes.

        Raises:
            ChangedError: they are not those of `entry`.
        """
        with tempfile.NamedTemporaryFile(dir=self._drafts, delete=False) as draft:
            copy_checked(path, Path(draft.name), entry)
        self._put_in_place(Path(draft.name), self.object(entry))

    def store_bytes(self, content: bytes) -> Entry:
        """Keep a small file whose bytes were read; returns its entry."""
        entry = Entry(hashlib.sha256(content).hexdigest(), len(content))
        if not self.has(entry):
            self._write(self.object(entry), content)
        return entry

    def _write(self, final: Path, content: bytes) -> None:
        with tempfile.NamedTemporaryFile(dir=self._drafts, delete=False) as draft:
            draft.write(content)
        self._put_in_place(Path(draft.name), final)

    @staticmethod
    def _put_in_place(draft: Path, final: Path) -> None:
        if not final.parent.is_dir():
            final.parent.mkdir(parents=True, exist_ok=True)
            sync(final.parent.parent)
        put_in_place(draft, final)

    # -- catalogues --------------------------------------------------------------------------------------

    def numbers(self) -> list[int]:
        """The numbers of the backups, oldest first."""
        return sorted(int(path.stem) for path in self._catalogues.glob("[0-9]*.json") if path.stem.isdigit())

    def write(self, catalogue: Catalogue) -> None:
        """Store a catalogue, after everything that it names."""
        self._write(self._path(catalogue.number), catalogue.to_json())

    def read(self, number: int | None = None) -> Catalogue:
        """A backup's catalogue, by default the newest one's.

        Raises:
            UsageError: there is no such backup.
            ArchiveError: its catalogue is damaged.
        """
        numbers = self.numbers()
        if not numbers:
            raise UsageError(f"{self.root} holds no complete backup: `mcf-pipeline backup {self.root}` makes one")
        if number is not None and number not in numbers:
            raise UsageError(f"{self.root} holds no backup {number}: it holds {', '.join(map(str, numbers))}")
        path = self._path(numbers[-1] if number is None else number)
        try:
            content = json.loads(path.read_bytes())
            checksum = content.pop("checksum")
            if checksum != _checksum(content):
                raise ValueError("its checksum does not match")
            content.pop("backup_format")
            files = {place: Entry(**entry) for place, entry in content["files"].items()}
            odd = [p for p, e in files.items() if not (_PLACE.fullmatch(p) and _SHA256.fullmatch(e.sha256))]
            if odd:
                raise ValueError(f"it names {odd[0]!r}, which is not a file of an archive")
            return Catalogue(**content | {"files": files, "releases": tuple(content["releases"])})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArchiveError(
                f"{path} is damaged ({error}): another backup of this folder can be restored with "
                f"`mcf-pipeline restore {self.root} --number N`"
            ) from error

    def damaged(self, entry: Entry) -> bool:
        """Whether a file's bytes are missing or not what was backed up; reads them."""
        return not self.has(entry) or sha256_of(self.object(entry)) != entry.sha256

    def _path(self, number: int) -> Path:
        return self._catalogues / f"{number:06}.json"


def copy_checked(source: Path, target: Path, entry: Entry) -> None:
    """Copy a file, hashing what is written.

    Raises:
        ChangedError: it is not what `entry` says.
    """
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("wb") as copy:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            copy.write(chunk)
    if digest.hexdigest() != entry.sha256:
        target.unlink()
        raise ChangedError(source)


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
