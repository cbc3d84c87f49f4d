"""Memory and time of an intake and of a whole run, as a release grows: 1, 10, 100 times the lines.

    .venv/bin/python bench/growth.py
    .venv/bin/python bench/growth.py --scales 1 10 --folder /somewhere/with/space

A release of 100 times the lines has 10 million, 1.9 GB as CSV; with all that is made of it, it takes some 10 GB of disk
for a while. Each step is a process of its own, whose peak memory the kernel gives. Exit code 1 where one takes more
than it may.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mcf_pipeline.sample.synthetic import SyntheticRelease

LIMITS = {"ingest": 1.2, "run": 2.0}
"""GiB of memory that each step may take, whatever the size of the release."""

INGEST = """
import sys
from pathlib import Path
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace
Workspace(Settings.from_env({}, source=sys.argv[1], data_dir=Path(sys.argv[2]))).ingest()
"""


def measured(command: list[str]) -> tuple[float, float, float]:
    """Seconds on the clock, seconds of the processor, and GiB of memory at most."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[-1]}: exit code {process.returncode}")
    return time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024**2


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scales", type=float, nargs="+", default=[1, 10, 100], help="times the lines")
    parser.add_argument("--folder", type=Path, default=None, help="where to work [default: the temporary folder]")
    options = parser.parse_args()
    too_much = False
    for scale in options.scales:
        with tempfile.TemporaryDirectory(prefix="mcf-growth-", dir=options.folder) as folder:
            csv, data = Path(folder) / "export.csv", Path(folder) / "data"
            rows = SyntheticRelease(scale=scale).write_csv(csv)
            print(f"{rows:,} SYNTHETIC lines, {csv.stat().st_size:,} bytes")
            steps = {
                "ingest": [sys.executable, "-c", INGEST, str(csv), str(data)],
                "run": [sys.executable, "-m", "mcf_pipeline.cli", "run", "--source", str(csv), "--data-dir", str(data)],
            }
            for name, command in steps.items():
                clock, processor, memory = measured(command)
                verdict = "" if memory <= LIMITS[name] else f"  above {LIMITS[name]} GiB"
                too_much = too_much or bool(verdict)
                print(f"  {name:<7}{clock:>9.1f} s{processor:>9.1f} s of the processor{memory:>7.2f} GiB{verdict}")
    return int(too_much)


if __name__ == "__main__":
    sys.exit(main())
