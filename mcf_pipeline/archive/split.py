"""An export, split into its quarters: one content hash and one file of lines for each.

The hash is what decides whether a quarter changed. It covers the recognised columns by their canonical names,
with numbers and blanks in one spelling, and lines in one order: the same content gives the same hash from a
CSV or from Parquet, with labels or with technical names, in any order of rows and columns. The day of
loading, the marker of synthetic data and columns we do not know are left out of it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mcf_pipeline.archive.manifest import QuarterContent
from mcf_pipeline.contract.columns import COLUMNS, MEASURES
from mcf_pipeline.contract.parsing import (
    canonical_number_sql,
    canonical_text_sql,
    integer_sql,
    is_semester,
    quarter_problem,
    without_groups_sql,
)
from mcf_pipeline.contract.recognition import Recognition
from mcf_pipeline.contract.thresholds import REJECTED_SHARE
from mcf_pipeline.duck import literal, one, quoted
from mcf_pipeline.errors import ContractError
from mcf_pipeline.files import put_in_place, sha256_of, write_atomically
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.bounds import MAX_COUNT

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

UNKNOWN_PREFIX = "hors_contrat:"
"""Stands before the name of a column that was not recognised, so that it cannot pass for one that was."""

NO_QUARTER = "sans-trimestre"
"""Stands for the quarter of lines whose quarter cannot be read."""

_HASHED_KINDS = {"text", *MEASURES}
_ARROW_ROWS = 10_000

BATCH_LINES = 500_000
"""Lines that are worked on at once, at most; the whole real dataset is about 100,000. A query costs more to plan than
to run on a quarter of the real size; on quarters a hundred times as large, memory counts."""

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Split:
    """What an export holds.

    Attributes:
        rows: lines of the export.
        quarters: content of each quarter, by id.
        unreadable_rows: lines without a readable quarter.
    """

    rows: int
    quarters: Mapping[str, QuarterContent]
    unreadable_rows: int


def batches(rows: Mapping[K, int], most: int = BATCH_LINES, *, things: int | None = None) -> Iterator[list[K]]:
    """Group things in their order: as many together as have `most` lines, one at least.

    Args:
        rows: how many lines each has.
        most: lines of a group.
        things: of a group, at most.
    """
    batch: list[K] = []
    held = 0
    for thing, size in rows.items():
        if batch and (held + size > most or len(batch) == things):
            yield batch
            batch, held = [], 0
        batch.append(thing)
        held += size
    if batch:
        yield batch


def split(
    con: duckdb.DuckDBPyConnection,
    recognition: Recognition,
    today: dt.date,
    visit: Callable[[Mapping[str, QuarterContent]], None] = lambda _: None,
    *,
    most: int = BATCH_LINES,
) -> Split:
    """Split the table ``export`` of a connection into its quarters, a few of them at a time.

    Makes the view ``recues`` (`trimestre_id`, `numero_ligne`, every column as received) and the table ``numeros``
    (`trimestre_id`, `rang`, `numero_ligne`): where each line of each quarter is in this export, `rang` being its place
    in the quarter's canonical order.

    Args:
        con: holds the export.
        recognition: what its columns are.
        today: quarters after the one that runs today cannot be in the data.
        visit: called with the contents of some quarters, in order, while the view ``lignes`` gives their lines with
            `rang`, in the order of quarter and `rang`.
        most: lines of the quarters that are worked on together; one quarter at least.

    Raises:
        ContractError: no line, or too few of them, has a readable quarter.
    """
    _map_quarters(con, recognition, today)
    con.execute(f"""
        CREATE OR REPLACE TEMP VIEW recues AS
        SELECT trimestre_lu.trimestre_id, export.numero_ligne, {_received_columns(recognition)}
        FROM export JOIN trimestre_lu ON {_join_on_quarter(recognition)}
    """)
    rows: dict[str, int] = dict(
        con.execute("SELECT trimestre_id, count(*) FROM recues GROUP BY ALL ORDER BY ALL").fetchall()
    )
    lost, total = rows.pop(NO_QUARTER, 0), sum(rows.values())
    if lost > REJECTED_SHARE * (total + lost):
        raise ContractError(
            _unreadable_message(con, recognition, lost, total + lost, today), rule="aucun_trimestre_valide"
        )
    con.execute("CREATE OR REPLACE TABLE numeros (trimestre_id VARCHAR, rang BIGINT, numero_ligne BIGINT)")
    quarters: dict[str, QuarterContent] = {}
    for batch in batches(rows, most):
        found = _split_batch(con, recognition, batch)
        visit(found)
        quarters |= found
    con.execute("DROP VIEW IF EXISTS lignes")
    con.execute("DROP TABLE IF EXISTS triees")
    return Split(total + lost, quarters, lost)


def _received_columns(recognition: Recognition) -> str:
    recognised = (f"{quoted(column.source)} AS {quoted(name)}" for name, column in recognition.columns.items())
    unknown = (f"{quoted(name)} AS {quoted(UNKNOWN_PREFIX + name)}" for name in recognition.unused)
    return ", ".join((*recognised, *unknown))


def _split_batch(
    con: duckdb.DuckDBPyConnection, recognition: Recognition, batch: Iterable[str]
) -> dict[str, QuarterContent]:
    # Sorted once: whoever reads the table gets its rows in this order.
    con.execute(f"""
        CREATE OR REPLACE TABLE triees AS
        SELECT *, row_number() OVER () AS place
        FROM (
            SELECT *, {_canonical_line(recognition.columns)} AS canonique
            FROM recues WHERE trimestre_id IN ({", ".join(map(literal, batch))})
            ORDER BY trimestre_id, canonique, numero_ligne
        )
    """)
    counts = con.execute(f"""
        SELECT trimestre_id, count(*), min(place),
            -- What is quarantined as no figure must not be missed by the guards once it is put right.
            coalesce(sum(dossiers) FILTER (WHERE dossiers <= {MAX_COUNT}), 0)::HUGEINT,
            count(*) - count(dossiers)
        FROM (SELECT trimestre_id, place, {_dossiers_sql()} AS dossiers FROM triees)
        GROUP BY ALL ORDER BY trimestre_id
    """).fetchall()
    starts = " ".join(f"WHEN {literal(quarter)} THEN {place - 1}" for quarter, _, place, _, _ in counts)
    con.execute(
        "CREATE OR REPLACE VIEW lignes AS "
        f"SELECT * EXCLUDE (place), place - CASE trimestre_id {starts} END AS rang FROM triees"
    )
    con.execute("INSERT INTO numeros SELECT trimestre_id, rang, numero_ligne FROM lignes")
    hashes = _hashes(con, "FROM lignes", [rows for _, rows, _, _, _ in counts])
    return {
        quarter: QuarterContent(sha256, rows, int(dossiers), masked)
        for (quarter, rows, _, dossiers, masked), sha256 in zip(counts, hashes, strict=True)
    }


def _dossiers_sql() -> str:
    """SQL: the number of dossiers, for comparing releases: whatever stands between its thousands."""
    is_plain = "regexp_full_match(nb_dossiers, '[0-9]{1,18}')"
    general = integer_sql(f"({without_groups_sql('nb_dossiers')})")
    return f"CASE WHEN {is_plain} THEN TRY_CAST(nb_dossiers AS BIGINT) ELSE {general} END"


def _hashes(con: duckdb.DuckDBPyConnection, source: str, sizes: Iterable[int]) -> Iterator[str]:
    """SHA-256 of the canonical lines of each of some contents, joined by line ends.

    Args:
        con: holds the lines.
        source: SQL of ``canonique`` after a SELECT, the contents one after the other, each in its order.
        sizes: lines of each content.
    """
    # Through Arrow, which keeps texts one after the other in one buffer: no line becomes a Python object.
    reader = con.sql(f"SELECT concat(chr(10), canonique) AS canonique {source}").to_arrow_reader(_ARROW_ROWS)
    texts = (batch.column(0) for batch in reader)
    held = next(texts, None)
    for size in sizes:
        digest, left, skip = hashlib.sha256(), size, 1  # no line end before the first
        while left:
            assert held is not None
            piece = held[:left]
            digest.update(memoryview(_bytes_of(piece))[skip:])
            left, skip = left - len(piece), 0
            held = held[len(piece) :] if len(piece) < len(held) else next(texts, None)
        yield digest.hexdigest()


def _bytes_of(texts: pa.StringArray) -> pa.Buffer:
    """The bytes of some texts, none of them null, one after the other."""
    _, ends, content = texts.buffers()
    width = 8 if str(texts.type) == "large_string" else 4
    first, last = (
        int.from_bytes(ends[place * width : (place + 1) * width].to_pybytes(), "little")
        for place in (texts.offset, texts.offset + len(texts))
    )
    return content[first:last]


def content_of(con: duckdb.DuckDBPyConnection) -> str:
    """The content hash of a stored quarter, read from its lines (table ``lignes`` with `rang`)."""
    names = [row[0] for row in con.execute("DESCRIBE lignes").fetchall()]
    line = _canonical_line([name for name in names if name in COLUMNS])
    (rows,) = one(con, "SELECT count(*) FROM lignes")
    (found,) = _hashes(con, f"FROM (SELECT rang, {line} AS canonique FROM lignes) ORDER BY rang", [rows])
    return found


class QuarterDrafts:
    """Lines of quarters that are not stored yet, written aside until the whole export is known to be good.

    Args:
        work: a folder on the disk of `final`.
        final: where they will be: ``<2024-T3>/<sha256>.parquet``, and beside each file its own SHA-256, in the form
            that ``sha256sum --check`` reads. A file that does not fit it any more is written again.
    """

    def __init__(self, work: Path, final: Path) -> None:
        self._work = work
        self._final = final
        self._written: list[tuple[Path, Path]] = []

    def write(self, con: duckdb.DuckDBPyConnection, quarters: Mapping[str, QuarterContent]) -> None:
        """Write the quarters whose lines the view ``lignes`` gives and that are not stored."""
        self._work.mkdir(exist_ok=True)
        for quarter, content in quarters.items():
            final = self._final / quarter / f"{content.sha256}.parquet"
            if is_intact(final):
                continue
            draft = self._work / f"{quarter}.parquet"
            con.execute(
                "COPY (SELECT * EXCLUDE (canonique, numero_ligne) FROM lignes WHERE trimestre_id = "
                f"{literal(quarter)}) TO {literal(draft)} (FORMAT parquet, COMPRESSION zstd)"
            )
            self._written.append((draft, final))

    def put_in_place(self) -> None:
        """Store them for good."""
        for draft, final in self._written:
            final.parent.mkdir(parents=True, exist_ok=True)
            note_digest(final, sha256_of(draft))
            put_in_place(draft, final)


def is_intact(path: Path) -> bool:
    """Whether a stored quarter is there and is what was written."""
    try:
        return digest_file(path).read_bytes() == _digest_line(path, sha256_of(path))
    except FileNotFoundError:
        return False


def digest_file(path: Path) -> Path:
    """The file beside a stored quarter that says what its bytes are."""
    return path.with_suffix(".sha256")


def note_digest(path: Path, sha256: str) -> None:
    """Say what the bytes of a stored quarter are."""
    write_atomically(digest_file(path), _digest_line(path, sha256))


def _digest_line(path: Path, sha256: str) -> bytes:
    return f"{sha256}  {path.name}\n".encode()


def store_line_numbers(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write where each line of each quarter is in this export (`trimestre_id`, `rang`, `numero_ligne`)."""
    con.execute(f"COPY numeros TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)")


