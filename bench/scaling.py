"""What more workers are worth: a first build of a release of 1, 10, 100 times the lines by 1, 2, 4 processes.

    .venv/bin/python bench/scaling.py --scales 1 10 --write docs/scaling.md

Without Dagster: the workers are plain processes that share a folder, each with its part of the quarters. What they do
is measured, and so is what only one can do; what many machines would do is computed from that. The first scale is also
built into a bucket, by workers that have nothing in common but that. Only a quiet machine says anything about seconds
on the clock.
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moto.server import ThreadedMotoServer

sys.path.insert(0, str(Path(__file__).parents[1]))

from mcf_pipeline.markdown import table
from mcf_pipeline.sample.synthetic import SyntheticRelease
from mcf_pipeline_tests.remote.bucket import Bucket, serve_front

BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->"
FAR = (10, 100, 1000)
"""Workers."""
HUGE = 10_000
"""Times the lines."""

OPEN = """
import sys
from mcf_pipeline.duck import scratch
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace
space = Workspace(Settings.from_env(source=sys.argv[1]))
"""
INTAKE = OPEN + "with space.lock(), space.shared(): space.ingest()"
BUILD = (
    OPEN
    + """
from mcf_pipeline.tables.build import ensure_quarters
space.refresh()
snapshot = space.snapshot()
for quarter in snapshot.timeline.quarters[int(sys.argv[2]) :: int(sys.argv[3])]:
    with space.step([quarter], lines=True), scratch() as con:
        ensure_quarters(con, space.archive, snapshot, [quarter])
"""
)
PUBLISH = (
    OPEN
    + """
from mcf_pipeline.package.writing import write_package
from mcf_pipeline.site.writing import write_dashboard
from mcf_pipeline.warehouse.publication import publish
with space.step(None, publishes=True), scratch() as con:
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


def run(script: str, machines: Sequence[Mapping[str, str]], arguments: Sequence[Sequence[object]]) -> Cost:
    """Run a script once for each list of arguments, all at the same time, each on its machine: its environment."""
    started, cpu = time.perf_counter(), 0.0
    processes = [
        subprocess.Popen([sys.executable, "-c", script, *map(str, given)], env=os.environ | machine)
        for machine, given in zip(machines, arguments, strict=True)
    ]
    for process in processes:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"a process of {len(processes)} ended with exit code {process.returncode}")
        cpu += usage.ru_utime + usage.ru_stime
    return Cost(time.perf_counter() - started, cpu)


@dataclass(frozen=True)
class Measured:
    """What a first build costs.

    Attributes:
        lines: of the release.
        quarters: of it.
        intake: by one worker.
        built: all quarters, by so many workers.
        published: by one worker.
    """

    lines: int
    quarters: int
    intake: Cost
    built: dict[int, Cost]
    published: Cost


def measure(scale: float, workers: Sequence[int], folder: Path) -> Measured:
    """A first build in a folder."""
    csv, data = folder / "export.csv", folder / "data"
    lines = SyntheticRelease(scale=scale).write_csv(csv)
    here = {"MCF_DATA_DIR": str(data)}
    intake = run(INTAKE, [here], [(csv,)])
    built = {}
    for count in workers:
        shutil.rmtree(data / "tables", ignore_errors=True)
        built[count] = run(BUILD, [here] * count, [(csv, place, count) for place in range(count)])
    quarters = len(list((data / "tables" / "fct_dossiers").iterdir()))
    return Measured(lines, quarters, intake, built, run(PUBLISH, [here], [(csv,)]))


def measure_in_bucket(scale: float, workers: int, folder: Path) -> tuple[Measured, int, int]:
    """A first build in a bucket of a server on this machine, and the objects and bytes that its quarters are there."""
    csv = folder / "export.csv"
    lines = SyntheticRelease(scale=scale).write_csv(csv)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        address = f"http://{host}:{port}"
        with serve_front(address) as front:
            bucket = Bucket("mcf-scaling", address, front)
            machines = [bucket.machine(folder / f"cache{number}", direct=True) for number in range(workers + 1)]
            intake = run(INTAKE, machines[:1], [(csv,)])
            built = run(BUILD, machines[1:], [(csv, place, workers) for place in range(workers)])
            made = bucket.names("tables/")
            size = sum(bucket.s3.head_object(Bucket=bucket.name, Key=f"mcf/{key}")["ContentLength"] for key in made)
            published = run(PUBLISH, machines[:1], [(csv,)])
    finally:
        server.stop()
    quarters = len({key.split("/")[2] for key in made})
    return Measured(lines, quarters, intake, {workers: built}, published), len(made), size


