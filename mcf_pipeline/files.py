"""Files that are either the old ones or the new ones, never half-written.

What does not belong here: what the files hold.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mcf_pipeline.errors import BusyError, PipelineError, UsageError

YOUNG_SECONDS = 60.0
"""A draft that is younger may be that of a process in another container, which cannot be asked whether it lives."""

OLD_SECONDS = 24 * 3600.0
"""Nobody puts rows into a folder that has not changed for so long, not even in another container."""


def keep_others_from_writing() -> None:
    """Whatever the caller's umask: what this process makes from now on is written to by its user alone.

    Who may read it, the umask goes on deciding. Some start services with umask 000 (containers, cron, WSL), and an
    archive that anybody can write to proves nothing.
    """
    os.umask(os.umask(0o077) | 0o022)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Make what was written to a file, or renamed within a folder, survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_in_place(new: Path, final: Path) -> None:
    """Rename a finished file or folder to its final name, durably.

    A file there is replaced in one step; a folder must not exist yet.
    """
    sync(new)
    new.rename(final)
    sync(final.parent)


def draft_of(final: Path) -> Path:
    """Where this process writes what becomes a file: beside it, under a name that says whose it is."""
    return final.with_name(f".{final.name}.{os.getpid()}")


def is_left_over(draft: Path, *, older_than: float = YOUNG_SECONDS) -> bool:
    """Whether a draft, whose name ends in the id of the process that writes it, is that of a process that was killed.

    Args:
        draft: a file beside its final place.
        older_than: seconds; one that is younger counts as being written.
    """
    name = draft.name.removesuffix(".wal")
    number = name.rpartition(".")[2]
    if not name.startswith(".") or not number.isdecimal():
        return False
    try:
        # One of the future was written before the clock was set back.
        if 0 <= time.time() - draft.stat().st_mtime < older_than:
            return False
    except OSError:
        return False  # it has just gone
    return int(number) == os.getpid() or _is_gone(int(number))


def _is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False  # another user's
    return False


def remove_left_over(final: Path, *, older_than: float = YOUNG_SECONDS) -> None:
    """Remove the drafts of a file, and their write-ahead logs, that killed processes left; arguments as above."""
    for draft in final.parent.glob(f".{glob.escape(final.name)}.*"):
        if is_left_over(draft, older_than=older_than):
            draft.unlink(missing_ok=True)


def remove_left_over_folders(mine: Path) -> None:
    """Remove the temporary folders that killed processes of this user left a day ago or earlier.

    Args:
        mine: that of this process, whose name ends in ``-`` and its id; the others differ in the id alone.
    """
    beginning = mine.name.removesuffix(str(os.getpid()))
    for folder in mine.parent.glob(f"{glob.escape(beginning)}*"):
        number = folder.name.removeprefix(beginning)
        with contextlib.suppress(OSError):
            found = folder.lstat()
            is_ours = number.isdecimal() and found.st_uid == os.getuid()
            if is_ours and _is_gone(int(number)) and time.time() - found.st_mtime > OLD_SECONDS:
                shutil.rmtree(folder)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a small file so that readers see the old content or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_left_over(path)
    draft = draft_of(path)
    try:
        draft.write_bytes(content)
        put_in_place(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def ensure_writable(folder: Path) -> None:
    """Make a folder and prove that files can be written in it.

    Raises:
        UsageError: it is not a folder, or cannot be written.
    """
    probe = draft_of(folder / "probe")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_left_over(folder / "probe")
        probe.touch()
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise PipelineError(_disk_full(error)) from error
        raise UsageError(
            f"the data directory {folder} cannot be written ({error.strerror}): "
            "make it writable, or choose another with --data-dir or MCF_DATA_DIR"
        ) from error
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)


def _disk_full(error: OSError) -> str:
    place = f" under {error.filename}" if error.filename else ""
    return f"no space left on the disk{place}: free some space and run again; published files were not changed"


_FULL = ("no space left on device", "database or disk is full", "disk i/o error", "disk quota exceeded")
"""How the system, DuckDB and SQLite say it; SQLite calls it an I/O error where its shared memory does not fit."""


_LOCKED = ("database is locked", "database table is locked")
"""SQLite, of a history of Dagster's that another process has been writing for longer than ours waits."""


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, says that the disk is full."""
    return _says(error, _FULL)


def _says(error: BaseException | None, texts: tuple[str, ...]) -> bool:
    seen: set[int] = set()
    # Raised again while another was handled, two errors can be each other's context.
    while error is not None and id(error) not in seen:
        if any(words in str(error).lower() for words in texts):
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def explain_disk_errors() -> Iterator[None]:
    """Turn a full disk, a read-only one or a file that another process does not let go of into a message for the user.

    Raises:
        PipelineError: the disk is full, a file cannot be written, or Dagster's history stays locked.
    """
    try:
        yield
    except PipelineError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise PipelineError(_disk_full(error)) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise UsageError(
                f"{error.filename} cannot be written ({error.strerror}): "
                "make it writable, or choose another directory with --data-dir"
            ) from error
        raise
    except Exception as error:
        # DuckDB and Dagster's SQLite have errors of their own for it.
        if is_disk_full(error):
            raise PipelineError(
                "no space left on the disk: free some space and run again; published files were not changed"
            ) from error
        if _says(error, _LOCKED):
            raise BusyError(
                "another process has been writing Dagster's history for over a minute: wait for it to end, then run "
                "again; nothing is half-written"
            ) from error
        raise
