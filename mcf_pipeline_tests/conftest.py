"""What many tests share: the sample built once, and a small data directory to copy from.

An environment of its own for every test: nobody's MCF_ or DAGSTER_ settings reach one.
"""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import dagster as dg
import pytest
from filelock import FileLock

from mcf_pipeline.package.writing import write_package
from mcf_pipeline.sample.synthetic import SyntheticRelease
from mcf_pipeline.settings import DataDir
from mcf_pipeline_tests.commands.terminal import Answer, mcf, mcf_here
from mcf_pipeline_tests.exports import ingest, workspace_in
from mcf_pipeline_tests.notices.receiving import Mailbox, Webhook, serve_mail, serve_webhook
from mcf_pipeline_tests.orchestration.assets import graph, small
from mcf_pipeline_tests.package.handmade import publish_handmade
from mcf_pipeline_tests.warehouse import told
from mcf_pipeline_tests.warehouse.builds import build_quarters, publish_build

T = TypeVar("T")


def forget_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("MCF_", "DAGSTER_")):
            monkeypatch.delenv(name)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two more than there are cores: those that wait for daemons and servers come first, and leave them idle."""
    return (os.cpu_count() or 1) + 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first, module by module in turn to each process: they take minutes, in which they mostly wait.

    Each process begins with a stretch of its own of what is collected, all as long as each other.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow: list[list[pytest.Item]] = [[] for _ in range(processes)]
    modules = dict.fromkeys(item.path for item in items if item.get_closest_marker("slow"))
    for place, module in enumerate(modules):
        slow[place % processes] += [i for i in items if i.path == module and i.get_closest_marker("slow")]
    others = [item for item in items if not item.get_closest_marker("slow")]
    ends = [(place + 1) * len(items) // processes for place in range(processes)]
    ordered: list[pytest.Item] = []
    for first, end in zip(slow, ends, strict=True):
        ordered += first
        taken = max(end - len(ordered), 0)
        ordered += others[:taken]
        del others[:taken]
    items[:] = ordered + others


@pytest.fixture(scope="session", autouse=True)
def _no_settings_for_what_is_shared():
    with pytest.MonkeyPatch.context() as monkeypatch:
        forget_settings(monkeypatch)
        yield


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch):
    """Neither the user's, nor those that a command run in this process has set."""
    forget_settings(monkeypatch)


@dataclass(frozen=True)
class Built:
    """A data directory with everything built and published, and the release it is built from.

    Attributes:
        data_dir: the directory.
        csv: the release.
        shown: the metadata of each asset's last materialization.
    """

    data_dir: Path
    csv: Path
    shown: Mapping[str, Mapping[str, dg.MetadataValue]]

    @property
    def database(self) -> Path:
        return self.data_dir / "warehouse" / "mcf.duckdb"


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], T]) -> T:
    """What all test processes share, made by the first that needs it.

    Args:
        tmp_path_factory: pytest's.
        name: of its folder.
        make: makes it in that folder, which nobody may change afterwards.
    """
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    made = root / f"{name}.pickle"
    with FileLock(root / f"{name}.lock"):
        if not made.exists():
            (root / name).mkdir()
            made.write_bytes(pickle.dumps(make(root / name)))
    found: T = pickle.loads(made.read_bytes())
    return found


def built(folder: Path, csv: Path) -> Built:
    """A release, built and published through Dagster."""
    with dg.DagsterInstance.ephemeral() as instance:
        graph.ingest(folder / "data", csv, instance)
        graph.follow_plan(folder / "data", csv, instance)
        shown = graph.shown_by_all(instance)
    return Built(folder / "data", csv, shown)


@pytest.fixture(scope="session")
def full_sample(tmp_path_factory) -> Built:
    """The sample's newest release at full size, built once for all tests through Dagster; nobody may change it."""

    def make(folder: Path) -> Built:
        release = SyntheticRelease()
        csv = folder / release.file_name
        release.write_csv(csv)
        return built(folder, csv)

    return made_once(tmp_path_factory, "full_sample", make)


@pytest.fixture(scope="session")
def small_releases(tmp_path_factory) -> list[Path]:
    """The CSV files of three successive small releases; nobody may change them."""
    return made_once(tmp_path_factory, "small_releases", lambda folder: small.write_releases(folder, 3))


