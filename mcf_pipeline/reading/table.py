"""The table of text that every export becomes, whatever its format, and what may not be in one.

What does not belong here: how a format is read (`reading.delimited`, `reading.parquet`).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcf_pipeline.contract.source import Format
from mcf_pipeline.duck import quoted
from mcf_pipeline.errors import ContractError
from mcf_pipeline.reading.encoding import EncodingName
from mcf_pipeline.reading.records import LineEnd
from mcf_pipeline.settings import Limits

if TYPE_CHECKING:
    import duckdb

TABLE = "export"
LINE_NUMBER = "numero_ligne"


@dataclass(frozen=True, slots=True)
class Export:
    """What was read, and how the file was written (facts for `doctor`; None where a format has none).

    Attributes:
        columns: the file's own, in its order, without `numero_ligne`.
        rows: records without the header.
        encoding: of the text.
        boms: byte-order marks at the start.
        delimiter: between fields.
        line_end: between records, or ``mixed``.
        final_line_end: whether the last record has one; a file cut within its last field has none.
        warnings: what was accepted but is unusual, a sentence each.
    """

    columns: tuple[str, ...]
    rows: int
    encoding: EncodingName | None = None
    boms: int = 0
    delimiter: str | None = None
    line_end: LineEnd | None = None
    final_line_end: bool | None = None
    warnings: tuple[str, ...] = ()


def loaded(con: duckdb.DuckDBPyConnection, columns: tuple[str, ...]) -> tuple[int, int]:
    """Rows, and characters of all fields: what the pass over the file counted by itself must come out again."""
    sums = " + ".join(f"coalesce(sum(length({quoted(name)})), 0)" for name in columns)
    row = con.execute(f"SELECT count(*), {sums} FROM {TABLE}").fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def check_columns(file: str, names: tuple[str, ...], limits: Limits) -> tuple[str, ...]:
    """The names without byte-order marks and blanks; refused where one is missing or there twice."""
    if len(names) > limits.max_columns:
        raise ContractError(
            f"{file} has {len(names):,} columns, at most {limits.max_columns:,} are accepted (MCF_LIMIT_MAX_COLUMNS)",
            rule="limite_depassee",
        )
    cleaned = tuple(name.strip("\ufeff \t\r\n\u00a0\u202f").strip() for name in names)
    if len(cleaned) > 2 and cleaned[0] and not any(cleaned[1:]):
        raise ContractError(
            f"{file}: the first line holds {cleaned[0][:80]!r} and no other name: a title above the header; remove "
            "it, so that the header is the first line",
            rule="nom_de_colonne_vide",
        )
    first: dict[str, int] = {LINE_NUMBER: 0}
    for position, name in enumerate(cleaned, start=1):
        if not name:
            raise ContractError(
                f"{file}: column {position} has no name; give it one in the header",
                rule="nom_de_colonne_vide",
            )
        if "\0" in name:
            raise ContractError(f"{file}: a NUL byte in the name of column {position}", rule="octet_nul")
        # To DuckDB, too, names that differ only in case are the same.
        other = first.setdefault(unicodedata.normalize("NFC", name).casefold(), position)
        if other != position:
            what = f"columns {other} and {position} are" if other else f"column {position} is"
            why = "" if other else ", a name that the pipeline itself uses"
            raise ContractError(
                f"{file}: {what} called {name[:80]!r}{why}; rename one in the header", rule="entete_en_double"
            )
    return cleaned


def too_large(file: str, limits: Limits) -> ContractError:
    """The error of a file with more data than is allowed."""
    return ContractError(
        f"{file} holds more than {limits.max_bytes:,} bytes of data (MCF_LIMIT_MAX_BYTES)",
        rule="limite_depassee",
    )


def unreadable(file: str, format: Format) -> ContractError:
    """The error of a file that does not give what it says it holds."""
    return ContractError(
        f"{file} cannot be read completely as {format}: it is damaged; download the export again",
        rule="pas_un_export",
    )
