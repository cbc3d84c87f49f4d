"""``backup``: the archive into a folder of backups, and the check of such a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from mcf_pipeline.archive.backup import back_up, problems
from mcf_pipeline.archive.backup_folder import BackupFolder
from mcf_pipeline.commands.console import SHOWN, err, out, progress_bar, size
from mcf_pipeline.commands.run import LOCK_TIMEOUT
from mcf_pipeline.errors import ArchiveError, BusyError, UsageError
from mcf_pipeline.files import explain_disk_errors
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace


def backup(settings: Settings, path: Path, *, check: bool) -> None:
    """Back up, or check, and say in one line what came of it.

    Raises:
        UsageError: the folder or the archive cannot be used for it.
        ArchiveError: a file of the archive, or of the backups, is missing or damaged.
        BusyError: another backup into the same folder is under way.
    """
    folder = BackupFolder(path.expanduser().absolute())
    if check:
        _check(folder)
        return
    space = Workspace(settings)
    root = space.data_dir.root.resolve()
    if folder.root.resolve().is_relative_to(root):
        raise UsageError(
            f"{folder.root} is inside the data directory: name a folder elsewhere, preferably on another disk"
        )
    folder.check_usable(new=True)
    if space.remote:
        space.refresh()
        space.remote.releases.fetch_everything()
    if not space.archive.manifests():
        raise UsageError(f"there is no release under {space.data_dir.releases} to back up")
    with explain_disk_errors(), _held(folder), progress_bar():
        folder.prepare()
        done = back_up(space.archive, folder, settings.source_map)
    releases = len(done.catalogue.releases)
    out.print(
        f"Backup {done.catalogue.number} in {folder.root}"
        f"{'' if done.is_new else ' is still up to date'}: {_releases(releases)}; "
        f"{size(done.copied_bytes)} copied ({done.copied} files), {size(done.present_bytes)} already there.",
        markup=False,
    )


def _check(folder: BackupFolder) -> None:
    folder.check_usable(new=False)
    folder.read()
    with progress_bar():
        found = list(problems(folder))
    for problem in found[:SHOWN]:
        err.print(f"• {problem}", markup=False)
    if found:
        raise ArchiveError(
            f"{len(found)} files of {folder.root} are missing or damaged"
            + (f", the first {SHOWN} shown" if len(found) > SHOWN else "")
        )
    newest = folder.read()
    out.print(
        f"No problem found: every file of {len(folder.numbers())} backups matches its hash; the newest "
        f"({newest.number}, {newest.made_at}) holds {_releases(len(newest.releases))}.",
        markup=False,
    )


def _releases(number: int) -> str:
    return "1 release" if number == 1 else f"{number} releases"


@contextmanager
def _held(folder: BackupFolder) -> Iterator[None]:
    """Hold the folder of backups; the kernel frees it when a process dies."""
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.lock, timeout=LOCK_TIMEOUT)
        lock.acquire()
    except Timeout as error:
        raise BusyError(f"another backup into {folder.root} is in progress: wait for it to end") from error
    except OSError as error:
        raise UsageError(f"{folder.root} cannot be written ({error.strerror}): name another folder") from error
    try:
        yield
    finally:
        lock.release()
