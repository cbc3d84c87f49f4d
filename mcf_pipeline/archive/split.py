"""An export, split into its quarters: one content hash and one file of lines for each.

The hash is what decides whether a quarter changed. It covers the recognised columns by their canonical names,
with numbers and blanks in one spelling, and lines in one order: the same content gives the same hash from a
CSV or from Parquet, with labels or with technical names, in any order of rows and columns. The day of
loading, the marker of synthetic data and columns we do not know are left out of it.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mcf_pipeline.archive.manifest import QuarterContent
from mcf_pipeline.contract.columns import COLUMNS, MEASURES
from mcf_pipeline.contract.parsing import (
    canonical_number_sql,
    canonical_text_sql,
    integer_sql,
    quarter_problem,
)
from mcf_pipeline.contract.recognition import Recognition
from mcf_pipeline.contract.rules import REJECTED_SHARE
from mcf_pipeline.duck import literal, one, quoted
from mcf_pipeline.errors import ContractError
from mcf_pipeline.files import put_in_place, sha256_of, write_atomically
from mcf_pipeline.schemas.bounds import MAX_COUNT

if TYPE_CHECKING:
    import duckdb

UNKNOWN_PREFIX = "hors_contrat:"
"""Stands before the name of a column that was not recognised, so that it cannot pass for one that was."""

NO_QUARTER = "sans-trimestre"
"""Stands for the quarter of lines whose quarter cannot be read."""

_HASHED_KINDS = {"text", *MEASURES}
_CONTENT_HASH = "sha256(string_agg(canonique, chr(10) ORDER BY rang))"


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


def split(con: duckdb.DuckDBPyConnection, recognition: Recognition, today: dt.date) -> Split:
    """Split the table ``export`` of a connection into the table ``lignes``.

    ``lignes`` holds `trimestre_id`, `rang` (the line's place in its quarter's canonical order),
    `numero_ligne` (its number in this export) and every column as received.

    Args:
        con: holds the export.
        recognition: what its columns are.
        today: quarters after the one that runs today cannot be in the data.

    Raises:
        ContractError: no line, or too few of them, has a readable quarter.
    """
    _map_quarters(con, recognition, today)
    selected = [f"{quoted(column.source)} AS {quoted(name)}" for name, column in recognition.columns.items()] + [
        f"{quoted(name)} AS {quoted(UNKNOWN_PREFIX + name)}" for name in recognition.unused
    ]
    con.execute(f"""
        CREATE TABLE lignes AS
        WITH recues AS (
            SELECT trimestre_lu.trimestre_id, export.numero_ligne, {", ".join(selected)}
            FROM export
            JOIN trimestre_lu ON {_join_on_quarter(recognition)}
        ),
        canoniques AS (SELECT *, {_canonical_line(recognition.columns)} AS canonique FROM recues)
        SELECT * EXCLUDE (canonique), canonique,
            row_number() OVER (PARTITION BY trimestre_id ORDER BY canonique, numero_ligne) AS rang
        FROM canoniques
    """)
    counts = con.execute(f"""
        SELECT
            trimestre_id,
            {_CONTENT_HASH} AS empreinte,
            count(*) AS lignes,
            -- What is quarantined as no figure must not be missed by the guards once it is put right.
            coalesce(sum(dossiers) FILTER (WHERE dossiers <= {MAX_COUNT}), 0)::HUGEINT AS dossiers
        FROM (SELECT trimestre_id, canonique, rang, {integer_sql("nb_dossiers")} AS dossiers FROM lignes)
        GROUP BY trimestre_id
        ORDER BY trimestre_id
    """).fetchall()
    quarters = {q: QuarterContent(sha, rows, int(dossiers)) for q, sha, rows, dossiers in counts}
    unreadable = quarters.pop(NO_QUARTER, None)
    rows = sum(content.rows for content in quarters.values())
    lost = unreadable.rows if unreadable else 0
    if lost > REJECTED_SHARE * (rows + lost):
        raise ContractError(_unreadable_message(con, recognition, lost, rows + lost), rule="aucun_trimestre_valide")
    return Split(rows + lost, quarters, lost)


def content_of(con: duckdb.DuckDBPyConnection) -> str:
    """The content hash of a stored quarter, read from its lines (table ``lignes`` with `rang`)."""
    names = [row[0] for row in con.execute("DESCRIBE lignes").fetchall()]
    line = _canonical_line([name for name in names if name in COLUMNS])
    (found,) = one(con, f"SELECT {_CONTENT_HASH} FROM (SELECT rang, {line} AS canonique FROM lignes)")
    return str(found)


def store_quarters(con: duckdb.DuckDBPyConnection, quarters: Mapping[str, QuarterContent], folder: Path) -> None:
    """Write the lines of each quarter that is not stored yet to ``<folder>/<2024-T3>/<sha256>.parquet``.

    Beside each file lies its own SHA-256, in the form that ``sha256sum --check`` reads. A file that does not
    fit it any more is written anew.
    """
    for quarter, content in quarters.items():
        final = folder / quarter / f"{content.sha256}.parquet"
        digest = final.with_suffix(".sha256")
        if is_intact(final):
            continue
        final.parent.mkdir(parents=True, exist_ok=True)
        draft = final.with_name(f".{final.name}.{os.getpid()}")
        try:
            con.execute(
                "COPY (SELECT * EXCLUDE (canonique, numero_ligne) FROM lignes WHERE trimestre_id = "
                f"'{quarter}' ORDER BY rang) TO {literal(draft)} (FORMAT parquet, COMPRESSION zstd)"
            )
            write_atomically(digest, _digest_line(draft, final.name))
            put_in_place(draft, final)
        finally:
            draft.unlink(missing_ok=True)


def is_intact(path: Path) -> bool:
    """Whether a stored quarter is there and is what was written."""
    try:
        return path.with_suffix(".sha256").read_bytes() == _digest_line(path, path.name)
    except FileNotFoundError:
        return False


def _digest_line(path: Path, name: str) -> bytes:
    return f"{sha256_of(path)}  {name}\n".encode()


def store_line_numbers(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write where each line of each quarter stood in this export (`trimestre_id`, `rang`, `numero_ligne`)."""
    con.execute(
        "COPY (SELECT trimestre_id, rang, numero_ligne FROM lignes ORDER BY trimestre_id, rang) "
        f"TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)"
    )


