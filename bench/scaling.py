"""What more workers are worth: a first build of a release of 1, 10, 100 times the lines by 1, 2, 4 processes.

    .venv/bin/python bench/scaling.py --scales 1 10 --write docs/scaling.md

Without Dagster: the workers are plain processes that share a folder, each with its part of the quarters. What they do
is measured, and so is what only one can do; what many machines would do is computed from that. Only a quiet machine
says anything about seconds on the clock.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcf_pipeline.markdown import table
from mcf_pipeline.sample.synthetic import SyntheticRelease

BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->"
FAR = (10, 100, 1000)

OPEN = """
import sys
from pathlib import Path
from mcf_pipeline.duck import scratch
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace
space = Workspace(Settings.from_env({}, source=sys.argv[1], data_dir=Path(sys.argv[2])))
"""
INTAKE = OPEN + "space.ingest()"
BUILD = (
    OPEN
    + """
from mcf_pipeline.tables.build import ensure_quarters
snapshot = space.snapshot()
for quarter in snapshot.timeline.quarters[int(sys.argv[3]) :: int(sys.argv[4])]:
    with scratch() as con:
        ensure_quarters(con, space.archive, snapshot, [quarter])
"""
)
PUBLISH = (
    OPEN
    + """
from mcf_pipeline.package.writing import write_package
from mcf_pipeline.site.writing import write_dashboard
from mcf_pipeline.warehouse.publication import publish
with scratch() as con:
    publish(con, space.archive, space.snapshot())
write_package(space.data_dir)
write_dashboard(space.data_dir)
"""
)


@dataclass(frozen=True)
class Cost:
    """Of processes that ran side by side.

    Attributes:
        clock: seconds from the start of the first to the end of the last.
        cpu: seconds of the processor, of all together.
    """

    clock: float
    cpu: float


def run(script: str, arguments: Sequence[Sequence[object]]) -> Cost:
    """Run a script once for each list of arguments, all at the same time."""
    started, cpu = time.perf_counter(), 0.0
    processes = [subprocess.Popen([sys.executable, "-c", script, *map(str, given)]) for given in arguments]
    for process in processes:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"a process of {len(processes)} ended with exit code {process.returncode}")
        cpu += usage.ru_utime + usage.ru_stime
    return Cost(time.perf_counter() - started, cpu)


def measure(scale: float, workers: Sequence[int], folder: Path) -> tuple[int, int, Cost, dict[int, Cost], Cost]:
    """Lines and quarters of a release; what its intake, its quarters by so many workers, and its publication cost."""
    csv, data = folder / "export.csv", folder / "data"
    lines = SyntheticRelease(scale=scale).write_csv(csv)
    intake = run(INTAKE, [(csv, data)])
    built = {}
    for count in workers:
        shutil.rmtree(data / "tables", ignore_errors=True)
        built[count] = run(BUILD, [(csv, data, place, count) for place in range(count)])
    quarters = len(list((data / "tables" / "fct_dossiers").iterdir()))
    return lines, quarters, intake, built, run(PUBLISH, [(csv, data)])


def text(scales: Sequence[float], workers: Sequence[int]) -> Iterator[str]:
    """The tables, as Markdown."""
    measured, computed = [], []
    for scale in scales:
        with tempfile.TemporaryDirectory(prefix="mcf-scaling-") as folder:
            lines, quarters, intake, built, published = measure(scale, workers, Path(folder))
        one = built[workers[0]]
        for count, cost in built.items():
            figures = (cost.clock, cost.cpu, one.clock / cost.clock)
            measured.append((f"{lines:,}", count, *(f"{figure:.1f}" for figure in figures)))
        serial = intake.cpu + published.cpu
        whole = serial + one.cpu
        for count in FAR:
            # No worker has less than a quarter to do.
            left = serial + one.cpu * -(-quarters // count) / quarters
            shown = (f"{intake.cpu:.1f}", f"{one.cpu:.1f}", f"{published.cpu:.1f}", f"{serial / whole:.0%}")
            computed.append((f"{lines:,}", *shown, count, f"{left:.1f}", f"{whole / left:.1f}"))
    load = os.getloadavg()[0]
    yield f"{dt.date.today()}, SYNTHETIC data, {os.cpu_count()} cores, load {load:.0f} at the end."
    yield "\n**Measured**: the quarters of a first build, by so many processes at the same time.\n"
    head = ["lines", "workers", "seconds on the clock", "seconds of the processor", "times as fast"]
    yield table(head, measured, numbers=head)
    yield "\n**Measured**, seconds of the processor: intake, the quarters by one worker, publication, and the share"
    yield "of what only one can do. **Computed** from these: what so many would need, and how much faster it is.\n"
    head = ["lines", "intake", "quarters", "publication", "serial", "workers", "seconds (computed)", "times (computed)"]
    yield table(head, computed, numbers=head)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scales", type=float, nargs="+", default=[1, 10, 100], help="times the lines")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="processes; the first is the measure")
    parser.add_argument("--write", type=Path, help="a page whose part between the two marks is replaced")
    options = parser.parse_args()
    found = "\n".join(text(options.scales, options.workers)) + "\n"
    print(found)
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        options.write.write_text(f"{before}{BEGIN}\n{found}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
