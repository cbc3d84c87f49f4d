"""What users open, in an object store: the published file, the package and the page.

Each version has a name of its own and never changes; ``<product>/current.json`` says which one is current, and is
replaced last, only where it still is what was read before. A version stays for a day after it was replaced: somebody
may be reading it.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mcf_pipeline.errors import ArchiveError
from mcf_pipeline.files import put_in_place, sha256_of
from mcf_pipeline.package.state import is_current as is_package_current
from mcf_pipeline.package.state import package_state
from mcf_pipeline.remote.notes import Notes
from mcf_pipeline.remote.objects import ConflictError, MissingError, Objects
from mcf_pipeline.settings import DataDir
from mcf_pipeline.site.state import is_current as is_page_current
from mcf_pipeline.site.state import page_state
from mcf_pipeline.warehouse.state import published_state

log = logging.getLogger(__name__)

POINTER = "current.json"
KEPT = dt.timedelta(days=1)
"""How long a version stays that is not current any more."""


@dataclass(frozen=True, slots=True)
class Product:
    """One thing that users open.

    Attributes:
        name: of its folder in the store.
        place: in the working copy; a file or a folder.
        mark: what a product says that is made from a state of the data directory.
        is_current: whether the one in place is made from a state.
    """

    name: str
    place: Callable[[DataDir], Path]
    mark: Callable[[str], str]
    is_current: Callable[[DataDir, str], bool]


WAREHOUSE = Product("warehouse", lambda d: d.published_database, str, lambda d, state: published_state(d) == state)
PACKAGE = Product("package", lambda d: d.package, package_state, is_package_current)
SITE = Product("site", lambda d: d.dashboard, page_state, is_page_current)
PRODUCTS = (WAREHOUSE, PACKAGE, SITE)


class Published:
    """One product, in the store and in the working copy.

    Args:
        objects: the store.
        data_dir: the working copy.
        product: which one.
    """

    def __init__(self, objects: Objects, data_dir: DataDir, product: Product) -> None:
        self._objects = objects
        self._data_dir = data_dir
        self._product = product
        self._place = product.place(data_dir)
        self._notes = Notes(data_dir.in_store / "products")
        self._key = f"{product.name}/{POINTER}"
        self.pointer: dict[str, Any] = {}
        """What the store says is current, as of the last look."""
        self._etag: str | None = None

    def look(self) -> None:
        """Read which version is current."""
        try:
            content, self._etag = self._objects.read(self._key)
            found = json.loads(content)
            self.pointer = {"path": str(found["path"]), **found}
        except MissingError:
            self.pointer, self._etag = {}, None
        except (ValueError, KeyError, TypeError) as error:
            raise ArchiveError(
                f"{self._objects.url}/{self._key} is damaged ({error}): remove it, and `mcf-pipeline run` publishes "
                "again"
            ) from error

    def is_of(self, state: str) -> bool:
        """Whether the version that is current in the store is made from a state."""
        return bool(self.pointer.get("mark") == self._product.mark(state))

    def is_made_of(self, state: str) -> bool:
        """Whether the one in the working copy is made from a state."""
        return self._product.is_current(self._data_dir, state)

    @property
    def is_here(self) -> bool:
        """Whether the working copy has one."""
        return self._place.exists()

    @property
    def is_pending(self) -> bool:
        """Whether the working copy has one that is neither from the store nor in it."""
        return self.is_here and self._notes[self._product.name].get("here") != _signature(self._place)

    @property
    def is_stale(self) -> bool:
        """Whether the store has another one; one that is still to be sent stays until then."""
        return bool(self.pointer) and not (
            self.is_here and self._notes[self._product.name].get("path") == self.pointer.get("path")
        )

    def pull(self) -> None:
        """Fetch the current version, a file, into the working copy, where that has another one."""
        while self.is_stale:
            draft = self._place.with_name(f".{self._place.name}.{os.getpid()}.store")
            draft.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._objects.fetch(str(self.pointer["path"]), draft)
                if sha256_of(draft) != self.pointer.get("sha256"):
                    raise ArchiveError(
                        f"{self._objects.url}/{self.pointer['path']} is damaged: `mcf-pipeline rebuild` publishes it "
                        "again"
                    )
                # What somebody wrote to the file before it would be replayed on this one.
                self._place.with_name(f"{self._place.name}.wal").unlink(missing_ok=True)
                put_in_place(draft, self._place)
                self._note()
            except MissingError:
                before = self.pointer["path"]
                self.look()  # replaced, and removed, since it was read
                if self.pointer.get("path") == before:
                    raise ArchiveError(
                        f"{self._objects.url}/{before} is missing: `mcf-pipeline rebuild` publishes it again"
                    ) from None
            finally:
                draft.unlink(missing_ok=True)

    def push(self, state_now: Callable[[], str], release_id: Callable[[], str | None]) -> bool:
        """Send the working copy's, and make it the current one; returns whether the current one is as it should be.

        Args:
            state_now: looks at the store's releases again, and gives the state that they call for.
            release_id: of the newest release then.
        """
        version: dict[str, Any] | None = None
        while True:
            before = self.pointer.get("path")
            self.look()
            state = state_now()
            if before != self.pointer.get("path") and self.is_of(state):
                log.info("another machine has published the same %s: using that one", self._product.name)
                self._take_theirs()
                return True
            if not self.is_made_of(state):
                # The store has got another release meanwhile: an older state never replaces a newer one.
                log.info("the %s is older than the one in the store: not published", self._product.name)
                return False
            version = version or self._send(state)
            try:
                self._etag = self._objects.write(
                    self._key,
                    json.dumps(pointer := self._pointer(version, release_id()), indent=2).encode(),
                    instead_of=self._etag,
                    new=self._etag is None,
                )
            except ConflictError:
                continue
            self.pointer = pointer
            self._note()
            self._remove_old()
            return True

    def _take_theirs(self) -> None:
        if self._place.is_file():
            self.pull()
        else:
            self._note()  # the same tables: nobody reads the package of a working copy

    def _send(self, state: str) -> dict[str, Any]:
        """Write the files of a version under names of their own; returns what the pointer says of it."""
        mark = self._product.mark(state)
        if self._place.is_file():
            sha256 = sha256_of(self._place)
            path = f"{self._product.name}/{mark[:16]}-{sha256[:16]}{self._place.suffix}"
            self._objects.write(path, self._place)
            return {"mark": mark, "path": path, "sha256": sha256, "bytes": self._place.stat().st_size}
        folder = self._place.resolve()
        path = f"{self._product.name}/{mark[:16]}-{folder.name[:16]}"
        files = [file for file in folder.rglob("*") if file.is_file()]
        self._objects.each(
            lambda file: self._objects.write(f"{path}/{file.relative_to(folder).as_posix()}", file), files
        )
        return {"mark": mark, "path": path, "bytes": sum(file.stat().st_size for file in files)}

    def _pointer(self, version: Mapping[str, Any], release_id: str | None) -> dict[str, Any]:
        now = dt.datetime.now(dt.UTC)
        before = [entry for entry in self.pointer.get("before", ()) if _is_kept(entry, now)]
        if self.pointer and self.pointer["path"] != version["path"]:
            before.append({"path": self.pointer["path"], "until": now.isoformat(timespec="seconds")})
        return {
            **version,
            "release_id": release_id,
            "published_at": now.isoformat(timespec="seconds"),
            "before": before,
        }

    def _remove_old(self) -> None:
        """Remove versions that are not current since a day, and what a killed publication left."""
        kept = {str(self.pointer["path"]), *(str(entry["path"]) for entry in self.pointer["before"])}
        now = dt.datetime.now(dt.UTC)
        self._objects.delete(
            found.key
            for found in self._objects.listed(f"{self._product.name}/")
            if found.key != self._key and now - found.modified > KEPT and "/".join(found.key.split("/")[:2]) not in kept
        )

    def _note(self) -> None:
        self._notes[self._product.name] = {"path": self.pointer["path"], "here": _signature(self._place)}


def _is_kept(entry: Mapping[str, Any], now: dt.datetime) -> bool:
    return now - dt.datetime.fromisoformat(entry["until"]) < KEPT


def _signature(place: Path) -> list[Any]:
    """Changes whenever the product in place is replaced."""
    real = place.resolve()
    found = real.stat()
    return [real.name, found.st_size, found.st_mtime_ns]
