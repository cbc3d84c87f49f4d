"""Four releases of the story: small ones, and one whose changed quarters do not lie side by side."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from mcf_pipeline.quarter import Quarter
from mcf_pipeline.sample.synthetic import SyntheticRelease
from mcf_pipeline.sample.synthetic.export import write_csv
from mcf_pipeline_tests.orchestration.assets import small

OLD = SyntheticRelease(Quarter(2020, 3), scale=small.FIRST.scale)
FIRST = small.FIRST
NEXT = FIRST.next()
LAST = NEXT.next()


@dataclass(frozen=True)
class Gap:
    """`NEXT` with one of the two quarters that it revises left as it was, and an older one revised instead."""

    unrevised: str = "2020-T3"
    revised: str = "2020-T1"

    @property
    def day(self) -> dt.date:
        return NEXT.day

    def table(self) -> pa.Table:
        after, before = NEXT.table(), FIRST.table()
        kept = after.filter(pc.not_equal(after["trimestre"], self.unrevised))
        old = before.filter(pc.equal(before["trimestre"], self.unrevised))
        column = old.schema.get_field_index("date_chargement")
        days = kept["date_chargement"].slice(0, 1).combine_chunks()
        old = old.set_column(column, old.schema.field(column), pa.repeat(days[0], len(old)))
        return _one_hour_more(pa.concat_tables([kept, old]), self.revised)


def _one_hour_more(table: pa.Table, quarter: str) -> pa.Table:
    """Change the mean duration of the lines of a quarter."""
    name = "duree_moyenne"
    column = table[name]
    more = pc.add(column, pa.scalar(1, column.type))
    changed = pc.if_else(pc.equal(table["trimestre"], quarter), more.cast(column.type), column)
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), changed)


def write(folder: Path) -> dict[str, Path]:
    """The releases as CSV files, oldest first, by the name of each."""
    folder.mkdir()
    files = {}
    for name, release in {"old": OLD, "first": FIRST, "gap": Gap(), "last": LAST}.items():
        files[name] = folder / f"{name}.csv"
        write_csv(files[name], iter([release.table()]))
    return files
