"""Restoring a backup into an empty data directory, in one step: killed before it, there is no archive yet."""

from __future__ import annotations

import shutil

from mcf_pipeline.archive.backup_folder import SOURCE_MAP, BackupFolder, Catalogue, ChangedError, Entry, copy_checked
from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.errors import ArchiveError, UsageError
from mcf_pipeline.files import put_in_place, sha256_of, sync
from mcf_pipeline.progress import report
from mcf_pipeline.settings import DataDir


def check_empty(data_dir: DataDir, source_map: Entry | None) -> None:
    """Refuse a data directory that holds anything but what a killed restore left.

    Raises:
        UsageError: it holds something.
    """
    if not data_dir.root.exists():
        return
    if not data_dir.root.is_dir():
        raise UsageError(f"{data_dir.root} is not a folder: choose another with --data-dir")
    for path in sorted(data_dir.root.iterdir()):
        is_ours = path in (data_dir.lock, data_dir.restoring)
        if path.name == SOURCE_MAP and source_map and path.is_file():
            is_ours = sha256_of(path) == source_map.sha256
        if not is_ours:
            raise UsageError(
                f"{data_dir.root} is not empty (it holds {path.name}): a backup is restored into a new data directory; "
                "choose another with --data-dir"
            )


def restore(folder: BackupFolder, catalogue: Catalogue, data_dir: DataDir) -> int:
    """Put a backup's archive into an empty data directory, in one step at the end; the caller holds its lock.

    Returns:
        The bytes that were restored.

    Raises:
        UsageError: the data directory is not empty.
        ArchiveError: a file of the backup is missing or damaged; nothing is restored.
    """
    check_empty(data_dir, catalogue.files.get(SOURCE_MAP))
    shutil.rmtree(data_dir.restoring, ignore_errors=True)
    (data_dir.restoring / "raw").mkdir(parents=True)
    for done, (place, entry) in enumerate(catalogue.files.items()):
        report("restore", done, len(catalogue.files))
        target = data_dir.restoring / place
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            copy_checked(folder.object(entry), target, entry)
        except (ChangedError, FileNotFoundError) as error:
            path = folder.object(entry)
            raise ArchiveError(
                f"{path} ({place}) is {'damaged' if path.exists() else 'missing'}: nothing was restored; "
                f"`mcf-pipeline backup {folder.root} --check` lists all such files"
            ) from error
        sync(target)
        sync(target.parent)
    for release_id in catalogue.releases:
        Manifest.read(data_dir.restoring / "raw" / "releases" / release_id)
    if SOURCE_MAP in catalogue.files:
        put_in_place(data_dir.restoring / SOURCE_MAP, data_dir.root / SOURCE_MAP)
    put_in_place(data_dir.restoring / "raw", data_dir.root / "raw")
    data_dir.restoring.rmdir()
    report("restore", len(catalogue.files), len(catalogue.files))
    return sum(entry.bytes for entry in catalogue.files.values())
