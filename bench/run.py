"""What each command takes, beside importing the libraries and beside a plain script that makes the same tables.

    .venv/bin/python bench/run.py
    .venv/bin/python bench/run.py --others --rounds 3 --write docs/performance.md

The rounds are interleaved: each measures every case once, so that what else the machine does falls on all alike, and
each ratio is taken within one round. Seconds are given twice: the processor's, in user mode, of the whole process, and
the clock's, which a person waits for and a shared machine disturbs. With `--others`, three other ways take part:
dbt-duckdb, dlt and a textbook Dagster project. Every table that two ways make is compared first: it must be equal.
Exit code 1 where a command fails or a table differs; a missed target is only shown.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
from measuring import Cost, machine, measured, own_environment, write_between
from other_ways import SCHEMAS, WHAT, Ways, compare, environment

from mcf_pipeline.markdown import table
from mcf_pipeline.sample.synthetic import SyntheticRelease
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.warehouse.assembly import PUBLISHED

FLOOR, BYTES, SCRIPT, BUILD, INCREMENT = "import floor", "the bytes", "plain script", "full build", "increment"
NEXT = ", next"
"""After a way's name: the next release."""
CASES = {
    FLOOR: "a process that imports dagster, pandas, pandera and duckdb",
    BYTES: "read the export, hash it, compress it",
    SCRIPT: "pandas, DuckDB and the same Pandera models to the same tables (`bench/plain_script.py`)",
    BUILD: "`run`, first release: 27 quarters",
    INCREMENT: "`run`, next release: one quarter new, two changed",
    "nothing new": "`run`, the same release again",
    "status": "`status`",
    "--help": "`--help`",
}
OTHERS = {
    SCRIPT + NEXT: "the same script, next release",
    **{
        name: text
        for way, what in WHAT.items()
        for name, text in ((way, f"{what}: first release"), (way + NEXT, "the same, next release"))
    },
}
TARGETS = {
    BUILD: (SCRIPT, 1.6),
    INCREMENT: (FLOOR, 2.0),
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
Round = dict[str, Cost]


def one_round(work: Path, releases: list[tuple[Path, SyntheticRelease]], ways: Ways | None) -> Round:
    """Every case once, on a data directory that is made from nothing."""
    data, databases = work / "data", [work / "plain.duckdb", work / "plain-next.duckdb"]
    shutil.rmtree(data, ignore_errors=True)
    for database in databases:
        database.unlink(missing_ok=True)
    (first, release), (second, later) = releases
    mcf = [sys.executable, "-m", "mcf_pipeline.cli"]
    run = [*mcf, "run", "--data-dir", str(data), "--source"]
    script = [sys.executable, str(Path(__file__).with_name("plain_script.py"))]
    published = data / "warehouse" / "mcf.duckdb"
    found: Round = {}

    def take(name: str, command: list[str], env: dict[str, str] | None = None, cwd: Path | None = None) -> None:
        found[name] = measured(command, own_environment() | (env or {}), cwd)
        print(f"  {name}: {found[name]}", flush=True)

    take(FLOOR, [sys.executable, "-c", "import dagster, pandas, pandera, duckdb"])
    take(BYTES, [sys.executable, "-c", READ, str(first)])
    take(SCRIPT, [*script, str(first), str(databases[0]), release.day.isoformat()])
    take(BUILD, [*run, str(first)])
    compare_published(databases[0], published)
    if ways:
        ways.begin()
        for way, schema in SCHEMAS.items():
            take(way, *ways.command(way, 0))
            compare(way, ways.database(way), schema, published, has_history=True)
    take(INCREMENT, [*run, str(second)])
    if ways:
        take(SCRIPT + NEXT, [*script, str(second), str(databases[1]), later.day.isoformat()])
        compare(SCRIPT, databases[1], "main", published, has_history=False)
        for way, schema in SCHEMAS.items():
            take(way + NEXT, *ways.command(way, 1))
            compare(way, ways.database(way), schema, published, has_history=False)
    take("nothing new", [*run, str(second)])
    take("status", [*mcf, "status", "--data-dir", str(data)])
    take("--help", [*mcf, "--help"])
    return found


def compare_published(plain: Path, published: Path) -> None:
    """End the program where a table of the plain script is not that of the pipeline, the past states included."""
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


def user(cost: Cost) -> float:
    return cost.user


def clock(cost: Cost) -> float:
    return cost.clock


def ratio(rounds: list[Round], name: str, by: str, seconds: Callable[[Cost], float]) -> float:
    """How many times as much a case takes as another: the median of the ratios within each round."""
    return statistics.median(seconds(found[name]) / seconds(found[by]) for found in rounds)


def spread(rounds: list[Round], name: str, seconds: Callable[[Cost], float]) -> str:
    """Median, least and most."""
    ordered = sorted(seconds(found[name]) for found in rounds)
    if len(ordered) == 1:
        return f"{ordered[0]:.2f}"
    return f"{statistics.median(ordered):.2f} ({ordered[0]:.2f} to {ordered[-1]:.2f})"


def report(rounds: list[Round]) -> str:
    """The results as a Markdown table."""
    rows = []
    for name, what in (CASES | OTHERS).items():
        if name not in rounds[0]:
            continue
        against, most = TARGETS.get(name, ("", 0.0))
        target = ""
        if against:
            verdicts = ["met" if ratio(rounds, name, against, of) <= most else "missed" for of in (user, clock)]
            target = f"{most:g} x {against}: {verdicts[0]}; on the clock {verdicts[1]}"
        rows.append(
            (
                name,
                what,
                spread(rounds, name, user),
                spread(rounds, name, clock),
                *(f"{ratio(rounds, name, by, of):.2f}" for by in (FLOOR, SCRIPT) for of in (user, clock)),
                target,
            )
        )
    columns = ["case", "what", "processor, s: median (least to most)", "clock, s"]
    columns += [f"x {by}, {of}" for by in (FLOOR, SCRIPT) for of in ("processor", "clock")] + ["target"]
    return table(columns, rows, numbers=columns[4:8])


def standing(rounds: list[Round]) -> str:
    """The pipeline beside each other way, as a Markdown table."""
    rows = []
    for way in (SCRIPT, *WHAT):
        cells = [
            f"{ratio(rounds, ours, theirs, of):.2f}"
            for ours, theirs in ((BUILD, way), (INCREMENT, way + NEXT))
            for of in (user, clock)
        ]
        rows.append((way, *cells))
    columns = ["way", *(f"{what}, {of}" for what in (BUILD, INCREMENT) for of in ("processor", "clock"))]
    return table(columns, rows, numbers=columns[1:])


def main() -> int:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved repetitions [default: 5]")
    parser.add_argument("--others", action="store_true", help="also dbt-duckdb, dlt and a textbook Dagster project")
    parser.add_argument("--write", type=Path, help="a page whose table between the two marks is replaced")
    options = parser.parse_args()
    programs = environment() if options.others else None
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="mcf-bench-") as folder:
        first = SyntheticRelease()
        releases = []
        for release in (first, first.next()):
            releases.append((Path(folder) / release.file_name, release))
            release.write_csv(releases[-1][0])
        ways = Ways(programs, Path(folder) / "others", releases) if programs else None
        rounds = []
        for place in range(options.rounds):
            print(f"round {place + 1}", flush=True)
            rounds.append(one_round(Path(folder), releases, ways))
    times = f"{options.rounds} round{'s' if options.rounds > 1 else ''}"
    text = (
        f"{times}, {dt.datetime.now(dt.UTC).date()}, SYNTHETIC data (102,707 lines, then 106,350), {machine()}, load "
        f"{load:.1f} at the beginning and {os.getloadavg()[0]:.1f} at the end. Seconds of the processor are those in "
        "user mode, of the whole process; ratios are medians of those within each round; every table that two ways "
        f"make is equal.\n\n{report(rounds)}\n"
    )
    if options.others:
        text += f"\nThe pipeline, as a multiple of each other way (below 1: it takes less):\n\n{standing(rounds)}\n"
    print(text)
    if options.write:
        write_between(options.write, BEGIN, END, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
