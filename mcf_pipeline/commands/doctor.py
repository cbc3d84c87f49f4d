"""``doctor``: one look at the live source or at a file, column by column; it writes nothing that stays."""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.archive.rehearsal import Rehearsal, rehearse
from mcf_pipeline.commands.console import out, progress_bar, warn_synthetic
from mcf_pipeline.commands.doctor_page import render
from mcf_pipeline.commands.status import describe_broken_rule
from mcf_pipeline.contract.doctor import MAX_PROBLEMS, Diagnosis, SourceFacts, Values, diagnose
from mcf_pipeline.contract.guesses import with_unknown_modalities
from mcf_pipeline.contract.line_rules import Broken, added_up, broken_lines
from mcf_pipeline.contract.map_lines import map_lines
from mcf_pipeline.contract.masking import Masking, masking_of
from mcf_pipeline.contract.recognition import Recognition, RecognitionError, recognise
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.duck import scratch
from mcf_pipeline.errors import ContractError, PipelineError, SourceError
from mcf_pipeline.progress import report
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace

if TYPE_CHECKING:
    import duckdb

    from mcf_pipeline.contract.lines import TypedLines
    from mcf_pipeline.sources.metadata import PortalMetadata

MAX_VALUES = 50_000
"""Distinct values of one column that are looked at one by one; of more, one for each way of writing them."""


def doctor(settings: Settings, *, as_json: bool) -> None:
    """Look, print the page, and say by the exit code whether the source can be used.

    Raises:
        SourceError: the source could not be reached; the page says so too.
        ContractError: it cannot be used as it is; the page says what to write.
    """
    with progress_bar():
        diagnosis, error = examine(Workspace(settings))
    if as_json:
        out.print(json.dumps(diagnosis.to_json(), ensure_ascii=False, indent=2), markup=False)
    else:
        if any(column.canonical == "donnees_synthetiques" for column in diagnosis.columns):
            warn_synthetic()
        render(diagnosis, out)
    if error:
        raise error
    if not diagnosis.ready:
        what = (
            "the source is not understood: write the lines above into a file, check them, and set "
            "MCF_SOURCE_MAP to its path"
            if diagnosis.toml
            else "the source cannot be used: the page above names the problems; ask the publisher, or wait for the "
            "next release"
        )
        raise ContractError(what, rule="colonne_manquante")


def examine(space: Workspace) -> tuple[Diagnosis, PipelineError | None]:
    """Fetch the source into a folder that is gone afterwards, and look at what came."""
    from mcf_pipeline.archive.understanding import database, read
    from mcf_pipeline.sources.portal import PortalSource

    source = space.source()
    metadata: PortalMetadata | None = None
    origin = space.settings.source
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mcf-doctor-")))
        try:
            if isinstance(source, PortalSource):
                metadata = source.metadata()
                origin = source.url
            received = source.fetch(work, lambda done, total: report("download", done, total))
            con = stack.enter_context(database(work, received))
            lines = read(con, received, space.settings.limits)
        except (SourceError, ContractError) as error:
            return _unread(origin, metadata, error, space), error
        fields = lines.fields
        facts = SourceFacts(
            origin=received.origin,
            quota_left=metadata.quota_left if metadata else None,
            licence=received.licence,
            data_processed=received.data_processed,
            records_count=received.records_count,
            lines_read=lines.export.rows,
        )
        values = {name: _values(con, [name]) for name in lines.export.columns}
        flat: Mapping[str, Values] = {name: {key[0]: n for key, n in found.items()} for name, found in values.items()}
        pairs = _pairs(con, fields, space)
        found = diagnose(facts, fields, flat, space.source_map, pairs=pairs)
        sound = _SoundLines(lines.export.rows)
        today = received.retrieved_at.date()
        rehearsal = rehearse(con, lines.export.columns, fields, space.source_map, today, sound.keep)
        found = replace(found, masking=sound.masking if sound.masking.lines else None)
        return _with_rehearsal(found, rehearsal, space.source_map, sound.broken()), None


