"""Parquet files that are refused, and why; made when they are asked for, since some are large."""

from __future__ import annotations

import io
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq

from mcf_pipeline_tests.contract.hostile_files import LINES, ROWS
from mcf_pipeline_tests.exports import parquet_bytes


def parquet_of(**columns: pa.Array) -> bytes:
    """The good export with columns replaced or added."""
    table = pq.read_table(io.BytesIO(parquet_bytes(LINES)))
    for name, column in columns.items():
        at = table.schema.get_field_index(name)
        table = table.append_column(name, column) if at < 0 else table.set_column(at, name, column)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def parquet_of_no_line() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pq.read_table(io.BytesIO(parquet_bytes(LINES))).slice(0, 0), sink)
    return sink.getvalue()


def bomb() -> bytes:
    """Half a million lines in a few kilobytes."""
    entry = {name: pa.array([text]).take(pa.array([0] * 500_000)) for name, text in LINES[0].items()}
    sink = io.BytesIO()
    pq.write_table(pa.table(entry), sink, compression="zstd")
    return sink.getvalue()


REFUSED_PARQUET = {
    "lists": (lambda: parquet_of(region=pa.array([["x"]] * ROWS)), "type_inattendu", "a nested type"),
    "structs": (lambda: parquet_of(nb_dossiers=pa.array([{"n": 1}] * ROWS)), "type_inattendu", "a nested type"),
    "bytes": (lambda: parquet_of(genre=pa.array([b"\xff"] * ROWS)), "type_inattendu", "BLOB"),
    "decimals that would be rounded": (
        lambda: parquet_of(montant_engage=pa.array([Decimal("1.23")] * ROWS, pa.decimal256(60, 2))),
        "type_inattendu",
        "decimals of 60 digits",
    ),
    "a number for the quarter": (
        lambda: parquet_of(trimestre=pa.array([1.5] * ROWS)), "aucun_trimestre_valide", "'1.5'"
    ),
    "a column twice": (lambda: parquet_of(REGION=pa.array(["x"] * ROWS)), "entete_en_double", "'REGION'"),
    "a long text": (lambda: parquet_of(region=pa.array(["x" * 10**5] * ROWS)), "limite_depassee", "MAX_FIELD_BYTES"),
    "NUL": (lambda: parquet_of(region=pa.array(["a\0b"] * ROWS)), "octet_nul", "NUL byte"),
    "5,000 columns": (
        lambda: parquet_of(**{f"c{n}": pa.array([n] * ROWS) for n in range(5000)}), "limite_depassee", "columns"
    ),
    "no line": (parquet_of_no_line, "export_vide", "no line after the header"),
    "a bomb": (bomb, "limite_depassee", "MAX_BYTES"),
    "half of one": (lambda: parquet_bytes(LINES)[:2000], "pas_un_export", "truncated Parquet file"),
    "none": (lambda: b"PAR1" + bytes(100) + b"PAR1", "pas_un_export", "cannot be read completely"),
}  # fmt: skip