def store_unreadable(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write the lines that have no readable quarter, as received, with their numbers."""
    con.execute(
        "COPY (SELECT * EXCLUDE (canonique, trimestre_id, rang) FROM lignes "
        f"WHERE trimestre_id = '{NO_QUARTER}' ORDER BY numero_ligne) "
        f"TO {literal(path)} (FORMAT parquet, COMPRESSION zstd)"
    )


def _map_quarters(con: duckdb.DuckDBPyConnection, recognition: Recognition, today: dt.date) -> None:
    """Make ``trimestre_lu``: the quarter of each spelling that the export uses, read once."""
    columns = recognition.quarter.columns
    selected = ", ".join(f"{quoted(name)} AS c{i}" for i, name in enumerate(columns))
    spellings = con.execute(f"SELECT DISTINCT {selected} FROM export").fetchall()
    con.execute(
        f"CREATE TEMP TABLE trimestre_lu ({', '.join(f'c{i} VARCHAR' for i in range(len(columns)))}, "
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


def _unreadable_message(con: duckdb.DuckDBPyConnection, recognition: Recognition, lost: int, rows: int) -> str:
    examples = [
        " ".join(part or "" for part in row[:-1])
        for row in con.execute("SELECT * FROM trimestre_lu WHERE trimestre_id = ? LIMIT 3", [NO_QUARTER]).fetchall()
    ]
    return (
        f"{lost} of {rows} lines have no readable quarter in {' and '.join(map(repr, recognition.quarter.columns))} "
        f"(for example {', '.join(repr(text[:40]) for text in examples)}): is it the right column? "
        "`mcf-pipeline doctor` shows how each column is understood"
    )
