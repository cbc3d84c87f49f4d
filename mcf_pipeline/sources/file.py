"""A CSV or Parquet file by path as a source: copied, never moved or changed.

What does not belong here: anything that reads its lines.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mcf_pipeline.contract.source import Format
from mcf_pipeline.errors import ContractError, UsageError
from mcf_pipeline.settings import Limits
from mcf_pipeline.sources.base import Peek, Progress, Received
from mcf_pipeline.sources.body import Gauge, pieces

_CHUNK = 1024 * 1024
_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"


class FileSource:
    """Gives the export at a path; see `sources.base.Source`.

    Args:
        path: of a CSV, of a Parquet file, or of one of them compressed by gzip; recognised by their bytes.
        limits: what it may at most hold.
    """

    def __init__(self, path: str | Path, limits: Limits | None = None) -> None:
        self.path = Path(path).expanduser().absolute()
        self.limits = limits or Limits()

    def __repr__(self) -> str:
        return f"FileSource({str(self.path)!r})"

    def peek(self) -> Peek:
        """The hash of the bytes that `fetch` would give.

        Raises:
            UsageError: there is no such file, or it cannot be read.
            ContractError: it is empty, or beyond a limit.
        """
        digest = hashlib.sha256()
        with self._opened() as (file, size):
            for piece in self._pieces(file, size, lambda *_: None):
                digest.update(piece)
        return Peek(sha256=digest.hexdigest())

    def earlier(self) -> tuple[()]:
        """A file is one release."""
        return ()

    def fetch(self, into: Path, progress: Progress) -> Received:
        """Copy the file into the folder `into`, decompressed if it is gzip.

        Raises:
            UsageError: there is no such file, or it cannot be read.
            ContractError: it is empty, or beyond a limit.
        """
        into.mkdir(parents=True, exist_ok=True)
        draft = into / "export.part"
        try:
            with self._opened() as (file, size):
                modified = dt.datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, dt.UTC)
                with draft.open("wb") as copy:
                    for piece in self._pieces(file, size, progress):
                        copy.write(piece)
            with draft.open("rb") as copy:
                format: Format = "parquet" if copy.read(len(_PARQUET)) == _PARQUET else "csv"
            path = draft.rename(into / f"export.{format}")
        finally:
            draft.unlink(missing_ok=True)
        return Received(
            path=path,
            format=format,
            origin=str(self.path),
            retrieved_at=dt.datetime.now(dt.UTC),
            suggested_day=modified.date(),
        )

    @contextmanager
    def _opened(self) -> Iterator[tuple[BinaryIO, int]]:
        """The file, open, and its size: what is checked is what is read, should the path be swapped."""
        try:
            # Without O_NONBLOCK, opening a named pipe waits for somebody to write into it.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            raise _unusable(self.path, getattr(error, "strerror", None) or "not a valid path") from error
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            os.close(descriptor)
            is_folder = stat.S_ISDIR(found.st_mode)
            raise _unusable(self.path, "it is a directory" if is_folder else "it is a device or a pipe, not a file")
        with os.fdopen(descriptor, "rb") as file:
            if not found.st_size:
                raise ContractError(f"{self.path} is empty (0 bytes): download the export again", rule="export_vide")
            yield file, found.st_size

    def _pieces(self, file: BinaryIO, size: int, progress: Progress) -> Iterator[bytes]:
        """The file's bytes, decompressed, every piece checked against the limits."""
        gauge = Gauge(self.limits, str(self.path))
        is_gzip = file.read(len(_GZIP)) == _GZIP
        file.seek(0)

        def raw() -> Iterator[bytes]:
            try:
                while chunk := file.read(_CHUNK):
                    yield chunk
            except OSError as error:
                raise _unusable(self.path, error.strerror or "it cannot be read") from error

        for piece in pieces(raw(), gauge, is_gzip=is_gzip):
            progress(gauge.bytes_received, size)
            yield piece
        if not gauge.bytes_decoded:
            raise ContractError(f"{self.path} unpacks to nothing: download the export again", rule="export_vide")


def _unusable(path: Path, why: str) -> UsageError:
    return UsageError(f"{path} cannot be used as a source ({why}): name a CSV or Parquet file with --source")
