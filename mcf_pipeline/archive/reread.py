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

from mcf_pipeline.archive.manifest import FILE_NAME, Manifest, QuarterContent
from mcf_pipeline.archive.split import QuarterDrafts
from mcf_pipeline.archive.store import Archive, store_content
from mcf_pipeline.archive.understanding import database, understand
from mcf_pipeline.errors import ArchiveError
from mcf_pipeline.files import explain_disk_errors, put_in_place, sha256_of, write_atomically
from mcf_pipeline.sources.base import Received


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
        received = _received_again(manifest, folder, work)
        drafts = QuarterDrafts(work / "quarters", archive.data_dir.quarters)
        again = work / "release"
        again.mkdir()
        with database(work, received) as con:
            understood = understand(con, received, archive.limits, archive.source_map, drafts.write)
            # What is missing or damaged of it is written again, too.
            drafts.put_in_place()
            if understood.content.quarters == manifest.quarters and not archive.damaged(manifest):
                return manifest
            found = dataclasses.replace(manifest, **store_content(con, understood, again))
        for path in again.iterdir():
            put_in_place(path, folder / path.name)
        write_atomically(_manifest_file(archive, manifest), found.to_json())
    return found


def _received_again(manifest: Manifest, folder: Path, work: Path) -> Received:
    """An archived export as it was received, with what its source said of its columns."""
    kept = folder / str(manifest.export)
    export = unpack(kept, work / f"export.{manifest.format}")
    if sha256_of(export) != manifest.sha256:
        raise ArchiveError(f"{kept} is not what was archived: restore it from a copy")
    return Received(export, manifest.format, str(kept), manifest.retrieved_at, fields=manifest.fields)


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
