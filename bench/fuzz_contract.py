"""Fuzz the contract for longer than a test may take.

    .venv/bin/python bench/fuzz_contract.py --seconds 80
    .venv/bin/python bench/fuzz_contract.py --examples 5000 --seed 7

The files are those of `mcf_pipeline_tests/contract/test_fuzz.py`, from another seed at each call. The bytes of
every failure are kept, and the last line is the count: ``N passed, N failed``.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

sys.path.insert(0, str(Path(__file__).parents[1]))

from mcf_pipeline_tests.contract.test_fuzz import Export, exports, fuzzing

BATCH = 100
"""Examples under one seed; Hypothesis repeats itself less in many short runs than in a long one."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=None, help="how long [default: 80, if no --examples]")
    parser.add_argument("--examples", type=int, default=None, help="how many files at most")
    parser.add_argument("--seed", type=int, default=None, help="repeat an earlier call")
    parser.add_argument("--keep", type=Path, default=None, help="folder for files that failed [default: a new one]")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    first = random.randrange(10**6) if options.seed is None else options.seed
    seconds = 80.0 if options.seconds is None and options.examples is None else options.seconds
    until = time.monotonic() + seconds if seconds else None
    passed, failed = 0, 0

    def is_over() -> bool:
        enough = options.examples is not None and passed + failed >= options.examples
        return enough or (until is not None and time.monotonic() > until)

    with tempfile.TemporaryDirectory(prefix="mcf-fuzz-") as folder, fuzzing(Path(folder)) as fuzz:

        def check(export: Export) -> None:
            nonlocal passed, failed
            if is_over():
                return
            try:
                fuzz.check(export)
                passed += 1
            except Exception:
                failed += 1
                options.keep = options.keep or Path(tempfile.mkdtemp(prefix="mcf-fuzz-failed-"))
                options.keep.mkdir(parents=True, exist_ok=True)
                (options.keep / f"{first}-{failed}.csv").write_bytes(export.content)
                (options.keep / f"{first}-{failed}.txt").write_text(traceback.format_exc())
                print(f"failed: {options.keep / f'{first}-{failed}.csv'}")

        number = first
        while not is_over():
            run = settings(
                max_examples=BATCH,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )(given(exports())(check))
            seed(number)(run)()
            number += 1
    for outcome, times in fuzz.outcomes.most_common():
        print(f"{times:7,}  {outcome}")
    print(f"seed {first}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
