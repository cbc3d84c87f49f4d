"""How many good releases are refused: there must be none.

    .venv/bin/python bench/false_refusals.py
    .venv/bin/python bench/false_refusals.py --releases 200 --seed 7

Each release is small and made up, good, and different: other styles of numbers, masks, missing columns, modalities that
nobody knows, real zeros, lines whose figures do not fit together (`mcf_pipeline_tests/contract/made_up.py`). Each goes
through all that an intake and staging do. Exit code 1 if one is refused, or if one figure is not what was written.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import sys
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1]))

from mcf_pipeline.archive.manifest import QuarterContent
from mcf_pipeline.archive.split import split
from mcf_pipeline.contract.evidence import ExportValues
from mcf_pipeline.contract.lines import TypedLines, read_lines
from mcf_pipeline.contract.recognition import fields_of, recognise
from mcf_pipeline.contract.release import judge
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.errors import PipelineError
from mcf_pipeline.reading.export import read_export
from mcf_pipeline.settings import Limits
from mcf_pipeline.tables.staged import is_refused
from mcf_pipeline_tests.contract.made_up import Line, any_style, csv, release


def wrong(con: duckdb.DuckDBPyConnection, path: Path, lines: list[Line]) -> str | None:
    """What is said against a good release, or None."""
    try:
        export = read_export(con, path, "csv", Limits())
        values = ExportValues(con, export.columns)
        recognition = recognise(fields_of(export.columns, ()), SourceMap(), values, together=values.together)
        said: list[str] = []
        read_batches: list[TypedLines] = []

        def look(_: Mapping[str, QuarterContent]) -> None:
            said.extend(map(str, judge(con, recognition, SourceMap()).problems))
            lines_sql = "SELECT '' AS release_id, * EXCLUDE (canonique) FROM lignes"
            read_batches.append(read_lines(con, lines_sql, SourceMap()))

        content = split(con, recognition, dt.date(2026, 11, 2), look)
        if said:
            return "; ".join(said)
        (found,) = read_batches  # a release of this size is one batch
    except PipelineError as error:
        return str(error)
    refused = [q for q, held in content.quarters.items() if is_refused(found, ("", q), held.rows)]
    if refused:
        return f"quarters {refused} refused: {found.rejets['regle'].value_counts().to_dict()}"
    for column in ("nb_dossiers", "montant_engage"):
        written = sum((_number(line[column]) for line in lines), Decimal(0))
        read = Decimal(found.usagers[column].sum() or 0)
        if read != written:
            return f"{column}: {read} read, {written} written"
    return None


def _number(text: str) -> Decimal:
    plain = text.replace("\u202f", "").replace(",", ".")
    return Decimal(plain) if plain[:1].isdigit() else Decimal(0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--releases", type=int, default=1_000, help="how many [default: 1000]")
    parser.add_argument("--seed", type=int, default=2020, help="of the first [default: 2020]")
    options = parser.parse_args()
    refused = lines_in_all = 0
    with tempfile.TemporaryDirectory(prefix="mcf-bench-") as folder:
        path = Path(folder) / "release.csv"
        for number in range(options.releases):
            rng = random.Random(options.seed * 1_000_000 + number)
            lines = release(rng, any_style(rng))
            lines_in_all += len(lines)
            path.write_bytes(csv(lines))
            with duckdb.connect(config={"threads": 1}) as con:
                said = wrong(con, path, lines)
            if said:
                refused += 1
                print(f"release {number} ({len(lines):,} lines): {said}", flush=True)
    share = refused / options.releases
    print(f"{refused} of {options.releases:,} good releases refused ({share:.2%}); {lines_in_all:,} lines in all")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