def _with_rehearsal(found: Diagnosis, rehearsal: Rehearsal, source_map: SourceMap, broken: Sequence[str]) -> Diagnosis:
    """A diagnosis with what a run would say."""
    problems = tuple(dict.fromkeys((*rehearsal.problems, *(() if rehearsal.is_ready else found.problems))))
    toml = rehearsal.toml
    mapped = SourceMap.from_toml(tomllib.loads(toml)) if toml else source_map
    dropped = {text for texts in mapped.totals.values() for text in texts}
    unknown = {
        name: [t for t in texts if t not in dropped and mapped.modality(name, t) is None]
        for name, texts in found.unknown.items()
    }
    if any(unknown.values()):
        toml = with_unknown_modalities(toml or map_lines(source_map), unknown)
    return replace(
        found,
        ready=rehearsal.is_ready,
        problems=problems[:MAX_PROBLEMS],
        notes=tuple(dict.fromkeys((*rehearsal.notes, *broken, *found.notes))),
        toml=toml,
        opens=rehearsal.opens,
    )


class _SoundLines:
    """What the lines that a run would use show, counted a few quarters at a time.

    Attributes:
        masking: how they are masked.
    """

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._read = 0
        self._broken: list[list[Broken]] = []
        self.masking = Masking()

    def keep(self, lines: TypedLines) -> None:
        """Count some lines."""
        with scratch() as con:
            self._broken += broken_lines(con, lines.usagers).values()
            self.masking += masking_of(con, lines.usagers)
        self._read += len(lines.usagers)
        report("read and validate", min(self._read, self._rows), self._rows)

    def broken(self) -> list[str]:
        """What the figures of some lines contradict: such lines are used, and a reader should know of them."""
        report("read and validate", self._rows, self._rows)
        return [describe_broken_rule(*entry) for entry in added_up(self._broken)]


def _unread(origin: str, metadata: PortalMetadata | None, error: PipelineError, space: Workspace) -> Diagnosis:
    """What can be said of a source whose lines could not be read: at least its columns, if it describes them."""
    facts = SourceFacts(
        origin=origin,
        reachable=metadata is not None or not isinstance(error, SourceError),
        error=str(error),
        quota_left=metadata.quota_left if metadata else None,
        licence=metadata.licence if metadata else None,
        data_processed=metadata.data_processed if metadata else None,
        records_count=metadata.records_count if metadata else None,
    )
    return diagnose(facts, metadata.fields if metadata else (), {}, space.source_map)


def _values(con: duckdb.DuckDBPyConnection, columns: list[str]) -> dict[tuple[str | None, ...], int]:
    from mcf_pipeline.duck import quoted

    selected = ", ".join(map(quoted, columns))
    rows = con.execute(
        f"SELECT {selected}, count(*) FROM export GROUP BY ALL ORDER BY count(*) DESC LIMIT {MAX_VALUES + 1}"
    ).fetchall()
    if len(rows) > MAX_VALUES and len(columns) == 1:
        # Nothing may be left out of the counts: figures are many, and few are the ways of writing them.
        rows = con.execute(
            f"SELECT any_value({selected}), count(*) FROM export "
            f"GROUP BY regexp_replace({selected}, '[0-9]', '9', 'g') ORDER BY count(*) DESC LIMIT {MAX_VALUES}"
        ).fetchall()
    return {tuple(row[:-1]): row[-1] for row in rows}


def _pairs(
    con: duckdb.DuckDBPyConnection,
    fields: Sequence[SourceField],
    space: Workspace,
) -> dict[tuple[str | None, ...], int] | None:
    """The combinations of year and number, where the quarter is given by two columns."""
    try:
        found: Recognition = recognise(fields, space.source_map)
    except RecognitionError:
        return None
    return _values(con, list(found.quarter.columns)) if found.quarter.is_pair else None
