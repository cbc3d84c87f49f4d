"""Removing releases so that a kill at any instant leaves a valid archive: all of them there, or all of them gone.

A list of what goes is written first, in one step; from then on no reader sees those releases. What is on the list is
then moved aside and removed, and the list last. Whoever next writes to the archive completes what a kill cut short.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.errors import ArchiveError
from mcf_pipeline.files import sync, write_atomically
from mcf_pipeline.settings import DataDir


def being_pruned(data_dir: DataDir) -> frozenset[str]:
    """Ids of the releases that are being removed; none as a rule.

    Raises:
        ArchiveError: the list of them is damaged.
    """
    try:
        found = json.loads(data_dir.pruning.read_bytes())["releases"]
        return frozenset(map(str, found))
    except FileNotFoundError:
        return frozenset()
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(
            f"{data_dir.pruning} is damaged ({error}): remove it, then run `mcf-pipeline prune` again"
        ) from error


def begin_pruning(data_dir: DataDir, release_ids: Iterable[str]) -> None:
    """Decide that some releases go; from here on they are no part of the archive."""
    write_atomically(data_dir.pruning, json.dumps({"releases": sorted(release_ids)}, indent=2).encode())


def named_by(manifests: Iterable[Manifest]) -> set[tuple[str, str]]:
    """The contents (quarter and hash) that some releases name."""
    return {(quarter, content.sha256) for m in manifests for quarter, content in m.quarters.items()}


def unneeded_quarters(data_dir: DataDir, named: Collection[tuple[str, str]]) -> list[Path]:
    """The files under ``raw/quarters`` of contents that nobody names."""
    return [path for path in data_dir.quarters.glob("*/*") if (path.parent.name, path.stem) not in named]


def complete_pruning(data_dir: DataDir, remaining: Iterable[Manifest]) -> None:
    """Remove the releases that were decided to go, and the quarters that no other names; does nothing where none were.

    Args:
        data_dir: the caller holds its lock.
        remaining: the releases that stay.
    """
    for left in data_dir.pruning.parent.glob(f".{data_dir.pruning.name}.*"):
        left.unlink()  # of a process that was killed before it had decided
    if not data_dir.pruning.exists():
        return
    data_dir.pruned.mkdir(exist_ok=True)
    for release_id in sorted(being_pruned(data_dir)):
        if (folder := data_dir.releases / release_id).is_dir():
            # In one step, so that whoever copies the folder never meets half a release.
            folder.rename(data_dir.pruned / release_id)
    sync(data_dir.releases)
    for path in unneeded_quarters(data_dir, named_by(remaining)):
        path.unlink()
    for folder in data_dir.quarters.iterdir():
        with contextlib.suppress(OSError):  # it still holds a quarter's file
            folder.rmdir()
    shutil.rmtree(data_dir.pruned)
    sync(data_dir.pruned.parent)
    data_dir.pruning.unlink()
    sync(data_dir.pruning.parent)
