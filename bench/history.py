"""What many quarters and many releases cost: an increment, and a query of the state as of a release.

    .venv/bin/python bench/history.py
    .venv/bin/python bench/history.py --releases 50 --write docs/performance.md

Increments: small releases (a fiftieth of the sample's lines per quarter), each of which changes three quarters, go
through the pipeline; the last one is measured. Once with few quarters and two releases, once with 400 quarters, once
with 200 releases. The quarters before 2020 are made by moving, in the processes measured here, the first quarter that
the pipeline accepts.

As-of queries: a published file of the sample's full size, whose past states are written into it by SQL, as 200 releases
that change three quarters each would leave them. What is measured is kept in `build/history.jsonl`; `--afresh` forgets
it. Exit code 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
from measuring import Cost, kept, machine, measured, own_environment, write_between

from mcf_pipeline.markdown import table
from mcf_pipeline.quarter import FIRST_QUARTER
from mcf_pipeline.sample.synthetic import SyntheticRelease

SCALE = 0.02
CHANGED = 3
"""Quarters that a release changes."""
FEW_QUARTERS = 27
INCREMENT_RATIO = 1.2
"""An increment costs the same: at most this many times as much, since a shared machine is never quite still."""
AS_OF_MILLISECONDS = 50
BEGIN, END = "<!-- history -->\n", "<!-- end of history -->"
KEPT = Path(__file__).parent.parent / "build" / "history.jsonl"

MOVED = """
import sys
from mcf_pipeline import quarter
quarter.FIRST_QUARTER = quarter.Quarter.parse(sys.argv.pop(1))
"""
INGEST = f"""{MOVED}
from pathlib import Path
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace
for source in sys.argv[2:]:
    Workspace(Settings.from_env({{}}, source=source, data_dir=Path(sys.argv[1]))).ingest()
"""
RUN = f"""{MOVED}
from mcf_pipeline.cli import main
main()
"""


@dataclass(frozen=True)
class Increment:
    """What the last of some releases took.

    Attributes:
        load: of the machine, when it began.
        quarters: of each release.
        releases: in all.
        lines: of each release.
        build: the run that built all but the last, from an archive that held them.
        last: the run that took the last one in.
    """

    load: float
    quarters: int
    releases: int
    lines: int
    build: Cost
    last: Cost


def exports(folder: Path, quarters: int, releases: int) -> list[Path]:
    """Releases of so many quarters up to the sample's newest, each of which changes three of them."""
    sample = folder / "sample.csv"
    release = SyntheticRelease(scale=SCALE)
    release.write_csv(sample)
    ids = [(release.newest + i).id for i in range(1 - quarters, 1)]
    paths = []
    with duckdb.connect() as con:
        con.execute(
            f"CREATE TABLE lignes AS FROM read_csv('{sample}', delim=';', header=true, all_varchar=true, nullstr='')"
        )
        con.execute("CREATE TABLE trimestres (rang INTEGER, id VARCHAR, modele VARCHAR)")
        rows = [(place, id_, (FIRST_QUARTER + place % FEW_QUARTERS).id) for place, id_ in enumerate(ids)]
        con.executemany("INSERT INTO trimestres VALUES (?, ?, ?)", rows)
        for number in range(releases):
            day = release.day - dt.timedelta(days=releases - 1 - number)
            path = folder / f"export-{number:03d}.csv"
            # How often a quarter was changed until this release: a cent more for each time.
            times = (
                f"({CHANGED} * {number} + {quarters} - 1 - (rang - {CHANGED} + {quarters}) % {quarters}) // {quarters}"
            )
            con.execute(f"""
                COPY (
                    SELECT lignes.* REPLACE (
                        '{day}' AS date_chargement,
                        trimestres.id AS trimestre,
                        CAST(CAST(prix_moyen AS DECIMAL(18, 2)) + 0.01 * ({times}) AS DECIMAL(18, 2)) AS prix_moyen
                    )
                    FROM trimestres JOIN lignes ON lignes.trimestre = modele
                    ORDER BY rang
                ) TO '{path}' (FORMAT csv, DELIMITER ';', HEADER)
            """)
            paths.append(path)
    return paths