def store_unreadable(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write the lines that have no readable quarter, as received, with their numbers."""
    con.execute(
        f"COPY (SELECT * EXCLUDE (trimestre_id) FROM recues WHERE trimestre_id = '{NO_QUARTER}' ORDER BY numero_ligne) "
        f"TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)"
    )


def _map_quarters(con: duckdb.DuckDBPyConnection, recognition: Recognition, today: dt.date) -> None:
    """Make ``trimestre_lu``: the quarter of each spelling that the export uses, read once."""
    columns = recognition.quarter.columns
    selected = ", ".join(f"{quoted(name)} AS c{i}" for i, name in enumerate(columns))
    spellings = con.execute(f"SELECT DISTINCT {selected} FROM export").fetchall()
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE trimestre_lu ({', '.join(f'c{i} VARCHAR' for i in range(len(columns)))}, "
        "trimestre_id VARCHAR)"
    )
    rows = []
    for spelling in spellings:
        quarter = recognition.quarter.read(spelling)
        if quarter and quarter_problem(quarter, today):
            quarter = None
        rows.append([*spelling, quarter.id if quarter else NO_QUARTER])
    if rows:
        row = f"({', '.join('?' * (len(columns) + 1))})"
        con.execute(
            f"INSERT INTO trimestre_lu VALUES {', '.join([row] * len(rows))}",
            [value for row_values in rows for value in row_values],
        )


def spellings(con: duckdb.DuckDBPyConnection) -> list[tuple[tuple[str | None, ...], str]]:
    """How an export that was split writes its quarters: the texts of their columns, and the quarter's id."""
    rows = con.execute("SELECT * FROM trimestre_lu WHERE trimestre_id <> ?", [NO_QUARTER]).fetchall()
    return [(tuple(texts), quarter) for *texts, quarter in rows]


def _join_on_quarter(recognition: Recognition) -> str:
    return " AND ".join(
        f"trimestre_lu.c{i} IS NOT DISTINCT FROM export.{quoted(name)}"
        for i, name in enumerate(recognition.quarter.columns)
    )


def _canonical_line(names: Iterable[str]) -> str:
    """SQL: one text per line that is the same for any spelling of the same content."""
    parts = []
    for name in sorted(names):
        kind = COLUMNS[name].kind
        if kind in _HASHED_KINDS:
            canonical = canonical_text_sql if kind == "text" else canonical_number_sql
            # An empty cell and a column that is not there say the same: nothing.
            parts.append(f"'{name}=' || nullif({canonical(quoted(name))}, '')")
    return f"concat_ws(chr(31), {', '.join(parts)})"


def _unreadable_message(
    con: duckdb.DuckDBPyConnection, recognition: Recognition, lost: int, rows: int, today: dt.date
) -> str:
    found = con.execute("SELECT * FROM trimestre_lu WHERE trimestre_id = ?", [NO_QUARTER]).fetchall()
    examples = [" ".join(part or "" for part in row[:-1]) for row in found[:3]]
    quarters = [recognition.quarter.read(row[:-1]) for row in found]
    if quarters and all(quarter and quarter > Quarter.containing(today) for quarter in quarters):
        return (
            f"{lost} of {rows} lines are of a quarter that has not started according to this machine's clock ({today}) "
            f"(for example {', '.join(repr(text[:40]) for text in examples)}): set the clock, or look at the export"
        )
    semesters = " (they look like semesters; this dataset is by quarter)" if any(map(is_semester, examples)) else ""
    return (
        f"{lost} of {rows} lines have no readable quarter in {' and '.join(map(repr, recognition.quarter.columns))} "
        f"(for example {', '.join(repr(text[:40]) for text in examples)}){semesters}: is it the right column? "
        "`mcf-pipeline doctor` shows how each column is understood"
    )
