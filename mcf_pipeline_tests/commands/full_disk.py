"""A run on a disk of its own that is nearly full, or read-only; started in a mount namespace of its own.

    unshare --mount python -m mcf_pipeline_tests.commands.full_disk MOUNT DATA_DIR SOURCE KILOBYTES

With ``backup`` as the source, the archive is backed up onto it instead, into a folder of its own.

The disk is a tmpfs, seen by this process and its children alone and gone with them. It prints, as JSON, what
the run said, what was kept before and after it, and what a further run says once there is room again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from mcf_pipeline_tests.commands import forked
from mcf_pipeline_tests.commands.terminal import kept, mcf_here


def mount(where: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", where], check=True)


def used_kilobytes(where: Path) -> int:
    found = os.statvfs(where)
    return (found.f_blocks - found.f_bfree) * found.f_frsize // 1024


def main(where: Path, built: Path, source: str, room: str) -> None:
    if source == "backup":
        backup(where, built, room)
        return
    mount(where, "size=1g")
    data_dir = where / "data"
    shutil.copytree(built, data_dir)
    before = kept(data_dir)
    mount(where, "remount,ro" if room == "ro" else f"remount,size={used_kilobytes(where) + int(room)}k")
    with tempfile.TemporaryDirectory() as said:
        answer = forked.run(Path(said), "run", "--source", source, "--data-dir", data_dir)
        after = kept(data_dir)
        mount(where, "remount,rw,size=1g")
        again = forked.run(Path(said), "run", "--source", source, "--data-dir", data_dir)
    reported = {"answer": asdict(answer), "before": before, "after": after, "again": asdict(again)}
    sys.stdout.write(json.dumps(reported))


def backup(where: Path, built: Path, room: str) -> None:
    """A backup while the disk has so many kilobytes, one once there is room, and the check of the folder."""
    mount(where, f"size={room}k")
    folder, before = where / "backup", kept(built)
    answer = mcf_here("backup", folder, "--data-dir", built)
    named = len(list((folder / "catalogues").glob("*")))
    mount(where, "remount,size=1g")
    again = [mcf_here("backup", folder, "--data-dir", built), mcf_here("backup", folder, "--check")]
    assert kept(built) == before
    reported = {"answer": asdict(answer), "named": named, "again": [asdict(one) for one in again]}
    sys.stdout.write(json.dumps(reported))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4])
