"""Reading archived exports again by today's recognition: a source map that was corrected counts for the past too.

Only what was derived from an export is written again: which columns mean what, and each quarter's content, which so is
there again where it was lost. The export itself, and where it came from, never change.
"""

from __future__ import annotations

import dataclasses
import gzip
import shutil
import zlib
from pathlib import Path

import duckdb

from mcf_pipeline.archive.manifest import FILE_NAME, Manifest, QuarterContent
from mcf_pipeline.archive.split import split, store_line_numbers, store_quarters, store_unreadable
from mcf_pipeline.archive.store import LINES_FILE, UNREADABLE_FILE, Archive, columns_of
from mcf_pipeline.contract.recognition import fields_of, recognise
from mcf_pipeline.errors import ArchiveError
from mcf_pipeline.files import explain_disk_errors, sha256_of, write_atomically
from mcf_pipeline.reading.export import read_export


def reread(archive: Archive) -> list[str]:
    """Read every archived export again; returns the ids of the releases that now say something else.

    Raises:
        ArchiveError: an export is not what was archived.
        ContractError: today's rules refuse one.
    """
    changed: list[str] = []
    known: dict[str, QuarterContent] = {}
    for manifest in archive.manifests():
        if manifest.export is None:
            # It repeats the release before it, quarter by quarter, so it goes where that one goes.
            quarters = {q: known.get(f"{q} {c.sha256}", c) for q, c in manifest.quarters.items()}
            found = dataclasses.replace(manifest, quarters=quarters)
            if found != manifest:
                write_atomically(_manifest_file(archive, manifest), found.to_json())
        else:
            found = _reread(archive, manifest)
        if found != manifest:
            changed.append(manifest.release_id)
        for quarter, content in manifest.quarters.items():
            if quarter in found.quarters:
                known[f"{quarter} {content.sha256}"] = found.quarters[quarter]
    return changed


def _reread(archive: Archive, manifest: Manifest) -> Manifest:
    folder = archive.data_dir.releases / manifest.release_id
    with explain_disk_errors(), archive.work_folder() as work:
        export = unpack(folder / str(manifest.export), work / f"export.{manifest.format}")
        if sha256_of(export) != manifest.sha256:
            raise ArchiveError(f"{folder / str(manifest.export)} is not what was archived: restore it from a copy")
        with duckdb.connect(config={"temp_directory": str(work / "spill"), "memory_limit": "1GB"}) as con:
            read = read_export(con, export, manifest.format, archive.limits)  # type: ignore[arg-type]
            fields = fields_of(read.columns, ())
            recognition = recognise(fields, archive.source_map, max_columns=archive.limits.max_columns)
            content = split(con, recognition, manifest.retrieved_at.date())
            # What is missing or damaged of it is written again, too.
            store_quarters(con, content.quarters, archive.data_dir.quarters)
            if content.quarters == manifest.quarters and not archive.damaged(manifest):
                return manifest
            lines = work / LINES_FILE
            store_line_numbers(con, lines)
            unreadable = None
            if content.unreadable_rows:
                store_unreadable(con, work / UNREADABLE_FILE)
                unreadable = sha256_of(work / UNREADABLE_FILE)
                write_atomically(folder / UNREADABLE_FILE, (work / UNREADABLE_FILE).read_bytes())
            found = dataclasses.replace(
                manifest,
                columns=columns_of(fields, recognition),
                quarters=content.quarters,
                unreadable_rows=content.unreadable_rows,
                lines_sha256=sha256_of(lines),
                unreadable_sha256=unreadable,
            )
            write_atomically(folder / LINES_FILE, lines.read_bytes())
            write_atomically(_manifest_file(archive, manifest), found.to_json())
    return found


def _manifest_file(archive: Archive, manifest: Manifest) -> Path:
    return archive.data_dir.releases / manifest.release_id / FILE_NAME


def unpack(kept: Path, target: Path) -> Path:
    """Put an archived export on disk as it was received.

    Raises:
        ArchiveError: it is missing, or damaged.
    """
    try:
        if kept.suffix == ".gz":
            with gzip.open(kept) as source, target.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1024 * 1024)
        else:
            shutil.copyfile(kept, target)
    except (FileNotFoundError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ArchiveError(f"{kept} is missing or damaged ({error}): restore it from a copy") from error
    return target
