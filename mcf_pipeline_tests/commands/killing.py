"""Killing a run and what must hold afterwards: a few instants of it in CI, hundreds in `bench/kills.py`.

After each kill the published file opens and is wholly the old or the new one; the next plain run finishes the work, and
what it leaves is, table by table and file by file, what a run leaves that nobody disturbs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mcf_pipeline.files import sha256_of
from mcf_pipeline_tests.commands import forked
from mcf_pipeline_tests.end_to_end.story import tables_of

Tables = dict[str, list[tuple]]

DRAFT = re.compile(r"(.*/)?\.[^/]+\.\d+(\.wal)?")
"""A file that a process, whose id its name ends in, was writing."""
_STEP = re.compile(r" - (?:\d+ - )?(?:(\w+) - )?(RUN_START|RUN_SUCCESS|STEP_START|STEP_SUCCESS) - ")


@dataclass(frozen=True)
class Case:
    """What a killed run is compared with.

    Attributes:
        base: a data directory with one release; nobody may change it.
        csv: the release that is taken in.
        before: the tables that are published in `base`.
        after: the tables that an undisturbed run publishes.
        files: the files that it leaves, as `files_of` names them.
        cpu_seconds: what it uses of the processor.
        steps: what it names in its log, in its order: steps of ours, and of Dagster's.
    """

    base: Path
    csv: Path
    before: Tables
    after: Tables
    files: Counter[str]
    cpu_seconds: float
    steps: tuple[str, ...]

    def copy(self, data_dir: Path) -> Path:
        """`base` for one try."""
        shutil.copytree(self.base, data_dir, symlinks=True)
        return data_dir

    def begin(self, data_dir: Path, *options: str) -> forked.Running:
        """A run that takes the release in."""
        return forked.begin(said_in(data_dir), "run", "--source", self.csv, "--data-dir", data_dir, *options)


def make_case(folder: Path, base: Path, csv: Path) -> Case:
    """Run it undisturbed."""
    data_dir = folder / "undisturbed"
    shutil.copytree(base, data_dir, symlinks=True)
    steps, used = [], 0.0
    for step, run in _watched(data_dir, csv):
        steps.append(step)
        used = run.cpu_seconds or used
    assert run.answer().code == 0
    before, after = (tables_of(where / "warehouse" / "mcf.duckdb") for where in (base, data_dir))
    assert before != after
    return Case(base, csv, before, after, files_of(data_dir), used, tuple(dict.fromkeys(steps)))


def said_in(data_dir: Path) -> Path:
    """Where what its commands say is kept: beside a data directory."""
    return data_dir.with_name(f"{data_dir.name}-said")


def files_of(data_dir: Path) -> Counter[str]:
    """Everything in a data directory but Dagster's history; the packages have names of chance."""
    found: Counter[str] = Counter()
    for folder, _, names in os.walk(data_dir):
        place = re.sub(r"^\.package/[0-9a-f]{32}", ".package/*", str(Path(folder).relative_to(data_dir)))
        if not place.startswith("dagster"):
            found.update(f"{place}/{name}".removeprefix("./") for name in names)
    return found


def assert_package_is_whole(folder: Path) -> None:
    """Each file is there with the bytes that the descriptor promises."""
    descriptor = json.loads((folder / "datapackage.json").read_text())
    for resource in descriptor["resources"]:
        assert resource["hash"] == f"sha256:{sha256_of(folder / resource['path'])}", resource["path"]


def state_of(data_dir: Path, case: Case) -> str:
    """Which of the two states is published; what users open is whole."""
    database = data_dir / "warehouse" / "mcf.duckdb"
    assert not database.with_name("mcf.duckdb.wal").exists()
    found = tables_of(database)
    assert found in (case.before, case.after), "the published file is neither the old state nor the new one"
    assert_package_is_whole(data_dir / "package")
    assert (data_dir / "site" / "index.html").read_text().rstrip().endswith("</html>")
    return "new" if found == case.after else "old"


def finish(data_dir: Path, case: Case) -> list[str]:
    """The next plain run finishes the work; returns the drafts that it leaves."""
    answer = case.begin(data_dir).answer()
    assert answer.code == 0, answer.err
    assert state_of(data_dir, case) == "new"
    left = files_of(data_dir) - case.files
    # The package before this one stays for who is reading it.
    drafts = [name for name in left if DRAFT.fullmatch(name)]
    assert [name for name in left if name not in drafts and not name.startswith(".package/*/")] == []
    assert len(list((data_dir / ".package").iterdir())) <= 2
    # The current package is whole, as `state_of` has seen; the other one may be what a killed run had begun of it.
    missing = [name for name in case.files - files_of(data_dir) if not name.startswith(".package/*/")]
    assert missing == []
    return drafts


def kill_at(data_dir: Path, case: Case, fraction: float, *options: str) -> str | None:
    """Kill a run at a fraction of what it needs of the processor; the state then, None where it had ended before."""
    killed = case.begin(data_dir, *options).kill_after(fraction * case.cpu_seconds)
    return state_of(data_dir, case) if killed else None


def kill_at_line(data_dir: Path, case: Case, wanted: str) -> str:
    """Kill a run when its log names a step (`Case.steps`); returns the state then."""
    watched = _watched(data_dir, case.csv)  # as long as it is there, so is the reader of the log
    found = next((run for name, run in watched if name == wanted), None)
    assert found, f"no run says {wanted!r}"
    assert found.kill(), f"ended before it was killed at {wanted!r}"
    return state_of(data_dir, case)


def _watched(data_dir: Path, csv: Path) -> Iterator[tuple[str, forked.Running]]:
    """Take a release in; gives each step as soon as the log names it, and the run."""
    pipe = said_in(data_dir) / "log"
    pipe.parent.mkdir(parents=True, exist_ok=True)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    arguments = ["--log-format", "json", "run", "--source", csv, "--data-dir", data_dir, "--dagster-logs"]
    run = forked.begin(said_in(data_dir), *arguments, err=pipe)
    with pipe.open() as lines:
        for line in lines:
            event = json.loads(line)
            text = event.get("text", "")
            if event["event"] != "message":
                yield event["event"], run
            elif text.startswith("… "):
                yield text, run
            elif step := _STEP.search(text):
                yield " ".join(filter(None, step.groups())), run


def age(data_dir: Path, seconds: float = 3600.0) -> None:
    """Let everything that processes were writing be so much older: what is young may be another process's."""
    for folder, _, names in os.walk(data_dir):
        for path in (Path(folder, name) for name in names):
            if DRAFT.fullmatch(path.name):
                then = path.stat().st_mtime - seconds
                os.utime(path, (then, then))
