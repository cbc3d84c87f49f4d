"""``restore``: a backup into an empty data directory, which may be an object store."""

from __future__ import annotations

from pathlib import Path

from mcf_pipeline.archive import restore as restoring
from mcf_pipeline.archive.backup_folder import SOURCE_MAP, BackupFolder
from mcf_pipeline.commands.console import out, progress_bar, size
from mcf_pipeline.commands.run import LOCK_TIMEOUT, as_typed
from mcf_pipeline.files import explain_disk_errors
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace


def restore(settings: Settings, path: Path, *, number: int | None) -> None:
    """Restore, and say what to type next.

    Raises:
        UsageError: the data directory is not empty, or the folder holds no such backup.
        ArchiveError: the backup is damaged; nothing is restored.
        BusyError: another run holds the data directory.
        StoreError: the object store cannot be reached, or refuses; what it has not yet is sent by the next run.
    """
    space = Workspace(settings)
    folder = BackupFolder(path.expanduser().absolute())
    folder.check_usable(new=False)
    catalogue = folder.read(number)
    # Before the lock, which is a file in the directory.
    restoring.check_empty(space.data_dir, catalogue.files.get(SOURCE_MAP))
    if space.remote:
        space.remote.check_empty()
    with space.lock(timeout=LOCK_TIMEOUT), explain_disk_errors(), progress_bar():
        restored = restoring.restore(folder, catalogue, space.data_dir)
        if space.remote:
            space.remote.send_releases()
    releases = "1 release" if len(catalogue.releases) == 1 else f"{len(catalogue.releases)} releases"
    out.print(
        f"Restored backup {catalogue.number} of {catalogue.made_at}: {releases}, {size(restored)}, every file "
        "matches the backup.",
        markup=False,
    )
    if SOURCE_MAP in catalogue.files and settings.store:
        out.print(
            f"First: keep {space.data_dir.root / SOURCE_MAP} where every machine can read it, and set MCF_SOURCE_MAP",
            markup=False,
        )
    elif SOURCE_MAP in catalogue.files:
        out.print(f"First: export MCF_SOURCE_MAP={space.data_dir.root / SOURCE_MAP}", markup=False)
    out.print(f"Next: {as_typed(space, 'rebuild')}, then {as_typed(space, 'verify')}", markup=False)
