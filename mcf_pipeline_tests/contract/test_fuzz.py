"""Whole files, generated and damaged at random: each is refused by a known rule, or read as by hand.

`reading_by_hand` shares nothing with the pipeline. `bench/fuzz_contract.py` runs the same for as long as one
likes.
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from unittest import mock

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.archive.store import UNREADABLE_FILE
from mcf_pipeline.contract.rules import RULES
from mcf_pipeline.duck import scratch
from mcf_pipeline.errors import ContractError, PipelineError
from mcf_pipeline.schemas.base import Table, describe
from mcf_pipeline.schemas.staging import StgRejets
from mcf_pipeline.schemas.warehouse import FACTS, FctDossiers, FctFinancements
from mcf_pipeline.tables.build import states_of
from mcf_pipeline.tables.dimensions import MODALITY_DIMENSIONS, dimension_frames
from mcf_pipeline.tables.facts import make_facts
from mcf_pipeline.tables.files import read_files
from mcf_pipeline.tables.snapshot import Snapshot
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.exports import sender, workspace_in
from mcf_pipeline_tests.reading import reading_by_hand as by_hand
from mcf_pipeline_tests.warehouse.builds import stage_all

LAST_QUARTER = "2026-T4"
"""The running quarter on the day that `exports.sender` says the file came."""

# -- a valid export, in any of the ways a source may write it --------------------------------------------

QUARTERS = ("2020-T1", "2024-T1", "2024-T2", "2026-T4")
UNKNOWN = ("Région fictive 001", "<script>alert(1)</script>", "=cmd()|'/C calc'!A0", "'; DROP TABLE fct_dossiers; --")
ODD_CELLS = (
    "NaN", "inf", "1e999", "-5", "1.5", "-0", "0", "", " ", "12,50", "1 234", "1,234,567", "9223372036854775807",
    "9223372036854775808", "10000000000", "99999999999999999999.99", "<b>", "=1+1", "é", "\u202e", "2019-T4", "2027-T1",
    "2024-T2", "../..", "Bretagn\u0435", "I\u0302le-de-France", 'a"b', "a;b", "a\nb", "a\r\nb", "\u00a0", "+7", ".5",
    "١٢", "TRUE", "null",
)  # fmt: skip
OPTIONAL = [name for name in by_hand.NAMES if name not in (*by_hand.REQUIRED, "part_etat")]


def _quarter_texts(quarter: str) -> tuple[str, ...]:
    year, number = quarter.split("-T")
    month = f"{3 * int(number) - 2:02d}"
    return (quarter, f"{year}T{number}", f"T{number} {year}", f"{year}Q{number}", f"{year}-{month}-01")


def _spelled(value: Decimal | int, style: str) -> str:
    text = f"{value:,}" if "blank" in style else f"{value}"
    text = text.replace(",", "\u202f" if style == "thin blank" else " ")
    return text.replace(".", ",") if style != "point" else text


@st.composite
def cells(draw: st.DrawFn) -> list[list[str]]:
    """Header and lines, all of them valid."""
    columns = [*by_hand.REQUIRED, "part_etat", *draw(st.lists(st.sampled_from(OPTIONAL), unique=True))]
    columns = draw(st.permutations(columns))
    header = [draw(st.sampled_from(by_hand.NAMES[column])) for column in columns]
    style = draw(st.sampled_from(["point", "comma", "blank", "thin blank"]))
    write = draw(st.integers(0, 4))
    # Above a hundred lines in a quarter, one bad line is quarantined; below, it refuses the quarter.
    count = draw(st.sampled_from([1, 3, 8, 8, 20, 30, 30, 120]))
    quarters = draw(st.lists(st.sampled_from(QUARTERS), min_size=1, max_size=1 if count > 30 else 3, unique=True))
    tables = [
        [*by_hand.REGIONS, *UNKNOWN, "-1"],
        ["Femme", "Homme", "F", "Non renseigné"],
        ["Moins de 25 ans", "25 à 39 ans", "40-49 ans", "50 ans et plus", "70 ans et plus", ""],
        [*by_hand.SITUATIONS, "Militaires"],
        [*by_hand.STATUSES, "Statut nouveau"],
    ]
    seed = draw(st.integers(0, 2**32))
    lines: list[list[str]] = []
    taken = set()
    for i in range(count):
        chance = [(seed + 1) * (i + 1) * prime // 7 for prime in (7, 11, 13, 17, 19, 23)]
        quarter = quarters[chance[5] % len(quarters)]
        texts = [table[c % len(table)] for table, c in zip(tables, chance[:5], strict=True)]
        key = (quarter, *(by_hand.modality(n, t) for n, t in zip(by_hand.DIMENSIONS, texts, strict=True)))
        if key in taken:
            continue
        taken.add(key)
        masked = chance[0] % 7 == 0
        cell = {"trimestre": _quarter_texts(quarter)[write], **dict(zip(by_hand.DIMENSIONS, texts, strict=True))}
        for at, name in enumerate(columns):
            if name in by_hand.MEANS:
                cell[name] = _spelled(Decimal(chance[at % 6] % 999_999) / 100, style)
            elif name not in cell:
                amount = Decimal(chance[at % 6] % 10**9) / 100
                value = amount if name in by_hand.AMOUNTS else chance[at % 6] % 12_345
                cell[name] = "" if masked else _spelled(value, style)
        lines.append([cell[name] for name in columns])
    return [header, *lines]


@dataclass(frozen=True)
class Written:
    """How a table of cells becomes bytes."""

    delimiter: str
    encoding: str
    line_end: str
    quoting: int
    final: bool

    def __call__(self, rows: list[list[str]]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(
            text,
            delimiter=self.delimiter,
            lineterminator=self.line_end,
            quoting=self.quoting,  # type: ignore[arg-type]
        )
        writer.writerows(rows)
        whole = text.getvalue() if self.final else text.getvalue().removesuffix(self.line_end)
        return whole.encode(self.encoding, "replace")


writings = st.builds(
    Written,
    delimiter=st.sampled_from(";;,\t|"),
    encoding=st.sampled_from(["utf-8-sig", "utf-8-sig", "utf-8", "cp1252", "utf-16"]),
    line_end=st.sampled_from(["\r\n", "\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    final=st.sampled_from([True, True, False]),
)

# -- damage ----------------------------------------------------------------------------------------------

Rows = list[list[str]]


def _replace_cell(rows: Rows, at: int, what: str) -> Rows:
    rows = [list(row) for row in rows]
    row = rows[at % len(rows)]
    row[(at // 7) % len(row)] = what
    return rows


def _repeat_line(rows: Rows, at: int, what: str) -> Rows:
    return [*rows, rows[at % len(rows)]]


def _drop_line(rows: Rows, at: int, what: str) -> Rows:
    return rows[: at % len(rows)] + rows[at % len(rows) + 1 :]


def _repeat_column(rows: Rows, at: int, what: str) -> Rows:
    return [[*row, row[at % len(row)]] for row in rows]


def _drop_column(rows: Rows, at: int, what: str) -> Rows:
    return [row[: at % len(row)] + row[at % len(row) + 1 :] for row in rows]


def _extra_column(rows: Rows, at: int, what: str) -> Rows:
    return [[*row, what if n else "une colonne de plus"] for n, row in enumerate(rows)]


def _trade_columns(rows: Rows, at: int, what: str) -> Rows:
    """Two names change places: amounts under counts, regions under genders."""
    header = list(rows[0])
    a, b = at % len(header), (at // 31) % len(header)
    header[a], header[b] = header[b], header[a]
    return [header, *rows[1:]]


def _reverse(rows: Rows, at: int, what: str) -> Rows:
    return [rows[0], *rows[:0:-1]]


OF_CELLS: tuple[Callable[[Rows, int, str], Rows], ...] = (
    _replace_cell,
    _replace_cell,
    _repeat_line,
    _drop_line,
    _repeat_column,
    _drop_column,
    _extra_column,
    _trade_columns,
    _reverse,
)


def _cut(content: bytes, at: int, byte: int) -> bytes:
    return content[: at % (len(content) + 1)]


def _flip(content: bytes, at: int, byte: int) -> bytes:
    at %= max(1, len(content))
    return content[:at] + bytes((content[at] ^ (1 << byte % 8),)) + content[at + 1 :] if content else b""


def _insert(content: bytes, at: int, byte: int) -> bytes:
    at %= len(content) + 1
    return content[:at] + bytes((byte,)) + content[at:]


def _lose(content: bytes, at: int, byte: int) -> bytes:
    at %= len(content) + 1
    return content[:at] + content[at + 1 + byte :]


def _swap_delimiters(content: bytes, at: int, byte: int) -> bytes:
    old, new = b";,\t|"[at % 4 : at % 4 + 1], b";,\t|"[byte % 4 : byte % 4 + 1]
    return content.replace(old, new) if at % 3 else content.replace(old, new, 1 + at % 9)


def _append(content: bytes, at: int, byte: int) -> bytes:
    return content + (b"\r\n", b"\n\n\n", b";;;\n", b'"', b"<!-- page -->\n", content, b"\x1a", b"Total;12\n")[byte % 8]


OF_BYTES: tuple[Callable[[bytes, int, int], bytes], ...] = (
    _cut,
    _flip,
    _flip,
    _insert,
    _lose,
    _swap_delimiters,
    _append,
)

places = st.integers(0, 2**20)
cell_damage = st.tuples(st.sampled_from(OF_CELLS), places, st.sampled_from(ODD_CELLS))
byte_damage = st.tuples(st.sampled_from(OF_BYTES), places, st.integers(0, 255))


@dataclass(frozen=True)
class Export:
    """The bytes of a file, and whether they were damaged."""

    content: bytes
    is_damaged: bool

    def __repr__(self) -> str:
        return f"Export({self.content[:3000]!r}, is_damaged={self.is_damaged})"


@st.composite
def exports(draw: st.DrawFn) -> Export:
    rows, write = draw(cells()), draw(writings)
    kind = draw(st.sampled_from(["none", "cells", "cells", "bytes", "both"]))
    if kind in ("cells", "both"):
        for damage, at, what in draw(st.lists(cell_damage, min_size=1, max_size=3)):
            rows = damage(rows, at, what) if rows and rows[0] else rows
    content = write(rows)
    if kind in ("bytes", "both"):
        for spoil, at, byte in draw(st.lists(byte_damage, min_size=1, max_size=2)):
            content = spoil(content, at, byte)
    return Export(content, kind != "none" or write.encoding == "cp1252")


# -- running it ------------------------------------------------------------------------------------------

NAMES = ("region", "genre", "classe_age", "situation", "statut")
KEY = f"trimestre_id, {', '.join(f'{name}_id' for name in NAMES)}"
DOSSIERS_SQL = f"SELECT {KEY}, {', '.join(by_hand.MEASURES)}, est_masque"
PARTS_SQL = f"SELECT {KEY}, financeur_id, montant, nb_dossiers_finances, est_masque"


class Fuzz:
    """Ingests file after file into an empty archive and compares; counts what came of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outcomes: Counter[str] = Counter()

    def check(self, export: Export) -> None:
        """Fails unless the export is refused by a known rule, or read as by hand."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            space = workspace_in(Path(folder))
            error = _refusal(space, export)
            if error is None:
                damaged = _damaged_names(space)
                assert all(by_hand.resembles(name, column) for name, column in damaged.items()), damaged
                self._compare(space, by_hand.read(export.content, LAST_QUARTER, damaged), export)
                return
            assert isinstance(error, ContractError), f"{type(error).__name__}: {error}"
            assert error.rule in RULES
            assert len(str(error).splitlines()) == 1
            assert export.is_damaged, f"an export as good as any was refused: {error}"
            assert not list(space.data_dir.root.rglob("*.*")), "a refused export left something behind"
            self.outcomes[error.rule] += 1

    def _compare(self, space: Workspace, expected: by_hand.Reading, export: Export) -> None:
        assert expected.contradiction is None
        snapshot = stage_all(space)
        latest = snapshot.reported.latest
        assert latest is not None
        assert {q: c.rows for q, c in latest.quarters.items()} == expected.received
        refused = {quarter.id for quarter in snapshot.reported.quarters} - {q.id for q in snapshot.timeline.quarters}
        states = states_of(snapshot, snapshot.timeline.quarters)
        with scratch() as con:
            make_facts(con, snapshot, states, FACTS)
            self._compare_tables(con, space, snapshot, expected, refused)
        assert export.is_damaged or not refused

    def _compare_tables(
        self,
        con: duckdb.DuckDBPyConnection,
        space: Workspace,
        snapshot: Snapshot,
        expected: by_hand.Reading,
        refused: set[str],
    ) -> None:
        states = states_of(snapshot, snapshot.timeline.quarters)
        files = {
            model: read_files((snapshot.file(describe(model).name, *state) for state in states), model)
            for model in (*FACTS, StgRejets)
        }
        dimensions = dimension_frames(snapshot, space.source_map)
        assert refused == expected.refused()
        kept = expected.received.keys() - refused
        rejects = con.execute(f"SELECT DISTINCT trimestre_id, numero_ligne FROM {files[StgRejets]}").fetchall()
        assert sorted(rejects) == sorted((q, n) for q in kept for n in expected.rejected[q])
        latest = snapshot.reported.latest
        assert latest is not None
        lost = _lost(con, space, latest)
        assert lost == sorted(expected.lost)
        labels = _labels(dimensions)
        for query, model, told in (
            (DOSSIERS_SQL, FctDossiers, expected.dossiers),
            (PARTS_SQL, FctFinancements, expected.parts),
        ):
            rows = con.execute(f"{query} FROM {files[model]}").fetchall()
            found = Counter(
                (row[0], *(labels[name, row[at]] for at, name in enumerate(NAMES, start=1)), *row[6:]) for row in rows
            )
            assert found == sum((told.get(q, Counter()) for q in kept), Counter())
        rejects += lost
        self.outcomes["read in part" if refused or rejects else "read whole"] += 1


def _damaged_names(space: Workspace) -> dict[str, str]:
    """The names that are recognised though no column is called so by hand, and the column that each was taken for."""
    (manifest,) = space.archive.manifests()
    return {
        column.source: column.canonical
        for column in manifest.columns
        if column.canonical in by_hand.NAMES and not by_hand.is_known(column.source)
    }


def _lost(con: duckdb.DuckDBPyConnection, space: Workspace, latest: Manifest) -> list[int]:
    """The numbers of the lines that belong to no quarter."""
    if not latest.unreadable_sha256:
        return []
    path = space.data_dir.releases / latest.release_id / UNREADABLE_FILE
    return sorted(number for (number,) in con.execute(f"SELECT numero_ligne FROM read_parquet('{path}')").fetchall())


def _labels(dimensions: Mapping[type[Table], pd.DataFrame]) -> dict[tuple[str, str], str]:
    """Each modality by dimension and id: a known one as its id, an unknown one as its label says it."""
    said = {}
    for name, column in zip(NAMES, by_hand.DIMENSIONS, strict=True):
        rows = dimensions[MODALITY_DIMENSIONS[name]][[f"{name}_id", "est_connue", "libelle"]]
        for found, is_known, label in rows.itertuples(index=False, name=None):
            said[name, found] = found if is_known else by_hand.modality(column, label)
            assert is_known or said[name, found].startswith("?")
    return said


def _refusal(space: Workspace, export: Export) -> PipelineError | None:
    try:
        space.archive.ingest(sender(export.content))
    except PipelineError as error:
        return error
    return None


@contextmanager
def fuzzing(folder: Path) -> Iterator[Fuzz]:
    """A place to fuzz in, without waiting for the disk."""
    with mock.patch.object(os, "fsync", return_value=None):
        yield Fuzz(folder)


@pytest.mark.parametrize("examples", [75])
def test_a_file_is_refused_by_a_known_rule_or_read_as_by_hand(tmp_path: Path, examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # shrinking would take minutes; the failing bytes are shown as they are
        suppress_health_check=list(HealthCheck),
    )
    @given(exports())
    def run(export: Export) -> None:
        fuzz.check(export)

    with fuzzing(tmp_path) as fuzz:
        run()
    # Whoever refuses everything is always right: a good part has to be read.
    read = fuzz.outcomes["read whole"] + fuzz.outcomes["read in part"]
    assert read > examples // 4, fuzz.outcomes
    assert len(fuzz.outcomes) > 5, fuzz.outcomes
