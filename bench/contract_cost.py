"""What the defences against hostile bytes cost on the good path: the limit is 20 %.

    .venv/bin/python bench/contract_cost.py
    .venv/bin/python bench/contract_cost.py --rounds 9 --scale 2

Measured is what a release costs from its file on disk until it is staged: take it in (read, recognise, split, hash,
look for contradictions, archive), then read every quarter by the contract. Once as the pipeline does it, and once
without its defences: the export is read by a plain `read_csv` of DuckDB, which guesses the dialect, in as many threads
as it likes, into a table of text; all that follows is the same code. That leaves out the rules of encoding, the pass
over the bytes (quotes, line ends, fields of each record, limits), the copy that it makes, and the count of what was
loaded.

Both take turns in one process, so that what else the machine does befalls both alike; the first turn of each warms up
and is thrown away. The last line is the ratio of the medians of the processor time, which other work disturbs less
than the clock. Exit code 1 if it is above the limit.
"""

from __future__ import annotations

import argparse
import datetime as dt
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import duckdb

from mcf_pipeline.archive import understanding
from mcf_pipeline.duck import scratch
from mcf_pipeline.reading import export as reading
from mcf_pipeline.sample.synthetic import SyntheticRelease
from mcf_pipeline.settings import DataDir, Settings
from mcf_pipeline.sources.base import Received
from mcf_pipeline.tables.build import ensure_staged, states_of
from mcf_pipeline.workspace import Workspace

LIMIT = 1.20
PARTS = ("read the bytes", "the rest of the intake", "staging", "all")


def plain(con: duckdb.DuckDBPyConnection, path: Path, *_: object, **__: object) -> reading.Export:
    """`read_export` without a defence."""
    con.execute(
        f"CREATE TABLE {reading.TABLE} AS SELECT row_number() OVER () + 1 AS {reading.LINE_NUMBER}, * "
        "FROM read_csv(?, all_varchar = true, header = true)",
        [str(path)],
    )
    columns = [row[0] for row in con.execute(f"DESCRIBE {reading.TABLE}").fetchall()]
    rows = con.execute(f"SELECT count(*) FROM {reading.TABLE}").fetchall()[0][0]
    return reading.Export(tuple(columns[1:]), rows)


def one_round(csv: Path, read: Callable[..., reading.Export]) -> dict[str, tuple[float, float]]:
    """Seconds of the processor and of the clock, by part."""
    spent = dict.fromkeys(PARTS, (0.0, 0.0))

    def timed(part: str, work: Callable[[], object]) -> object:
        cpu, clock = time.process_time(), time.perf_counter()
        found = work()
        spent[part] = (time.process_time() - cpu, time.perf_counter() - clock)
        return found

    def fetch(folder: Path) -> Received:
        copy = folder / "export.csv"
        copy.hardlink_to(csv)
        return Received(copy, "csv", str(csv), dt.datetime.now(dt.UTC), suggested_day=dt.date(2026, 10, 8))

    def read_timed(*args: object, **options: object) -> object:
        return timed(PARTS[0], lambda: read(*args, **options))

    with tempfile.TemporaryDirectory(prefix="mcf-bench-", dir=csv.parent) as folder:
        space = Workspace(Settings(data_dir=DataDir(Path(folder) / "data")))
        with mock.patch.object(understanding, "read_export", read_timed):
            timed(PARTS[1], lambda: space.archive.ingest(fetch))
        spent[PARTS[1]] = tuple(a - b for a, b in zip(spent[PARTS[1]], spent[PARTS[0]], strict=True))  # type: ignore[assignment]  # two floats
        snapshot = space.snapshot()

        def stage() -> None:
            with scratch() as con:
                ensure_staged(con, space.archive, snapshot, states_of(snapshot, snapshot.timeline.quarters))

        timed(PARTS[2], stage)
    spent[PARTS[3]] = tuple(map(sum, zip(*(spent[part] for part in PARTS[:3]), strict=True)))  # type: ignore[assignment]  # two floats
    return spent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each that count [default: 5]")
    parser.add_argument("--scale", type=float, default=1.0, help="times the lines of the sample [default: 1]")
    parser.add_argument("--folder", type=Path, default=None, help="where to work [default: the temporary folder]")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    ways = {"as it is": reading.read_export, "defences off": plain}
    turns: dict[str, list[dict[str, tuple[float, float]]]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory(prefix="mcf-bench-", dir=options.folder) as folder:
        csv = Path(folder) / "export.csv"
        rows = SyntheticRelease(scale=options.scale).write_csv(csv)
        print(f"{rows:,} lines, {csv.stat().st_size:,} bytes; {options.rounds} rounds")
        for number in range(options.rounds + 1):
            # Who goes first changes, too.
            for name, read in list(ways.items())[:: 1 if number % 2 else -1]:
                spent = one_round(csv, read)
                if number:
                    turns[name].append(spent)
                    cpu, clock = spent["all"]
                    print(f"  round {number}, {name:<13} {cpu:6.2f} s of the processor, {clock:6.2f} s on the clock")

    def median(name: str, part: str, which: int) -> float:
        return statistics.median(turn[part][which] for turn in turns[name])

    print(f"\n{'medians, seconds of the processor':<36}" + "".join(f"{name:>14}" for name in ways) + f"{'ratio':>8}")
    for part in PARTS:
        a, b = (median(name, part, 0) for name in ways)
        print(f"{part:<36}{a:>14.2f}{b:>14.2f}{a / b:>8.2f}")
    a, b = (median(name, "all", 1) for name in ways)
    print(f"{'all, on the clock':<36}{a:>14.2f}{b:>14.2f}{a / b:>8.2f}")
    ratio = median("as it is", "all", 0) / median("defences off", "all", 0)
    print(f"\nratio {ratio:.3f}, at most {LIMIT:.2f}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
