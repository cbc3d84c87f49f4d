"""Running what the files in `deploy/` name, in folders that stand for theirs, and looking at what it does."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from mcf_pipeline_tests.deploy.files import CHECKOUT, INSTALLED

BIN = Path(sys.executable).parent
PATIENCE = 120.0
"""Seconds after which what we wait for will not come."""


@dataclass
class Host:
    """A machine's folders: what is installed, its data, its temporary files; and the environment of what runs there.

    Attributes:
        installed: stands for /opt/mcf_pipeline.
        data: stands for the data directory.
        tmp: stands for /tmp.
        env: what is set there.
        replaced: words of a command that differ here: a port that is free.
    """

    installed: Path
    data: Path
    tmp: Path
    env: Mapping[str, str]
    replaced: Mapping[str, str]

    def here(self, text: str) -> str:
        """A word of a command or a setting, with the folders and the port that stand for it."""
        for theirs, ours in {INSTALLED: str(self.installed), **self.replaced}.items():
            text = text.replace(theirs, ours)
        return text

    def process(self, command: Sequence[str], log: Path, **env: str) -> subprocess.Popen[bytes]:
        """Start a command as they do, but for a umask that keeps nobody from anything."""
        with log.open("ab") as output:
            return subprocess.Popen(
                [self.here(word) for word in command],
                cwd=self.installed,
                env={**self.env, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=0,
            )

    def code(self, command: Sequence[str], **env: str) -> int:
        """Exit code of a command."""
        with self.process(command, self.data.parent / "commands.log", **env) as process:
            return process.wait(PATIENCE)


@contextmanager
def host(root: Path, env: Mapping[str, str], replaced: Mapping[str, str]) -> Iterator[Host]:
    """Folders with what an installation has, and nothing else."""
    installed, data = root / "opt", root / "data"
    (installed / ".venv").mkdir(parents=True)
    (installed / ".venv" / "bin").symlink_to(BIN)
    data.mkdir()
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(CHECKOUT / name, installed)
    # A socket's path has at most 107 characters; pytest's own folders leave too few of them.
    tmp = Path(tempfile.mkdtemp(prefix="mcf-"))
    found = Host(installed, data, tmp, {}, replaced)
    found.env = {name: found.here(value) for name, value in env.items()} | {
        "PATH": f"{installed}/.venv/bin:{os.environ['PATH']}",
        "DAGSTER_HOME": str(installed),
        "MCF_DATA_DIR": str(data),
        "HOME": str(tmp),
        "TMPDIR": str(tmp),
        "LANG": "C.UTF-8",
    }
    try:
        yield found
    finally:
        shutil.rmtree(tmp, ignore_errors=True)


@contextmanager
def ended(*processes: subprocess.Popen[bytes]) -> Iterator[None]:
    """Whatever happens, none of them or of what they started is left."""
    with ExitStack() as stack:
        for process in processes:
            stack.callback(kill, process)
        yield


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and its group, at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(what: str, probe: Callable[[], object], log: Path) -> None:
    """Look again and again until it is so."""
    deadline = time.monotonic() + PATIENCE
    while not probe():
        assert time.monotonic() < deadline, f"no {what}:\n{log.read_text(errors='replace')[-3000:]}"
        time.sleep(0.3)


def listening(group: int) -> set[str]:
    """The addresses, as ``127.0.0.1:3000``, at which the processes of a group listen over TCP."""
    inodes = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has just gone
            if int((entry / "stat").read_text().rpartition(")")[2].split()[2]) == group:
                inodes |= {str(fd.readlink()) for fd in (entry / "fd").iterdir()}
    found = set()
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in inodes:
                found.add(_address(local))
    return found


def _address(local: str) -> str:
    """As the kernel writes it: words of four bytes, the lowest first."""
    number, _, port = local.partition(":")
    words = [bytes.fromhex(number[at : at + 8])[::-1] for at in range(0, len(number), 8)]
    parts = b"".join(words)
    address = ".".join(map(str, parts)) if len(parts) == 4 else f"[{parts.hex(':', 2)}]"
    return f"{address}:{int(port, 16)}"
