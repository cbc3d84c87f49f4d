"""The half of `kills.py` that kills what ``dagster dev`` started: a run's process, or every process at once."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from mcf_pipeline.quarter import Quarter
from mcf_pipeline.sample.synthetic import SyntheticRelease
from mcf_pipeline_tests.commands import forked, killing
from mcf_pipeline_tests.end_to_end.deployment import UNDER_WAY, Deployment
from mcf_pipeline_tests.end_to_end.story import post, tables_of
from mcf_pipeline_tests.portal import SimulatedPortal

FIRST = SyntheticRelease(Quarter(2020, 1), scale=0.01)
RUN_CPU_SECONDS = 8.0
"""What a run's process uses of the processor, its start included; of one that ends before its kill, the next is."""
EVERYTHING = 6
"""Of so many kills one ends every process, as a machine that goes off does."""


@dataclass(frozen=True)
class Revised:
    """The first release with another mean duration everywhere, on a later day."""

    number: int

    @property
    def day(self) -> dt.date:
        return FIRST.day + dt.timedelta(days=self.number)

    def table(self) -> pa.Table:
        table = FIRST.table()
        for name, new in (
            ("date_chargement", [self.day.isoformat()] * len(table)),
            ("duree_moyenne", [None if v is None else f"{float(v) + self.number:.2f}" for v in _texts(table)]),
        ):
            column = table.schema.get_field_index(name)
            field = table.schema.field(column)
            table = table.set_column(column, field, pa.array(new).cast(field.type))
        return table


def _texts(table: pa.Table) -> list[object]:
    return list(table["duree_moyenne"].to_pylist())


def under_the_daemon(folder: Path, kills: int, chance: random.Random) -> None:
    """Release after release, each with a kill while the daemon takes it in or builds it."""
    seen: Counter[str] = Counter()
    releases = [FIRST, *(Revised(number) for number in range(1, 3 * kills))]
    undisturbed = folder / "undisturbed"
    with SimulatedPortal(releases, formats=("csv",)) as portal, contextlib.ExitStack() as stack:
        deployment = stack.enter_context(Deployment(folder / "root", portal.url))
        deployment.until("first release", deployment.database.exists)
        deployment.settled()
        before = _undisturbed(undisturbed, portal)
        assert tables_of(deployment.database) == before
        while seen.total() < kills:
            post(portal, "/next")
            after = _undisturbed(undisturbed, portal)
            what = _kill(deployment, chance, everything=seen.total() % EVERYTHING == EVERYTHING - 1)
            found = tables_of(deployment.database)
            assert found in (before, after), "the published file is neither the old state nor the new one"
            killing.assert_package_is_whole(deployment.data_dir / "package")
            if what:
                seen[f"{what}, {'new' if found == after else 'old'} state"] += 1
            if deployment.process and deployment.process.poll() is not None:
                stack.enter_context(_again(deployment))
            deployment.settled()
            assert tables_of(deployment.database) == after, "not what an undisturbed run leaves"
            before = after
            print(".", end="", flush=True)
        left = killing.files_of(deployment.data_dir) - killing.files_of(undisturbed)
        left_over = [name for name in left if killing.DRAFT.fullmatch(name) or "incoming" in name]
        assert len(left_over) <= 2, f"temporary files pile up: {left_over}"
        runs = Counter(run["status"] for run in deployment.runs())
        assert not set(runs) & UNDER_WAY
    print("\n".join(f"{number:5} {what}" for what, number in sorted(seen.items())))
    print(f"runs: {dict(runs)}")


def _undisturbed(data_dir: Path, portal: SimulatedPortal) -> killing.Tables:
    answer = forked.run(killing.said_in(data_dir), "run", "--data-dir", data_dir, MCF_PORTAL_URL=portal.url)
    assert answer.code == 0, answer.err
    return tables_of(data_dir / "warehouse" / "mcf.duckdb")


@contextlib.contextmanager
def _again(deployment: Deployment) -> Iterator[None]:
    """Start ``dagster dev`` once more, in the same place."""
    with deployment:
        deployment.until("webserver with the graph", deployment.automations)
        yield


def _kill(deployment: Deployment, chance: random.Random, *, everything: bool) -> str | None:
    """Kill at a random instant of the next run, or of the one after it; None where there was no instant like that."""
    assert deployment.process
    group, wait = deployment.process.pid, threading.Event()
    for _ in range(chance.choice((0, 1))):
        if pid := deployment.until("run's process", lambda: _run_of(group)):
            while _cpu(pid) is not None:
                wait.wait(0.02)
    at, deadline = chance.uniform(0, RUN_CPU_SECONDS), time.monotonic() + 60
    while time.monotonic() < deadline:
        pid = _run_of(group)
        used = _cpu(pid) if pid else None
        if pid and used is not None and used >= at:
            with contextlib.suppress(ProcessLookupError):
                if everything:
                    os.killpg(group, signal.SIGKILL)
                    deployment.process.wait()
                    return "every process killed"
                os.kill(pid, signal.SIGKILL)
                return "a run's process killed"
        wait.wait(0.01)
    return None


def _run_of(group: int) -> int | None:
    """The process of a run: what a code server starts by multiprocessing."""
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[2]) != group:
                continue
            words = (entry / "cmdline").read_bytes()
            if b"multiprocessing.spawn" in words and b"spawn_main" in words:
                return int(entry.name)
    return None


def _cpu(pid: int) -> float | None:
    with contextlib.suppress(OSError):
        return time.clock_gettime((~pid << 3) | 2)
    return None
