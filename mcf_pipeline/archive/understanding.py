"""What an export says: its lines read, its columns named, its quarters split and judged. Written once.

`ingest`, `rebuild` and `doctor` all understand a file by these functions, so what one of them accepts, the others do.
What does not belong here: what is kept of it (`archive.store`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.archive.manifest import QuarterContent
from mcf_pipeline.archive.split import Split, spellings, split
from mcf_pipeline.contract.evidence import ExportValues
from mcf_pipeline.contract.levels import judge_levels, judge_spellings
from mcf_pipeline.contract.recognition import Recognition, fields_of, recognise
from mcf_pipeline.contract.release import Sums, Verdict, refuse_suspect
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.errors import ContractError
from mcf_pipeline.reading.export import Export, read_export
from mcf_pipeline.settings import Limits
from mcf_pipeline.sources.base import Received

if TYPE_CHECKING:
    import duckdb

IN_MEMORY_BYTES = 64 * 1024**2
"""Bytes of text up to which an export is held in memory; the real one has 20 MB. On disk it takes twice as long."""
_PACKED = 10
"""How much smaller Parquet is than the text it gives, about."""

Visit = Callable[["duckdb.DuckDBPyConnection", Mapping[str, QuarterContent]], None]
"""Called with the contents of some quarters while the view ``lignes`` gives their lines (`split.split`)."""


@dataclass(frozen=True, slots=True)
class Lines:
    """An export whose lines are in the table ``export``.

    Attributes:
        export: what was read.
        fields: its columns, with what the source says of them.
    """

    export: Export
    fields: tuple[SourceField, ...]


@dataclass(frozen=True, slots=True)
class Understood:
    """What an export says.

    Attributes:
        fields: its columns, with what the source says of them.
        recognition: what each of them is.
        content: of each quarter.
        notes: what a reader should know of how it was read.
    """

    fields: tuple[SourceField, ...]
    recognition: Recognition
    content: Split
    notes: tuple[str, ...] = ()

    @property
    def is_synthetic(self) -> bool:
        """Whether the export says that it is made up."""
        return "donnees_synthetiques" in self.recognition.columns


@contextmanager
def database(work: Path, received: Received) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database to understand an export in, on disk where it is large: memory does not grow with the file.

    Two threads, for each one more holds lines of its own; the order of lines is the file's.
    """
    import duckdb

    size = received.path.stat().st_size * (_PACKED if received.format == "parquet" else 1)
    place = ":memory:" if size <= IN_MEMORY_BYTES else str(work / "lines.duckdb")
    spill = str(work / "spill")
    with duckdb.connect(place, config={"temp_directory": spill, "memory_limit": "600MB", "threads": 2}) as con:
        yield con


def understand(
    con: duckdb.DuckDBPyConnection, received: Received, limits: Limits, source_map: SourceMap, visit: Visit
) -> Understood:
    """Read an export, name its columns, split it into quarters and judge these.

    Args:
        con: from `database`.
        received: the export.
        limits: what it may at most hold.
        source_map: overrides.
        visit: called for some quarters after the other, so that no more than these are held at once. What it keeps is
            provisional until `understand` is done: a later quarter may refuse the export.

    Raises:
        ContractError: it is not the dataset, or broken.
    """
    return judge(con, read(con, received, limits), received, limits, source_map, visit)


def read(con: duckdb.DuckDBPyConnection, received: Received, limits: Limits) -> Lines:
    """Read the lines of an export into the table ``export``.

    Raises:
        ContractError: it is not an export, or not a whole one.
    """
    with _named_as_given(received):
        export = read_export(con, received.path, received.format, limits, records_count=received.records_count)
    return Lines(export, fields_of(export.columns, received.fields))


def judge(
    con: duckdb.DuckDBPyConnection,
    lines: Lines,
    received: Received,
    limits: Limits,
    source_map: SourceMap,
    visit: Visit,
) -> Understood:
    """Name the columns of an export that was read, split it into quarters and judge these; as `understand`."""
    values = ExportValues(con, lines.export.columns)
    recognition = recognise(lines.fields, source_map, values, together=values.together, max_columns=limits.max_columns)
    notes = dict.fromkeys(recognition.flags)
    sums: dict[str, Sums] = {}

    def judged(quarters: Mapping[str, QuarterContent]) -> None:
        verdict = refuse_suspect(con, recognition, source_map)
        notes.update(dict.fromkeys(verdict.notes))
        sums.update(verdict.sums)
        visit(con, quarters)

    content = split(con, recognition, received.retrieved_at.date(), judged)
    quarters = {
        quarter: replace(held, amount=sums[quarter].amount, regions=sums[quarter].regions) if quarter in sums else held
        for quarter, held in content.quarters.items()
    }
    content = replace(content, quarters=quarters)
    levels = judge_spellings(spellings(con), source_map.accepted)
    levels += judge_levels({quarter: held.regions for quarter, held in sums.items()}, source_map.accepted)
    if levels:
        raise Verdict(tuple(levels)).error(source_map)
    return Understood(lines.fields, recognition, content, tuple(notes))


@contextmanager
def _named_as_given(received: Received) -> Iterator[None]:
    """Let an error speak of the file that a user gave, not of the copy that is read."""
    try:
        yield
    except ContractError as error:
        copy, said = received.path.name, str(error)
        if said.startswith(copy) and "://" not in received.origin:
            error.args = (f"{received.origin}{said.removeprefix(copy)}",)
        raise
