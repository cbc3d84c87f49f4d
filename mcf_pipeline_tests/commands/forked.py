"""The command line in processes that begin with everything loaded, at a third less of the processor's time.

Python's fork server imports what a run imports, once; each command is then a process of its own, forked from it, with
real files, a real exit code, and an end by SIGKILL if need be. What a start itself does, `terminal.mcf` tries.
"""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import time
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import mcf_pipeline
from mcf_pipeline_tests.commands.terminal import Answer

_CPU_CLOCK_OF_A_PROCESS = 2
"""As the kernel numbers it: `clock_getcpuclockid`, which Python does not offer for another process."""

_LOADED = [
    *(found.name for found in pkgutil.walk_packages(mcf_pipeline.__path__, "mcf_pipeline.")),
    "pandas",
    "pandera.pandas",
    "pyarrow.parquet",
    "pyarrow.dataset",
]

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([name for name in _LOADED if not name.endswith("__main__")])


@dataclass(frozen=True)
class Running:
    """A command under way.

    Attributes:
        process: it.
        out: where its standard output goes.
        err: where its standard error goes.
    """

    process: ForkServerProcess
    out: Path
    err: Path

    @property
    def cpu_seconds(self) -> float | None:
        """What it has used of the processor so far; None once it has ended."""
        assert self.process.pid
        try:
            return time.clock_gettime((~self.process.pid << 3) | _CPU_CLOCK_OF_A_PROCESS)
        except OSError:
            return None

    def kill(self) -> bool:
        """End it at once; whether it had not ended by itself."""
        self.process.kill()
        self.process.join()
        return self.process.exitcode == -9

    def kill_after(self, cpu_seconds: float) -> bool:
        """End it once it has used so much of the processor, which no load of the machine moves; as `kill`."""
        while (used := self.cpu_seconds) is not None and used < cpu_seconds:
            self.process.join(0.001)
        return self.kill()

    def answer(self) -> Answer:
        """Wait for its end."""
        self.process.join(300)
        code = self.process.exitcode
        if code is None:
            self.kill()
        assert code is not None, f"still at work after five minutes: {self.err}"
        return Answer(code, self.out.read_text(), self.err.read_text() if self.err.is_file() else "")


def begin(folder: Path, *arguments: object, err: Path | None = None, **env: str) -> Running:
    """Start ``mcf-pipeline`` with no settings but these.

    Args:
        folder: where what it says is kept.
        arguments: of the command line.
        err: a pipe with a name that standard error goes to instead.
        env: its settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = time.monotonic_ns()
    out, err = folder / f"{number}.out", err or folder / f"{number}.err"
    process = _context.Process(target=_main, args=([str(argument) for argument in arguments], out, err, env))
    process.start()
    return Running(process, out, err)


def run(folder: Path, *arguments: object, **env: str) -> Answer:
    """The same, waiting for its end."""
    return begin(folder, *arguments, **env).answer()


def _main(arguments: list[str], out: Path, err: Path, env: dict[str, str]) -> None:
    for path, descriptor in ((out, 1), (err, 2)):
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(opened, descriptor)
        os.close(opened)
    for name in [name for name in os.environ if name.startswith(("MCF_", "DAGSTER_"))]:
        del os.environ[name]
    os.environ.update(env)
    from mcf_pipeline.cli import main

    main(arguments, prog_name="mcf-pipeline")
