"""The immutable files of the quarterly tables: one per table, quarter and mark.

``tables/<table>/<2024-T3>/<mark>.parquet``, where the mark is a fingerprint of what the file is made from. A file that
is there is finished and never changes, so two runs can at worst make the same file twice.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.duck import literal
from mcf_pipeline.files import draft_of, is_left_over
from mcf_pipeline.quarter import Quarter

if TYPE_CHECKING:
    import pyarrow as pa

    from mcf_pipeline.schemas.base import Table

MARK_LENGTH = 32
"""Hexadecimal digits of a mark: 128 bits of a SHA-256."""
KEPT_SECONDS = 24 * 3600.0
"""How long files that nothing needs any more are kept: a run on another machine may still be at work with them."""
_MAGIC = b"PAR1"
_ENDING = 8
"""Bytes after a Parquet file's footer: its length, and the magic number that the file also begins with."""


class TableFiles:
    """The files below one folder.

    Args:
        root: `DataDir.tables`.

    Attributes:
        removed: files that were found wrong, and removed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.removed: set[Path] = set()

    def path(self, table: str, quarter: Quarter | str, mark: str) -> Path:
        """Where a quarter of a table is, or will be."""
        return self.root / table / str(quarter) / f"{mark}.parquet"

    @staticmethod
    def is_there(path: Path) -> bool:
        """Whether a file is there and whole: it ends in a Parquet footer of the length that it says."""
        try:
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(-_ENDING, os.SEEK_END)
                ending = file.read()
        except OSError:
            return False
        return ending[4:] == _MAGIC and int.from_bytes(ending[:4], "little") + _ENDING + len(_MAGIC) <= size

    @contextmanager
    def writing(self, path: Path) -> Iterator[Path]:
        """A path to write a file to; it gets its final name at the end, unless an error comes first."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # More than the process's id, which another machine's or container's process may have too.
        draft = draft_of(path.with_name(f"{path.name}.{secrets.token_hex(4)}"))
        try:
            yield draft
            # Not synced, which would cost more than the work: a file that a power cut tore has no footer (`is_there`).
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def write(self, path: Path, table: pa.Table, metadata: Mapping[str, str] | None = None) -> None:
        """Write an Arrow table.

        Args:
            path: from `path`.
            table: the rows.
            metadata: what is kept beside them in the file.
        """
        import pyarrow.parquet as pq

        schema = table.schema.remove_metadata().with_metadata(dict(metadata or {}))
        with self.writing(path) as draft:
            pq.write_table(table.cast(schema), draft, compression="zstd")

    def remove(self, path: Path) -> None:
        """Remove a file that turned out to be wrong, wherever else there is a copy of it."""
        path.unlink(missing_ok=True)
        self.removed.add(path)

    def remove_unused(self, used: Collection[Path], *, older_than: float = KEPT_SECONDS) -> int:
        """Remove the files of superseded states and rules, and at once the drafts of killed runs; returns how many.

        Args:
            used: the files that are needed.
            older_than: seconds; what was written since may be another run's and stays.
        """
        keep = set(used)
        before = time.time() - older_than
        removed = 0
        for path in self.root.glob("*/*/*"):
            with contextlib.suppress(FileNotFoundError):  # another process looks at the same time
                if path not in keep and (path.stat().st_mtime < before or is_left_over(path)):
                    path.unlink()
                    removed += 1
        return removed


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a table, to show.

    Attributes:
        rows: how many the whole table has.
        columns: their names.
        first: the first rows; None where there is no value.
    """

    rows: int
    columns: tuple[str, ...]
    first: list[tuple[object, ...]]


def head(path: Path, rows: int = 5) -> Head:
    """The beginning of a Parquet file; no frame is made of it, which would cost more than reading it."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        batch = next(file.iter_batches(batch_size=rows), None)
        columns = [] if batch is None else [column.to_pylist() for column in batch.columns]
        return Head(file.metadata.num_rows, tuple(file.schema_arrow.names), list(zip(*columns, strict=True)))


def read_files(paths: Iterable[Path], model: type[Table]) -> str:
    """SQL: the rows of some files of one table; no row and the model's columns where there is no file."""
    from mcf_pipeline.schemas.base import describe

    listed = ", ".join(literal(path) for path in paths)
    if listed:
        return f"read_parquet([{listed}])"
    columns = ", ".join(f"NULL::{c.duckdb_type} AS {c.name}" for c in describe(model).columns)
    return f"(SELECT {columns} WHERE false)"
