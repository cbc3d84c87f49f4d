"""The tables' immutable files, between an object store and its working copy: the same names on both sides."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable
from pathlib import Path

from mcf_pipeline.files import sha256_of
from mcf_pipeline.remote.objects import Found, Objects
from mcf_pipeline.remote.releases import fetch_file
from mcf_pipeline.tables.files import KEPT_SECONDS, TableFiles

TABLES = "tables"


class Tables:
    """The files of the tables in one store.

    Args:
        objects: the store.
        files: the working copy's.
    """

    def __init__(self, objects: Objects, files: TableFiles) -> None:
        self._objects = objects
        self._files = files
        self._listed: dict[str, Found] = {}

    def look(self) -> None:
        """List what the store has."""
        self._listed = {found.key: found for found in self._objects.listed(f"{TABLES}/")}

    def ignore(self) -> None:
        """Take nothing that the store has: all of it is made again, and replaces it."""
        self._listed = {}

    def pull(self, wanted: Iterable[Path]) -> None:
        """Fetch files that the working copy lacks; one that the store does not have either is made by a step."""
        missing = [path for path in wanted if self._key(path) in self._listed and not self._is_there(path)]

        def fetch(path: Path) -> None:
            if fetch_file(self._objects, self._key(path), path) != (path.exists() and sha256_of(path)):
                # Gone, or damaged: made again.
                path.unlink(missing_ok=True)
                self._listed.pop(self._key(path), None)

        self._objects.each(fetch, missing)

    def verdicts(self) -> list[Path]:
        """The files that say which contents were refused; what a snapshot is read from."""
        return [self._path(key) for key in self._listed if key.endswith(".json")]

    def push(self, used: Iterable[Path], removed: set[Path]) -> None:
        """Send files that the store lacks, and remove from it what a check found wrong here."""
        wrong = [key for path in removed if (key := self._key(path)) in self._listed and not path.exists()]
        self._objects.delete(wrong)
        for key in wrong:
            del self._listed[key]
        removed.clear()

        def send(path: Path) -> Found:
            self._objects.write(self._key(path), path)
            return Found(self._key(path), "", path.stat().st_size, _now())

        made = [path for path in used if self._key(path) not in self._listed and self._is_there(path)]
        self._listed |= {found.key: found for found in self._objects.each(send, made)}

    def remove_unused(self, used: Collection[Path]) -> None:
        """Remove what no state needs any more; what is young may be another machine's and stays."""
        kept = {self._key(path) for path in used}
        old = [
            key
            for key, found in self._listed.items()
            if key not in kept and (_now() - found.modified).total_seconds() > KEPT_SECONDS
        ]
        self._objects.delete(old)
        for key in old:
            del self._listed[key]

    def _is_there(self, path: Path) -> bool:
        return path.exists() if path.suffix == ".json" else self._files.is_there(path)

    def _key(self, path: Path) -> str:
        return f"{TABLES}/{path.relative_to(self._files.root).as_posix()}"

    def _path(self, key: str) -> Path:
        return self._files.root / key.removeprefix(f"{TABLES}/")


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
