"""What the chapters of the story are told with: a reader who never looks away, and what must hold in the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import requests

from mcf_pipeline_tests.end_to_end.deployment import Deployment
from mcf_pipeline_tests.independent import Recomputed
from mcf_pipeline_tests.independent_lines import KEY
from mcf_pipeline_tests.orchestration.assets.graph import QUARTERLY, WHOLE
from mcf_pipeline_tests.portal import SimulatedPortal
from mcf_pipeline_tests.test_independent_marts import KEYS, assert_same, compared, rows_of

DAY = {"2020-T1": "2020-01-01", "2020-T2": "2020-04-01", "2020-T3": "2020-07-01", "2020-T4": "2020-10-01"}
DAY |= {"2021-T1": "2021-01-01", "2021-T2": "2021-04-01"}


def post(portal: SimulatedPortal, path: str, **body: Any) -> None:
    """Tell the portal something, over HTTP as a person would."""
    answer = requests.post(f"{portal.url}{path}", json=body, timeout=30)
    assert answer.ok, answer.text


@dataclass(frozen=True)
class Story:
    """Where it takes place.

    Attributes:
        deployment: Dagster, its data directory, and the command line beside it.
        portal: what the daemon looks at.
        files: each release as CSV, by the name that the story gives it.
    """

    deployment: Deployment
    portal: SimulatedPortal
    files: dict[str, Path]


class Reader:
    """A user of the published file, who looks all the time and must never see half a file or go back in time."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.seen: list[set[str]] = []

    def __call__(self) -> None:
        if not self.database.exists():
            assert not self.seen, "the published file has gone"
            return
        with duckdb.connect(self.database, read_only=True) as con:
            told = {row[0] for row in con.execute("SELECT release_id FROM dim_release").fetchall()}
            facts = {row[0] for row in con.execute("SELECT DISTINCT release_id FROM fct_dossiers").fetchall()}
        assert facts <= told
        if not self.seen or self.seen[-1] != told:
            assert not self.seen or self.seen[-1] < told
            self.seen.append(told)


class Chapter:
    """What was launched and materialized since a moment."""

    def __init__(self, deployment: Deployment, *, since_the_beginning: bool = False) -> None:
        self.deployment = deployment
        self.runs_before = set() if since_the_beginning else {run["runId"] for run in deployment.runs()}

    def runs(self) -> list[dict[str, Any]]:
        return [run for run in self.deployment.runs() if run["runId"] not in self.runs_before]

    def run_of(self, run_id: str) -> dict[str, Any]:
        return next(run for run in self.runs() if run["runId"] == run_id)

    def steps(self) -> list[str]:
        """What each run was for, oldest first."""
        return [run["tags"]["mcf/step"] for run in self.runs()]

    def materialized(self) -> dict[str, list[dict[str, Any]]]:
        return {
            asset: [event for event in events if event["runId"] not in self.runs_before]
            for asset, events in self.deployment.materializations().items()
        }

    def assert_exactly(self, quarters: list[str]) -> None:
        """These quarters of each quarterly asset once and no other; the rest once, what is published last."""
        found = self.materialized()
        expected = Counter(DAY[quarter] for quarter in quarters)
        assert {name: Counter(e["partition"] for e in found[name]) for name in QUARTERLY} == dict.fromkeys(
            QUARTERLY, expected
        )
        assert {name: len(found[name]) for name in WHOLE} == dict.fromkeys(WHOLE, 1)
        assert len(found["portal_release"]) == 1
        last_quarter = max(float(event["timestamp"]) for name in QUARTERLY for event in found[name])
        for name in ("warehouse", "data_package"):
            (event,) = found[name]
            assert float(event["timestamp"]) >= last_quarter


def tables_of(database: Path) -> dict[str, list[tuple]]:
    """Everything that is published, but for the moment of publication."""
    with duckdb.connect(database, read_only=True) as con:
        names = [row[0] for row in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        published = con.execute("SELECT * EXCLUDE publie_le FROM meta_publication").fetchall()
        tables = {name: con.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in names}
    return tables | {"meta_publication": published}


def assert_published(database: Path, files: list[Path]) -> None:
    """Every cell of every mart and every line as the CSV files themselves say it."""
    expected = Recomputed(files)
    for mart, key in KEYS.items():
        assert_same(*compared(database, expected, mart), key)
    for release in (None, *expected.ids):
        for fact, key in (("dossiers", KEY), ("financements", (*KEY, "financeur_id"))):
            told = rows_of(database, f"FROM fct_{fact}" if release is None else f"FROM {fact}_au('{release}')")
            assert_same(told, getattr(expected, fact)(release), key, has_means=False)
