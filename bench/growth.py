"""Memory, time and size of an intake and of a whole run, as a release grows: 1, 10, 100 times the lines.

    .venv/bin/python bench/growth.py
    .venv/bin/python bench/growth.py --scales 1 10 --folder /somewhere/with/space
    .venv/bin/python bench/growth.py --write docs/performance.md

A release of 100 times the lines has 10 million, 1.9 GB as CSV; with all that is made of it, it takes some 10 GB of disk
for a while. Each step is a process of its own, whose peak memory the kernel gives. What is measured is kept in
`build/growth.jsonl`, so that a long one that was broken off is not begun again; `--afresh` forgets it. Exit code 1
where something takes more than it may.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import os
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from measuring import Cost, kept, machine, measured, own_environment, write_between

from mcf_pipeline.markdown import table
from mcf_pipeline.sample.synthetic import SyntheticRelease

MEMORY = {"intake": 1.2, "run": 2.0}
"""GiB of memory that each step may take, whatever the size of the release."""
PUBLISHED_SHARE = 0.15
"""The most that the published file may be of the CSV."""
BEGIN, END = "<!-- growth -->\n", "<!-- end of growth -->"
KEPT = Path(__file__).parent.parent / "build" / "growth.jsonl"

INGEST = """
import sys
from pathlib import Path
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace
Workspace(Settings.from_env({}, source=sys.argv[1], data_dir=Path(sys.argv[2]))).ingest()
"""


@dataclass(frozen=True)
class Grown:
    """What a release of some size takes.

    Attributes:
        scale: times the sample.
        day: when it was measured.
        load: of the machine, when it began.
        lines: of the export.
        csv: its bytes.
        published: bytes of the published file.
        data: bytes of the whole data directory.
        steps: the intake, then the run that builds everything from what it archived.
    """

    scale: float
    day: str
    load: float
    lines: int
    csv: int
    published: int
    data: int
    steps: dict[str, Cost]

    @property
    def seconds(self) -> float:
        """Of the processor, of both steps."""
        return sum(cost.processor for cost in self.steps.values())


def grown(scale: float, parent: Path | None) -> Grown:
    """Make a release of some size, take it in and build it."""
    day, load = dt.datetime.now(dt.UTC).date().isoformat(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="mcf-growth-", dir=parent) as folder:
        csv, data = Path(folder) / "export.csv", Path(folder) / "data"
        lines = SyntheticRelease(scale=scale).write_csv(csv)
        commands = {
            "intake": [sys.executable, "-c", INGEST, str(csv), str(data)],
            "run": [sys.executable, "-m", "mcf_pipeline.cli", "run", "--source", str(csv), "--data-dir", str(data)],
        }
        steps = {}
        for name, command in commands.items():
            steps[name] = measured(command, own_environment())
            print(f"{lines:,} lines, {name}: {steps[name]}", flush=True)
        sizes = {path: path.stat().st_size for path in data.rglob("*") if path.is_file()}
        published = sizes[data / "warehouse" / "mcf.duckdb"]
        return Grown(scale, day, load, lines, csv.stat().st_size, published, sum(sizes.values()), steps)


def remembered(scale: float, parent: Path | None) -> Grown:
    """The same, if it was not measured before."""
    row = kept(KEPT, f"{scale:g}", lambda: asdict(grown(scale, parent)))
    return Grown(**row | {"steps": {name: Cost(**cost) for name, cost in row["steps"].items()}})


def report(found: list[Grown]) -> str:
    """The results as a Markdown table."""
    rows = []
    for one in found:
        costs = [
            cell
            for cost in one.steps.values()
            for cell in (f"{cost.clock:.1f}", f"{cost.processor:.1f}", f"{cost.memory:.2f}")
        ]
        sizes = (f"{one.csv / 1e6:,.1f}", f"{one.published / 1e6:,.1f}", f"{one.published / one.csv:.1%}")
        rows.append((f"{one.lines:,}", *sizes, f"{one.data / 1e6:,.1f}", *costs, f"{one.load:.1f}"))
    columns = ["lines", "CSV, MB", "published file, MB", "of the CSV", "data directory, MB"]
    columns += [f"{step}: {what}" for step in MEMORY for what in ("clock, s", "processor, s", "memory, GiB")]
    columns.append("load")
    return table(columns, rows, numbers=columns)


def judgement(found: list[Grown]) -> list[tuple[str, bool]]:
    """What was asked for, and whether it is so."""
    asked = []
    for step, most in MEMORY.items():
        peak = max(one.steps[step].memory for one in found)
        asked.append((f"{step}: peak memory {peak:.2f} GiB, at most {most:g}", peak <= most))
    share = max(one.published / one.csv for one in found)
    asked.append((f"published file: {share:.1%} of the CSV, at most {PUBLISHED_SHARE:.0%}", share <= PUBLISHED_SHARE))
    for before, after in itertools.pairwise(found):
        lines, seconds = after.lines / before.lines, after.seconds / before.seconds
        text = (
            f"{before.lines:,} to {after.lines:,} lines: {lines:.1f} times as many, {seconds:.1f} times the processor"
        )
        asked.append((text, seconds <= lines))
    return asked


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scales", type=float, nargs="+", default=[1, 10, 100], help="times the lines")
    parser.add_argument("--folder", type=Path, default=None, help="where to work [default: the temporary folder]")
    parser.add_argument("--write", type=Path, help="a page whose part between the two marks is replaced")
    parser.add_argument("--afresh", action="store_true", help="forget what was measured before")
    options = parser.parse_args()
    if options.afresh:
        KEPT.unlink(missing_ok=True)
    found = [remembered(scale, options.folder) for scale in options.scales]
    asked = judgement(found)
    verdicts = "\n".join(f"* {text}: {'met' if is_met else 'missed'}" for text, is_met in asked)
    text = (
        f"{', '.join(sorted({one.day for one in found}))}, SYNTHETIC data, {machine()}. One run each, with the load "
        f"that the machine had when it began. The memory is the process's peak as the kernel gives it (`ru_maxrss`)."
        f"\n\n{report(found)}\n\n{verdicts}\n"
    )
    print(text)
    if options.write:
        write_between(options.write, BEGIN, END, text)
    return int(not all(is_met for _, is_met in asked))


if __name__ == "__main__":
    sys.exit(main())