@pytest.fixture(scope="session")
def small_built(tmp_path_factory, small_releases) -> Built:
    """The first small release, built and published; nobody may change it: take `small_copy`."""
    return made_once(tmp_path_factory, "small_built", lambda folder: built(folder, small_releases[0]))


@pytest.fixture
def small_copy(small_built, tmp_path) -> Built:
    """A copy of `small_built` for one test to change."""
    data_dir = tmp_path / "data"
    shutil.copytree(small_built.data_dir, data_dir)
    return replace(small_built, data_dir=data_dir)


@dataclass(frozen=True)
class Ran:
    """What a run of the command line said, and what it left: Dagster's own files are in it.

    Attributes:
        answer: exit code and output.
        data_dir: the directory.
        csv: the release that it took in.
    """

    answer: Answer
    data_dir: Path
    csv: Path

    @property
    def database(self) -> Path:
        return self.data_dir / "warehouse" / "mcf.duckdb"


@pytest.fixture(scope="session")
def first_run(tmp_path_factory, small_releases) -> Ran:
    """The first small release, taken in by a process of its own; nobody may change it.

    Its caller keeps nobody from writing (umask 000), as some containers and cron do: `test_file_modes`.
    """

    def make(folder: Path) -> Ran:
        before = os.umask(0)
        try:
            answer = mcf("run", "--source", small_releases[0], "--data-dir", folder / "data")
        finally:
            os.umask(before)
        assert answer.code == 0, answer.err
        return Ran(answer, folder / "data", small_releases[0])

    return made_once(tmp_path_factory, "first_run", make)


def ran_after(before: Ran, folder: Path, csv: Path) -> Ran:
    """Another release taken in by a copy of what a run left."""
    data_dir = folder / "data"
    shutil.copytree(before.data_dir, data_dir, symlinks=True)
    answer = mcf_here("run", "--source", csv, "--data-dir", data_dir)
    assert answer.code == 0, answer.err
    return Ran(answer, data_dir, csv)


@pytest.fixture(scope="session")
def second_run(tmp_path_factory, first_run, small_releases) -> Ran:
    """The second small release, taken in after the first; nobody may change it."""
    return made_once(tmp_path_factory, "second_run", lambda folder: ran_after(first_run, folder, small_releases[1]))


@pytest.fixture(scope="session")
def third_run(tmp_path_factory, second_run, small_releases) -> Ran:
    """The third small release, taken in after the second; nobody may change it."""
    return made_once(tmp_path_factory, "third_run", lambda folder: ran_after(second_run, folder, small_releases[2]))


@pytest.fixture(scope="session")
def told_once(tmp_path_factory) -> tuple[Path, dict[str, list[str]]]:
    """Four releases that revise each other, taken in and built one after the other, then published without Dagster.

    The data directory, which nobody may change, and the quarters that each release made it do.
    """

    def make(folder: Path) -> tuple[Path, dict[str, list[str]]]:
        space, done = workspace_in(folder / "data"), {}
        for day, lines in told.LINES.items():
            ingest(space.archive, lines, day)
            done[day] = [quarter.id for quarter in build_quarters(space)]
        publish_build(space)
        return folder / "data", done

    return made_once(tmp_path_factory, "told", make)


def packaged(folder: Path, *, synthetic: bool) -> DataDir:
    data_dir = publish_handmade(folder, synthetic=synthetic)
    write_package(data_dir)
    return data_dir


@pytest.fixture(scope="session")
def handmade(tmp_path_factory) -> DataDir:
    """A data directory with the handmade file published and packaged; nobody may change it."""
    return made_once(tmp_path_factory, "handmade", lambda folder: packaged(folder, synthetic=False))


@pytest.fixture(scope="session")
def synthetic(tmp_path_factory) -> DataDir:
    """The same, said to be synthetic."""
    return made_once(tmp_path_factory, "synthetic", lambda folder: packaged(folder, synthetic=True))


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A web server that notices can be sent to."""
    with serve_webhook() as served:
        yield served


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """A mail server that notices can be sent to."""
    with serve_mail() as served:
        yield served