def increment(quarters: int, releases: int, parent: Path | None) -> Increment:
    """Take in some releases and build them, then measure one more."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="mcf-history-", dir=parent) as folder:
        paths = exports(Path(folder), quarters, releases)
        data = Path(folder) / "data"
        first = (SyntheticRelease().newest + (1 - quarters)).id
        env = own_environment()

        def run(path: Path) -> Cost:
            command = [sys.executable, "-c", RUN, first, "run", "--source", str(path), "--data-dir", str(data)]
            cost = measured(command, env)
            print(f"{quarters} quarters, {releases} releases: {cost}", flush=True)
            return cost

        measured([sys.executable, "-c", INGEST, first, str(data), *map(str, paths[:-1])], env)
        build, last = run(paths[-2]), run(paths[-1])
        with duckdb.connect(str(data / "warehouse" / "mcf.duckdb"), read_only=True) as con:
            ((lines, known),) = con.execute(
                "SELECT count(*), (SELECT count(*) FROM dim_release) FROM fct_dossiers"
            ).fetchall()
            (changed,) = con.execute(
                "SELECT count(*) FROM mart_revisions JOIN dim_release USING (release_id) WHERE est_courante"
            ).fetchall()[0]
        if (known, changed) != (releases, CHANGED):
            raise SystemExit(f"{known} releases, {changed} quarters changed by the last: not what was meant")
        return Increment(load, quarters, releases, lines, build, last)


def add_history(published: Path, releases: int) -> int:
    """Write the past states of so many releases into a published file that has one; returns the lines of all."""
    with duckdb.connect(str(published)) as con:
        con.execute(f"""
            CREATE TEMP TABLE publications AS
            SELECT
                i AS rang,
                CAST((SELECT date_release FROM dim_release) - CAST({releases} - i AS INTEGER) AS VARCHAR) AS id
            FROM range(1, {releases} + 1) AS r(i);
            CREATE TEMP TABLE etats AS
            SELECT trimestre_id, debut.id AS depuis, fin.id AS jusqua
            FROM (
                SELECT trimestre_id, rang, lead(rang) OVER (PARTITION BY trimestre_id ORDER BY rang) AS fin
                FROM (
                    SELECT trimestre_id, row_number() OVER (ORDER BY trimestre_id) - 1 AS place FROM dim_trimestre
                )
                JOIN publications
                    -- All of them at first; then three at a time.
                    ON rang = 1 OR ({CHANGED} * rang - place + {FEW_QUARTERS}) % {FEW_QUARTERS} < {CHANGED}
            ) AS changements
            JOIN publications AS debut USING (rang)
            LEFT JOIN publications AS fin ON fin.rang = changements.fin;
        """)
        for fact in ("fct_dossiers", "fct_financements"):
            con.execute(f"""
                INSERT INTO {fact}_etats_passes BY NAME
                SELECT {fact}.* REPLACE (depuis AS release_id), depuis AS valide_depuis, jusqua AS valide_jusqua
                FROM {fact} JOIN etats USING (trimestre_id) WHERE jusqua IS NOT NULL ORDER BY trimestre_id, depuis;
                UPDATE {fact} SET release_id = depuis
                FROM etats WHERE etats.trimestre_id = {fact}.trimestre_id AND jusqua IS NULL;
            """)
        con.execute("""
            INSERT INTO dim_release BY NAME
            SELECT dim_release.* REPLACE (id AS release_id, publications.rang AS rang, CAST(id AS DATE) AS date_release,
                false AS est_courante)
            FROM publications CROSS JOIN dim_release WHERE id <> release_id;
        """)
        con.execute(f"UPDATE dim_release SET rang = {releases} WHERE est_courante; CHECKPOINT")
        (lines,) = con.execute("SELECT count(*) FROM fct_dossiers_historique").fetchall()[0]
    return int(lines)


QUERIES = {
    "national, one release": "SELECT sum(nb_dossiers), sum(montant_engage) FROM dossiers_au(?)",
    "one quarter by region": (
        "SELECT region_id, sum(nb_dossiers) FROM dossiers_au(?) WHERE trimestre_id = '2024-T3' GROUP BY ALL"
    ),
}


def as_of(releases: int, parent: Path | None) -> dict[str, Any]:
    """Lines of the history, and by query the milliseconds of 15 times or more, over releases of every age."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="mcf-history-", dir=parent) as folder:
        csv, data = Path(folder) / "export.csv", Path(folder) / "data"
        SyntheticRelease().write_csv(csv)
        command = [sys.executable, "-m", "mcf_pipeline.cli", "run", "--source", str(csv), "--data-dir", str(data)]
        measured(command, own_environment())
        published = data / "warehouse" / "mcf.duckdb"
        lines = add_history(published, releases)
        return {"load": load, "releases": releases, "lines": lines, "queries": timed(published, releases)}


