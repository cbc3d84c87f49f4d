"""Seconds of the processor that each command takes, beside importing the libraries and beside a plain script.

    .venv/bin/python bench/run.py
    .venv/bin/python bench/run.py --rounds 9

The rounds are interleaved: each measures every case once, so that what else the machine does falls on all alike. The
seconds are those of the processor in user mode, of the whole process; the clock says nothing on a shared machine. Exit
code 1 where a command fails; a missed target is only shown.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from mcf_pipeline.sample.synthetic import SyntheticRelease

FLOOR, SCRIPT = "import floor", "plain script"
TARGETS = {
    "full build": (SCRIPT, 3.0),
    "increment": (FLOOR, 4.0),
    "nothing new": (FLOOR, 0.3),
    "status": (FLOOR, 0.2),
    "--help": (FLOOR, 0.2),
}
"""What each case is measured against, and how many times as much it may take."""


def measured(command: list[str], env: dict[str, str]) -> float:
    """Seconds of the processor, in user mode."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return usage.ru_utime


def one_round(work: Path, releases: list[Path]) -> dict[str, float]:
    """Every case once, on a data directory that is made anew."""
    data, database = work / "data", work / "plain.duckdb"
    shutil.rmtree(data, ignore_errors=True)
    database.unlink(missing_ok=True)
    # Nothing of this machine's settings, and no Dagster history but the data directory's.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MCF_", "DAGSTER_"))}
    mcf = [sys.executable, "-m", "mcf_pipeline.cli"]
    run = [*mcf, "run", "--data-dir", str(data), "--source"]
    plain = Path(__file__).with_name("plain_script.py")
    cases = {
        FLOOR: [sys.executable, "-c", "import dagster, pandas, pandera, duckdb"],
        SCRIPT: [sys.executable, str(plain), str(releases[0]), str(database)],
        "full build": [*run, str(releases[0])],
        "increment": [*run, str(releases[1])],
        "nothing new": [*run, str(releases[1])],
        "status": [*mcf, "status", "--data-dir", str(data)],
        "--help": [*mcf, "--help"],
    }
    return {name: measured(command, env) for name, command in cases.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved repetitions [default: 5]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mcf-bench-") as folder:
        first = SyntheticRelease()
        releases = []
        for release in (first, first.next()):
            releases.append(Path(folder) / release.file_name)
            release.write_csv(releases[-1])
        rounds = [one_round(Path(folder), releases) for _ in range(options.rounds)]
    medians = {name: statistics.median(found[name] for found in rounds) for name in rounds[0]}
    print(
        f"SYNTHETIC data, {options.rounds} rounds, load {os.getloadavg()[0]:.1f}; user seconds: median (least to most)"
    )
    for name, median in medians.items():
        spread = sorted(found[name] for found in rounds)
        line = f"{name:<14}{median:>7.2f}  ({spread[0]:.2f} to {spread[-1]:.2f})"
        if name in TARGETS:
            against, most = TARGETS[name]
            # Of one round: the load changes from one to the next.
            ratio = statistics.median(found[name] / found[against] for found in rounds)
            line += f"  {ratio:.2f} x {against}, target {most:g}{'' if ratio <= most else ': missed'}"
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
