"""Kill runs at random instants and at every step that they name, and look at what is left.

    .venv/bin/python bench/kills.py --kills 200 --seed 1      # on the command line
    .venv/bin/python bench/kills.py --daemon 30 --seed 1      # under dagster dev

After each kill the published file has to open and be wholly the old or the new one, the next plain run has to finish
the work, and the result has to equal, table by table, that of a run that nobody disturbs. The first
violation ends it (exit 1).
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from mcf_pipeline.quarter import Quarter
from mcf_pipeline.sample.synthetic import SyntheticRelease
from mcf_pipeline_tests.commands import forked, killing


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=0, help="at so many random instants, on the command line")
    parser.add_argument("--daemon", type=int, default=0, help="at so many random instants, under dagster dev")
    parser.add_argument("--seed", type=int, default=None, help="repeat an earlier call")
    parser.add_argument("--jobs", type=int, default=2, help="tries at the same time [default: 2]")
    parser.add_argument("--folder", type=Path, default=None, help="where to work; a disk in memory is quicker")
    options = parser.parse_args()
    seed = random.randrange(10**6) if options.seed is None else options.seed
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="mcf-kills-", dir=options.folder))
    try:
        if options.kills:
            command_line(folder, options.kills, random.Random(seed), options.jobs)
        if options.daemon:
            from daemon_kills import under_the_daemon

            under_the_daemon(folder, options.daemon, random.Random(seed))
    except AssertionError as error:
        print(f"VIOLATED (seed {seed}, see {folder}): {error}")
        return 1
    shutil.rmtree(folder)
    print(f"no violation; seed {seed}, {time.monotonic() - began:.0f} s")
    return 0


def command_line(folder: Path, kills: int, chance: random.Random, jobs: int) -> None:
    """Random instants, every named step, and half as many kills in a row in one data directory."""
    case = _case(folder)
    print(f"an undisturbed run: {case.cpu_seconds:.1f} s of the processor, {len(case.steps)} named steps")
    instants = [chance.uniform(0, 1) for _ in range(kills)]
    tries: list[Callable[[Path], str]] = [lambda where, at=at: _instant(case, where, at) for at in instants]
    tries += [lambda where, step=step: _step(case, where, step) for step in case.steps if step != "ended"]
    row = [chance.uniform(0, 1) for _ in range(kills // 2)]
    tries.append(lambda where: _in_a_row(case, where, row))
    seen: Counter[str] = Counter()
    with ThreadPoolExecutor(jobs) as pool:
        begun = [pool.submit(_one, one, folder / f"try{number}") for number, one in enumerate(tries)]
        done, _ = wait(begun, return_when=FIRST_EXCEPTION)
        failed = [found for found in done if found.exception()]
        if failed:
            pool.shutdown(cancel_futures=True)
            failed[0].result()
        seen.update(found.result() for found in done)
    print("\n".join(f"{number:5} {what}" for what, number in sorted(seen.items())))


def _case(folder: Path) -> killing.Case:
    first = SyntheticRelease(Quarter(2020, 1), scale=0.01)
    files = []
    for release in (first, first.next()):
        files.append(folder / release.file_name)
        release.write_csv(files[-1])
    base = folder / "base"
    answer = forked.run(folder / "said", "run", "--source", files[0], "--data-dir", base)
    assert answer.code == 0, answer.err
    return killing.make_case(folder, base, files[1])


def _one(one: Callable[[Path], str], where: Path) -> str:
    said = one(where)
    shutil.rmtree(where)
    shutil.rmtree(killing.said_in(where))
    print(".", end="", flush=True)
    return said


def _instant(case: killing.Case, where: Path, fraction: float) -> str:
    case.copy(where)
    state = killing.kill_at(where, case, fraction)
    # One that has ended was quicker than the undisturbed one.
    drafts = killing.finish(where, case)
    left = f", {len(drafts)} drafts left" if drafts else ""
    return f"killed at a random instant, {state} state{left}" if state else "ended before the kill"


def _step(case: killing.Case, where: Path, step: str) -> str:
    case.copy(where)
    state = killing.kill_at_line(where, case, step)
    killing.finish(where, case)
    return f"killed at a named step, {state} state"


def _in_a_row(case: killing.Case, where: Path, fractions: list[float]) -> str:
    """`--force` makes every quarter each time, so that there is always something to kill."""
    case.copy(where)
    killed = sum(killing.kill_at(where, case, fraction, "--force") is not None for fraction in fractions)
    killing.age(where)
    drafts = killing.finish(where, case)
    assert drafts == [], f"temporary files pile up: {drafts}"
    return f"killed {killed} times in a row, nothing left over"


if __name__ == "__main__":
    sys.exit(main())
