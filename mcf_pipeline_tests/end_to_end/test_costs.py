"""What the work costs, counted and not timed: runs, steps, events, statements, files, bytes, and imported modules.

A count that grows is looked at, and raised here where it is worth it. Seconds are measured in ``bench/``.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from mcf_pipeline.orchestration.resources import Engine
from mcf_pipeline.schemas.names import FACT_NAMES, QUARTERLY_MART_NAMES, REVISIONS, STAGED
from mcf_pipeline.warehouse.assembly import IN_CLEAR, PUBLIC
from mcf_pipeline_tests.conftest import Built
from mcf_pipeline_tests.orchestration.assets import graph

QUARTERS = 3
"""New and changed ones of the second small release: 2020-T3 and 2020-T4 are revised, 2021-T1 is new."""


@dataclass(frozen=True)
class Cost:
    runs: int
    steps: int
    events: Counter[str]
    statements: int
    files: Counter[str]
    bytes: int


def files_of(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in root.rglob("*.parquet")}


@contextmanager
def counted_statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The number of statements that the steps' engines run, by DuckDB's own log."""
    found: list[int] = []
    original = Engine.get_connection

    @contextmanager
    def logged(self: Engine) -> Iterator[duckdb.DuckDBPyConnection]:
        with original(self) as con:
            con.execute("CALL enable_logging('QueryLog')").fetchall()
            yield con
            found.append(con.execute("SELECT count(*) FROM duckdb_logs WHERE type = 'QueryLog'").fetchall()[0][0])

    monkeypatch.setattr(Engine, "get_connection", logged)
    yield found


@pytest.fixture
def increment(small_copy: Built, small_releases: list[Path], monkeypatch: pytest.MonkeyPatch) -> Cost:
    """What the second small release costs after the first."""
    tables = small_copy.data_dir / "tables"
    before = files_of(tables)
    with dg.DagsterInstance.ephemeral() as instance, counted_statements(monkeypatch) as statements:
        graph.ingest(small_copy.data_dir, small_releases[1], instance)
        graph.follow_plan(small_copy.data_dir, small_releases[1], instance)
        runs = instance.get_runs()
        events = [entry for run in runs for entry in instance.all_logs(run.run_id)]
    made = {path: size for path, size in files_of(tables).items() if path not in before}
    kinds = Counter(entry.dagster_event.event_type_value for entry in events if entry.dagster_event)
    return Cost(
        runs=len(runs),
        steps=kinds["STEP_SUCCESS"],
        events=kinds,
        statements=sum(statements),
        files=Counter(path.relative_to(tables).parts[0] for path in made),
        bytes=sum(made.values()),
    )


def test_an_increment_costs_what_changed(increment):
    assert increment.runs == 2, "one for the intake, one for the stretch of quarters and what is made of all"
    # portal_release; raw_usagers, stg_usagers, facts, marts; dimensions, mart_revisions, the three publications, and
    # the check whether a release is overdue
    assert increment.steps == 1 + 4 + 6
    of_states = dict.fromkeys((*STAGED, *FACT_NAMES), QUARTERS)
    assert increment.files == of_states | dict.fromkeys(QUARTERLY_MART_NAMES, QUARTERS) | {REVISIONS: QUARTERS}
    assert increment.bytes < 600_000
    quarterly, whole = len(graph.QUARTERLY), len(graph.WHOLE)
    assert increment.events["ASSET_MATERIALIZATION"] == QUARTERS * quarterly + whole + 1
    assert increment.events.total() < 400
    assert increment.statements < 700


def test_a_repetition_costs_nothing(small_copy):
    """The same release again: no file is made."""
    before = files_of(small_copy.data_dir)
    space = graph.open_workspace(small_copy.data_dir, small_copy.csv)
    assert not space.ingest().is_new
    assert graph.upcoming(space, space.snapshot()) is None
    assert files_of(small_copy.data_dir) == before


HEAVY = {"dagster", "pandas", "pandera", "duckdb", "pyarrow", "requests", "numpy"}


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (["run", "--source", "{csv}"], {"duckdb", "pyarrow", "numpy"}),
        (["status"], {"duckdb"}),
        (["sql", "SELECT 1"], {"duckdb"}),
        (["dashboard", "--no-browser"], set()),
        (["backup", "{folder}"], set()),
        (["prune", "--keep", "1"], set()),
        (["verify", "--help"], set()),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_command_imports_no_more_than_it_needs(small_copy, tmp_path, arguments, allowed):
    """A run that finds nothing new needs neither Dagster nor pandas, and neither do the commands that only look."""
    typed = [argument.format(csv=small_copy.csv, folder=tmp_path / "backup") for argument in arguments]
    if "--help" not in typed:
        typed += ["--data-dir", str(small_copy.data_dir)]
    code = (
        "import sys\n"
        "from mcf_pipeline.cli import main\n"
        f"try:\n    main({typed!r})\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('loaded', *sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(done.stdout.splitlines()[-1].split()[1:]) <= allowed


def test_the_package_holds_each_thing_once(small_copy):
    """Each table and view as Parquet and CSV, and each view as a spreadsheet."""
    folder = (small_copy.data_dir / "package").resolve()
    kinds = Counter(path.parent.name for path in folder.rglob("*") if path.is_file())
    assert kinds["parquet"] == kinds["csv"] == len(PUBLIC) + len(IN_CLEAR)
    assert kinds["tableur"] == len(IN_CLEAR)
