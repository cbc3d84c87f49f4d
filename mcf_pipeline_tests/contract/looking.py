"""A made-up release read as a run would read it."""

from __future__ import annotations

import datetime as dt
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from mcf_pipeline.archive.rehearsal import Rehearsal, rehearse
from mcf_pipeline.contract.lines import TypedLines
from mcf_pipeline.contract.recognition import fields_of
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.reading.export import read_export
from mcf_pipeline.settings import Limits
from mcf_pipeline_tests.contract.made_up import Line, csv

TODAY = dt.date(2026, 11, 2)


@contextmanager
def exported(lines: Sequence[Line]) -> Iterator[tuple[duckdb.DuckDBPyConnection, tuple[str, ...]]]:
    """The table ``export`` of a release, and its columns."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(config={"threads": 1}) as con:
        path = Path(folder) / "release.csv"
        path.write_bytes(csv(list(lines)))
        yield con, read_export(con, path, "csv", Limits()).columns


class Looked(NamedTuple):
    """A rehearsal, and the lines that it read, if it could: a small release is read at once."""

    rehearsal: Rehearsal
    lines: TypedLines | None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rehearsal, name)


def look(lines: Sequence[Line], source_map: SourceMap | None = None) -> Looked:
    """Read a release as a run would."""
    read: list[TypedLines] = []
    with exported(lines) as (con, columns):
        found = rehearse(con, columns, fields_of(columns, ()), source_map or SourceMap(), TODAY, read.append)
    return Looked(found, read[-1] if read else None)


def proposed(found: Looked) -> SourceMap:
    """The map that a rehearsal proposes."""
    return SourceMap.from_toml(tomllib.loads(found.toml))


def figures(found: Looked) -> tuple[int, Decimal, int]:
    """Dossiers, amount, masked lines."""
    assert found.lines is not None, found.problems
    usagers = found.lines.usagers
    return int(usagers.nb_dossiers.sum()), Decimal(usagers.montant_engage.sum()), int(usagers.est_masque.sum())