def timed(published: Path, releases: int) -> dict[str, list[tuple[float, float]]]:
    """By query, the milliseconds on the clock and of the processor, all threads, each time."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in QUERIES}
    with duckdb.connect(str(published), read_only=True) as con:
        ids = [row[0] for row in con.execute("SELECT release_id FROM dim_release ORDER BY rang").fetchall()]
        (expected,) = con.execute("SELECT count(*) FROM fct_dossiers").fetchall()[0]
        for release in ids[:: max(1, releases // 15)]:
            (held,) = con.execute("SELECT count(*) FROM dossiers_au(?)", [release]).fetchall()[0]
            if held != expected:
                raise SystemExit(f"as of {release} there are {held} lines, not {expected}")
            for name, query in QUERIES.items():
                clock, processor = time.perf_counter(), time.process_time()
                con.execute(query, [release]).fetchall()
                found[name].append((1000 * (time.perf_counter() - clock), 1000 * (time.process_time() - processor)))
    return found


def remembered(quarters: int, releases: int, parent: Path | None) -> Increment:
    """An increment, if it was not measured before."""
    row = kept(KEPT, f"{quarters} quarters, {releases} releases", lambda: asdict(increment(quarters, releases, parent)))
    return Increment(**row | {name: Cost(**row[name]) for name in ("build", "last")})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quarters", type=int, default=400, help="of the case with many [default: 400]")
    parser.add_argument("--releases", type=int, default=200, help="of the case with many [default: 200]")
    parser.add_argument("--folder", type=Path, default=None, help="where to work [default: the temporary folder]")
    parser.add_argument("--afresh", action="store_true", help="forget what was measured before")
    parser.add_argument("--write", type=Path, help="a page whose part between the two marks is replaced")
    options = parser.parse_args()
    if options.afresh:
        KEPT.unlink(missing_ok=True)
    asked = []
    states = kept(KEPT, f"as of {options.releases}", lambda: as_of(options.releases, options.folder))
    for name, times in states["queries"].items():
        clock, processor = zip(*times, strict=True)
        # Twice: a loaded machine lets a query wait, and all threads of the processor's time are in the first.
        for what, spent in (("of the processor", processor), ("on the clock", clock)):
            text = f"as of, {name}: {statistics.median(spent):.0f} ms {what} ({min(spent):.0f} to {max(spent):.0f})"
            asked.append((f"{text}, under {AS_OF_MILLISECONDS}", max(spent) < AS_OF_MILLISECONDS))
    cases = [(FEW_QUARTERS, 2), (options.quarters, 2), (FEW_QUARTERS, options.releases)]
    found = [remembered(quarters, releases, options.folder) for quarters, releases in cases]
    few = found[0]
    for many in found[1:]:
        times = many.last.processor / few.last.processor
        text = f"increment with {many.quarters} quarters and {many.releases} releases: {times:.2f} times that with few"
        asked.append((f"{text}, at most {INCREMENT_RATIO:g}", times <= INCREMENT_RATIO))
    rows = [
        (
            *(f"{number:,}" for number in (one.quarters, one.releases, one.lines)),
            *(f"{of:.1f}" for cost in (one.build, one.last) for of in (cost.processor, cost.clock)),
            f"{max(one.build.memory, one.last.memory):.2f}",
            f"{one.load:.1f}",
        )
        for one in found
    ]
    columns = ["quarters", "releases", "lines of a release"]
    columns += [f"{what}: {of}" for what in ("build", "increment") for of in ("processor, s", "clock, s")]
    columns += ["memory, GiB", "load"]
    verdicts = "\n".join(f"* {text}: {'met' if is_met else 'missed'}" for text, is_met in asked)
    text = (
        f"{dt.datetime.now(dt.UTC).date()}, SYNTHETIC data, {machine()}. One run each, with the load that the "
        f"machine had when it began. The as-of queries (load {states['load']:.1f}) read {states['lines']:,} lines of "
        f"{states['releases']} releases, 15 times or more.\n\n{table(columns, rows, numbers=columns)}\n\n{verdicts}\n"
    )
    print(text)
    if options.write:
        write_between(options.write, BEGIN, END, text)
    return int(not all(is_met for _, is_met in asked))


if __name__ == "__main__":
    sys.exit(main())
