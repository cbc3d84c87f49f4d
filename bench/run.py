"""What each command takes, beside importing the libraries and beside a plain script that makes the same tables.

    .venv/bin/python bench/run.py
    .venv/bin/python bench/run.py --rounds 9 --write docs/performance.md

The rounds are interleaved: each measures every case once, so that what else the machine does falls on all alike, and
each ratio is taken within one round. The seconds are the processor's, in user mode, of the whole process; the clock
says little on a shared machine. Every table that the script and the pipeline both make is compared: it must be equal.
Exit code 1 where a command fails or a table differs; a missed target is only shown.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

from mcf_pipeline.markdown import table
from mcf_pipeline.sample.synthetic import SyntheticRelease
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.warehouse.assembly import PUBLISHED

FLOOR, BYTES, SCRIPT = "import floor", "the bytes", "plain script"
CASES = {
    FLOOR: "a process that imports dagster, pandas, pandera and duckdb",
    BYTES: "read the export, hash it, compress it",
    SCRIPT: "pandas, DuckDB and the same Pandera models to the same tables (`bench/plain_script.py`)",
    "full build": "`run`, first release: 27 quarters",
    "increment": "`run`, next release: one quarter new, two changed",
    "nothing new": "`run`, the same release again",
    "status": "`status`",
    "--help": "`--help`",
}
TARGETS = {
    "full build": (SCRIPT, 1.6),
    "increment": (FLOOR, 2.0),
    "nothing new": (FLOOR, 0.3),
    "status": (FLOOR, 0.2),
    "--help": (FLOOR, 0.2),
}
"""What each case is measured against, and how many times as much it may take."""
BEGIN, END = "<!-- measured -->\n", "<!-- end of measured -->"
"""What is between them in the page is replaced."""
READ = (
    "import gzip, hashlib, sys; data = open(sys.argv[1], 'rb').read(); hashlib.sha256(data).digest(); "
    "gzip.compress(data, 6)"
)


def measured(command: list[str], env: dict[str, str]) -> float:
    """Seconds of the processor, in user mode."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return usage.ru_utime


def one_round(work: Path, releases: list[Path], first_id: str) -> dict[str, float]:
    """Every case once, on a data directory that is made from nothing."""
    data, database = work / "data", work / "plain.duckdb"
    shutil.rmtree(data, ignore_errors=True)
    database.unlink(missing_ok=True)
    # Nothing of this machine's settings, and no Dagster history but the data directory's.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MCF_", "DAGSTER_"))}
    mcf = [sys.executable, "-m", "mcf_pipeline.cli"]
    run = [*mcf, "run", "--data-dir", str(data), "--source"]
    plain = Path(__file__).with_name("plain_script.py")
    commands = {
        FLOOR: [sys.executable, "-c", "import dagster, pandas, pandera, duckdb"],
        BYTES: [sys.executable, "-c", READ, str(releases[0])],
        SCRIPT: [sys.executable, str(plain), str(releases[0]), str(database), first_id],
        "full build": [*run, str(releases[0])],
        "increment": [*run, str(releases[1])],
        "nothing new": [*run, str(releases[1])],
        "status": [*mcf, "status", "--data-dir", str(data)],
        "--help": [*mcf, "--help"],
    }
    found = {}
    for name, command in commands.items():
        found[name] = measured(command, env)
        if name == "full build":
            compare(database, data / "warehouse" / "mcf.duckdb")
    return found


def compare(plain: Path, published: Path) -> None:
    """End the program where a table of the plain script is not that of the pipeline."""
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{plain}' AS plain (READ_ONLY); ATTACH '{published}' AS published (READ_ONLY)")
        for model in PUBLISHED:
            spec = describe(model)
            one, other = (f"SELECT {', '.join(spec.column_names)} FROM {c}.{spec.name}" for c in ("plain", "published"))
            differing = con.execute(
                f"SELECT count(*) FROM (({one} EXCEPT ALL {other}) UNION ALL ({other} EXCEPT ALL {one}))"
            ).fetchall()[0][0]
            if differing:
                raise SystemExit(f"{spec.name}: {differing} rows differ between the plain script and the pipeline")


def report(rounds: list[dict[str, float]]) -> str:
    """The results as a Markdown table."""
    rows = []
    for name, what in CASES.items():
        seconds = sorted(found[name] for found in rounds)
        against, most = TARGETS.get(name, ("", 0.0))
        ratios = {by: statistics.median(found[name] / found[by] for found in rounds) for by in (FLOOR, SCRIPT)}
        rows.append(
            (
                name,
                what,
                f"{statistics.median(seconds):.2f} ({seconds[0]:.2f} to {seconds[-1]:.2f})",
                f"{ratios[FLOOR]:.2f}",
                f"{ratios[SCRIPT]:.2f}",
                f"{most:g} x {against}: {'met' if ratios[against] <= most else 'missed'}" if against else "",
            )
        )
    columns = ["case", "what", "seconds: median (least to most)", "x import floor", "x plain script", "target"]
    return table(columns, rows, numbers=columns[3:5])


def machine() -> str:
    """What was measured where."""
    return (
        f"{dt.datetime.now(dt.UTC).date()}, SYNTHETIC data (102,707 lines, then 106,350), {os.cpu_count()} cores, load "
        f"{os.getloadavg()[0]:.1f}, Python {platform.python_version()}, DuckDB {duckdb.__version__}. Seconds of the "
        "processor in user mode, whole process; every table of the plain script is equal to the pipeline's."
    )


def main() -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved repetitions [default: 5]")
    parser.add_argument("--write", type=Path, help="a page whose table between the two marks is replaced")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mcf-bench-") as folder:
        first = SyntheticRelease()
        releases = []
        for release in (first, first.next()):
            releases.append(Path(folder) / release.file_name)
            release.write_csv(releases[-1])
        rounds = [one_round(Path(folder), releases, first.day.isoformat()) for _ in range(options.rounds)]
    text = f"{options.rounds} rounds, {machine()}\n\n{report(rounds)}\n"
    print(text)
    if options.write:
        page = options.write.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        _, after = rest.split(END)
        options.write.write_text(f"{before}{BEGIN}\n{text}{END}{after}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
