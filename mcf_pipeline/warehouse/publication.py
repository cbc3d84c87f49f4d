"""Publication: the file that users query, built next to the old one, checked, and renamed over it.

A reader who has the old file open keeps it; the next one to open the path gets the new file. A process killed at
any instant leaves one or the other.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from mcf_pipeline.archive.store import Archive
from mcf_pipeline.duck import literal, one
from mcf_pipeline.errors import PipelineError
from mcf_pipeline.files import draft_of, explain_disk_errors, put_in_place, remove_left_over
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.documentation import DOCUMENTATION
from mcf_pipeline.tables.build import ensure_quarters
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.warehouse import assembly
from mcf_pipeline.warehouse.assembly import BLOCK_SIZE, PUBLISHED, STORAGE_VERSION

log = logging.getLogger(__name__)

MAX_HOLES = 0.4
"""Share of unused blocks above which a file is assembled from scratch; later quarters fill what replaced ones free."""
LITTLE = 4 * 1024 * 1024
"""Bytes of unused blocks that do not matter: of a file of a few lines, the tables' descriptions are the most."""


def publish(
    con: duckdb.DuckDBPyConnection, archive: Archive, snapshot: Snapshot, *, from_scratch: bool = False
) -> dict[str, int]:
    """Write and check a new ``mcf.duckdb``, and put it in place of the old one.

    Args:
        con: an in-memory database.
        archive: the releases.
        snapshot: what to publish; files that are missing are made first.
        from_scratch: do not start from the previous file.

    Returns:
        Rows of each published table.

    Raises:
        ContractError: a quarter that was not read before has too many rejected lines.
        PipelineError: the new file does not hold together; the old one stays.
    """
    made = ensure_quarters(con, archive, snapshot, snapshot.timeline.quarters)
    if made:
        log.info("built the missing files of %d quarters", made)
    final = archive.data_dir.published_database
    final.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(final)
    # Whoever publishes holds the data directory: a young draft of a process that is gone is nobody's.
    remove_left_over(final, older_than=0)
    with explain_disk_errors(), _no_draft_left(draft):
        rows = None if from_scratch else _from_previous(con, archive, snapshot, final, draft)
        if rows is None:
            remove_database(draft)
            rows = _assemble(con, archive, snapshot, draft, is_new=True)
        wal = final.with_name(f"{final.name}.wal")
        if wal.exists():
            # Someone wrote to the published file. DuckDB would replay that on the new one, so it goes first.
            wal.unlink(missing_ok=True)
            log.warning("%s was removed: changes that another program made to the published file are discarded", wal)
        put_in_place(draft, final)
    snapshot.files.remove_unused(snapshot.used_files())
    return rows


def _from_previous(
    con: duckdb.DuckDBPyConnection, archive: Archive, snapshot: Snapshot, final: Path, draft: Path
) -> dict[str, int] | None:
    """Start from a copy of the previous file; None where that cannot be done or leaves too many holes."""
    if not final.is_file():
        return None
    try:
        shutil.copyfile(final, draft)
        return _assemble(con, archive, snapshot, draft, is_new=False)
    except (duckdb.Error, _StartFromScratchError) as error:
        log.info("the warehouse is assembled from scratch: %s", str(error).splitlines()[0])
        return None


class _StartFromScratchError(Exception):
    """The previous file is no good to start from."""


def _assemble(
    con: duckdb.DuckDBPyConnection, archive: Archive, snapshot: Snapshot, draft: Path, *, is_new: bool
) -> dict[str, int]:
    before = one(con, "SELECT current_catalog()")[0]
    options = f" (STORAGE_VERSION '{STORAGE_VERSION}', BLOCK_SIZE {BLOCK_SIZE})" if is_new else ""
    con.execute(f"ATTACH {literal(draft)} AS publie{options}")
    try:
        # Views and macros are written as users would write them, without a catalog, so they work in any copy.
        con.execute("USE publie")
        if not is_new and not assembly.has_structure(con, "publie"):
            raise _StartFromScratchError("its structure has changed")
        con.execute("BEGIN TRANSACTION")
        if is_new:
            assembly.create(con)
        inserted = assembly.fill(con, archive, snapshot)
        rows = assembly.document(con, snapshot.state)
        check(con, inserted)
        con.execute("COMMIT")
        con.execute("CHECKPOINT publie")
        if not is_new:
            share, unused = assembly.holes(con)
            if share > MAX_HOLES and unused > LITTLE:
                raise _StartFromScratchError("too much of the file is unused")
    except BaseException:
        # An open transaction would hide the cause behind its own error.
        with contextlib.suppress(duckdb.Error):
            con.execute("ROLLBACK")
        raise
    finally:
        con.execute(f"USE {before}")
        con.execute("DETACH publie")
    return rows


@contextmanager
def _no_draft_left(draft: Path) -> Iterator[None]:
    """Leave no draft behind, neither where it fails nor one of an earlier publication of this process."""
    try:
        remove_database(draft)
        yield
    finally:
        remove_database(draft)


def remove_database(path: Path) -> None:
    """Remove a DuckDB file and its write-ahead log."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)


def check(con: duckdb.DuckDBPyConnection, inserted: Mapping[type[Table], Sequence[Quarter]]) -> None:
    """Check that keys are unique and that every foreign key meets its dimension.

    Args:
        con: its current catalog is the file.
        inserted: the quarters of each quarterly table whose keys are looked at; the others were when they came in.

    Raises:
        PipelineError: with the first table and key that do not hold.
    """
    for model in (*PUBLISHED, *DOCUMENTATION):
        spec = describe(model)
        key = ", ".join(spec.key)
        where = ""
        if model in inserted:
            where = f"WHERE trimestre_id IN ({', '.join(literal(q.id) for q in inserted[model]) or 'NULL'})"
        # Hashes first: grouping by seven texts costs four times as much, and finds nothing nearly always.
        rows, different = one(con, f"SELECT count(*), count(DISTINCT hash({key})) FROM {spec.name} {where}")
        if rows != different:
            twice = con.execute(
                f"SELECT {key} FROM {spec.name} {where} GROUP BY ALL HAVING count(*) > 1 LIMIT 1"
            ).fetchall()
            if twice:
                raise PipelineError(
                    f"{spec.name} has two rows of the key {twice[0]}: the old warehouse stays in place; "
                    "`mcf-pipeline rebuild` starts from the archive, and if that does not help it is a bug to report"
                )
        for column in spec.columns:
            if column.references:
                _check_reference(con, spec.name, column.name, column.references)


def _check_reference(con: duckdb.DuckDBPyConnection, table: str, column: str, dimension: str) -> None:
    target = "release_id" if dimension == "dim_release" else column
    orphan = con.execute(
        f"SELECT fait.cle FROM (SELECT DISTINCT {column} AS cle FROM {table} WHERE {column} IS NOT NULL) AS fait "
        f"ANTI JOIN {dimension} ON fait.cle = {dimension}.{target} LIMIT 1"
    ).fetchall()
    if orphan:
        raise PipelineError(
            f"{table}.{column} holds {orphan[0][0]!r}, which {dimension} does not have: the old warehouse stays in "
            "place; `mcf-pipeline rebuild` starts from the archive"
        )
