"""What the measurements share: a process's cost, the machine in words, and a page whose part is replaced."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Cost:
    """What a process and the children it waited for took.

    Attributes:
        clock: seconds that a person waits.
        user: seconds of the processor in user mode.
        processor: the same and those of the kernel.
        memory: GiB at most, of the largest of its processes.
    """

    clock: float
    user: float
    processor: float
    memory: float

    def __str__(self) -> str:
        return f"{self.clock:.1f} s, {self.processor:.1f} s of the processor, {self.memory:.2f} GiB"


SPAWN = """
import os, sys, time
started = time.perf_counter()
process = os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(process, 0)
figures = [time.perf_counter() - started, usage.ru_utime, usage.ru_stime, usage.ru_maxrss]
with open(sys.argv[1], "w") as file:
    print(os.waitstatus_to_exitcode(status), *figures, file=file)
"""
"""A small process that starts what is measured: the kernel counts the memory of who started a process as its own."""


def measured(command: Sequence[str], env: Mapping[str, str], cwd: Path | None = None) -> Cost:
    """Run a command and measure it; ends the program with what it said where it fails."""
    with tempfile.TemporaryFile() as said, tempfile.NamedTemporaryFile("r") as figures:
        # Isolated, and without site-packages: nothing of ours or of the working directory takes part.
        spawn = [sys.executable, "-I", "-S", "-c", SPAWN, figures.name, *command]
        subprocess.run(spawn, stdout=said, stderr=subprocess.STDOUT, env=env, cwd=cwd, check=True)
        code, clock, user, system, memory = map(float, figures.read().split())
        if code:
            said.seek(0)
            tail = said.read().decode(errors="replace")[-4000:]
            raise SystemExit(f"{tail}\n{' '.join(command)[:300]}: exit code {code:g}")
    return Cost(clock, user, user + system, memory / 1024**2)


def own_environment() -> dict[str, str]:
    """Nothing of this machine's settings, and no Dagster history but the data directory's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MCF_", "DAGSTER_", "DBT_"))}


def machine() -> str:
    """The machine as it describes itself."""
    import duckdb

    cpu = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    software = f"Python {platform.python_version()}, DuckDB {duckdb.__version__}"
    return f"{os.cpu_count()} cores ({cpu}), {memory:.0f} GiB, {software}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines() if Path(path).exists() else []


def kept(file: Path, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What an earlier, broken off measurement wrote down by this name; else measure, and write it down."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found: dict[str, dict[str, Any]] = dict(json.loads(line) for line in lines)
    if name not in found:
        found[name] = measure()
        file.parent.mkdir(exist_ok=True)
        with file.open("a", encoding="utf-8") as end:
            end.write(json.dumps([name, found[name]]) + "\n")
    return found[name]


def write_between(page: Path, begin: str, end: str, text: str) -> None:
    """Replace what stands between two marks of a page."""
    before, rest = page.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    page.write_text(f"{before}{begin}\n{text}{end}{after}", encoding="utf-8")