def _on_paper(lines: str, quarters: int, parts: tuple[float, ...]) -> Iterator[tuple[object, ...]]:
    """What intake, quarters and publication would take with more workers, of which none has less than a quarter."""
    intake, built, published = parts
    serial = intake + published
    for count in FAR:
        left = serial + built * -(-quarters // count) / quarters
        shown = (*(f"{part:,.0f}" for part in parts), f"{serial / (serial + built):.0%}")
        yield (lines, *shown, count, f"{left:,.0f}", f"{(serial + built) / left:.1f}")


def text(scales: Sequence[float], workers: Sequence[int]) -> Iterator[str]:
    """The tables, as Markdown."""
    measured, computed = [], []
    for scale in scales:
        with tempfile.TemporaryDirectory(prefix="mcf-scaling-") as folder:
            found = measure(scale, workers, Path(folder))
        one = found.built[workers[0]]
        for count, cost in found.built.items():
            figures = (cost.clock, cost.cpu, one.clock / cost.clock)
            measured.append((f"{found.lines:,}", count, *(f"{figure:.1f}" for figure in figures)))
        parts = (found.intake.cpu, one.cpu, found.published.cpu)
        computed += _on_paper(f"{found.lines:,}", found.quarters, parts)
    # As the largest that was measured, line by line.
    times = HUGE / scales[-1]
    huge = (part * times for part in parts)
    computed += _on_paper(f"{found.lines * times:,.0f} (computed)", found.quarters, tuple(huge))
    load = os.getloadavg()[0]
    yield f"{dt.date.today()}, SYNTHETIC data, {os.cpu_count()} cores, load {load:.0f} at the end."
    yield "\n**Measured**: the quarters of a first build, by so many processes at the same time.\n"
    head = ["lines", "workers", "seconds on the clock", "seconds of the processor", "times as fast"]
    yield table(head, measured, numbers=head)
    yield "\n**Measured**, seconds of the processor: intake, the quarters by one worker, publication, and the share"
    yield "of what only one can do. **Computed** from these: what so many would need, and how much faster it is.\n"
    head = ["lines", "intake", "quarters", "publication", "serial", "workers", "seconds (computed)", "times (computed)"]
    yield table(head, computed, numbers=head)
    with tempfile.TemporaryDirectory(prefix="mcf-scaling-") as folder:
        there, objects, size = measure_in_bucket(scales[0], workers[0], Path(folder))
    with tempfile.TemporaryDirectory(prefix="mcf-scaling-") as folder:
        here = measure(scales[0], workers[:1], Path(folder))
    yield f"\n**Measured**, {here.lines:,} lines, {workers[0]} worker: a folder, and a bucket of a server on this"
    yield "machine (moto, in Python: a real one answers quicker, from farther away). Each worker begins with nothing.\n"
    head = ["where", "intake, s", "a quarter, s", "publication, s", "objects of a quarter", "bytes of a quarter"]
    rows = [
        (where, *(f"{seconds:.2f}" for seconds in parts), *size_of)
        for where, found, size_of in (
            ("folder", here, ("", "")),
            ("bucket", there, (f"{objects / there.quarters:.0f}", f"{size / there.quarters:,.0f}")),
        )
        for parts in [(found.intake.clock, found.built[workers[0]].clock / found.quarters, found.published.clock)]
    ]
    yield table(head, rows, numbers=head[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scales", type=float, nargs="+", default=[1, 10, 100], help="times the lines")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="processes; the first is the measure")
    parser.add_argument("--write", type=Path, help="a page whose part between the two marks is replaced")
    options = parser.parse_args()
    lines = []
    for line in text(options.scales, options.workers):
        print(line, flush=True)
        lines.append(line)
    found = "\n".join(lines) + "\n"
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        options.write.write_text(f"{before}{BEGIN}\n{found}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
