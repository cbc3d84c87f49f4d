"""The lines as the portal's export writes them: columns, types, masking, and the quirks of its CSV.

What does not belong here: any figure. The lines come drawn from `generator`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.files import put_in_place
from mcf_pipeline.quarter import FIRST_QUARTER
from mcf_pipeline.sample.synthetic.calibration import (
    AGES,
    FINANCERS,
    FRANCE_COMPETENCES,
    GENDERS,
    REGIONS,
    SITUATIONS,
    STATUSES,
)
from mcf_pipeline.sample.synthetic.generator import Lines
from mcf_pipeline.sample.synthetic.noise import Booleans, Ints

MASKED_BELOW = 5
"""A line that covers fewer persons than this has no counts and no amounts (the publisher's rule)."""

SYNTHETIC_COLUMN = "donnees_synthetiques"
SYNTHETIC_VALUE = "oui"

EUROS = pa.decimal128(18, 2)

_PAYERS = (
    ("titulaires", "le titulaire"),
    ("etat", "l'État"),
    ("pole_emploi", "Pôle emploi"),
    ("regions", "les régions"),
    ("opco", "les OPCO"),
    ("entreprises", "les entreprises"),
    ("cec", "le compte d'engagement citoyen"),
)

_FIELDS: tuple[tuple[str, pa.DataType, str], ...] = (
    ("date_chargement", pa.date32(), "Date de chargement"),
    ("trimestre", pa.string(), "Trimestre"),
    ("region", pa.string(), "Région"),
    ("genre", pa.string(), "Genre"),
    ("classe_age", pa.string(), "Classe d'âge"),
    ("situation", pa.string(), "Situation"),
    ("statut_dossier", pa.string(), "Statut du dossier"),
    ("nb_dossiers", pa.int64(), "Nombre de dossiers"),
    ("nb_titulaires", pa.int64(), "Nombre de titulaires"),
    ("prix_moyen", EUROS, "Prix moyen"),
    ("nb_dossiers_a_duree_connue", pa.int64(), "Nombre de dossiers à durée connue"),
    ("duree_moyenne", EUROS, "Durée moyenne"),
    ("montant_engage", EUROS, "Montant engagé"),
    (FRANCE_COMPETENCES, EUROS, "Part France compétences"),
    *(
        column
        for financer, (_, payer) in zip(FINANCERS, _PAYERS, strict=True)
        for column in (
            (financer.count, pa.int64(), f"Nombre de dossiers financés par {payer}"),
            (financer.part, EUROS, f"Part payée par {payer}"),
        )
    ),
    (SYNTHETIC_COLUMN, pa.string(), "Données synthétiques"),
)

SCHEMA = pa.schema([pa.field(name, kind) for name, kind, _ in _FIELDS])
"""Typed columns of a release, in the order of the export."""

FIELDS = tuple(SourceField(name, label) for name, _, label in _FIELDS)
"""The columns as a portal's metadata would describe them."""


def to_table(lines: Lines, regions: list[str], day: dt.date, *, masked: bool) -> pa.Table:
    """Lines as a typed table.

    Args:
        lines: the truth.
        regions: the name of each region code.
        day: of the release, for `date_chargement`.
        masked: as published; else the truth with nothing hidden.
    """
    shown = lines.titulaires >= MASKED_BELOW if masked else np.ones(len(lines), dtype=np.bool_)
    quarters = [(FIRST_QUARTER + i).id for i in range(int(lines.quarter.max(initial=0)) + 1)]
    same = np.zeros(len(lines), dtype=np.int64)
    columns: dict[str, pa.Array] = {
        "date_chargement": _buffer(pa.date32(), (same + (day - dt.date(1970, 1, 1)).days).astype("<i4")),
        "trimestre": _text(quarters, lines.quarter),
        "region": _text(regions, lines.region),
        "genre": _text(GENDERS, lines.gender),
        "classe_age": _text(AGES, lines.age),
        "situation": _text(SITUATIONS, lines.situation),
        "statut_dossier": _text(STATUSES, lines.status),
        "nb_dossiers": _buffer(pa.int64(), lines.dossiers, shown),
        "nb_titulaires": _buffer(pa.int64(), lines.titulaires, shown),
        "prix_moyen": _decimal(lines.mean_cents),
        "nb_dossiers_a_duree_connue": _buffer(pa.int64(), lines.known, shown),
        "duree_moyenne": _decimal(lines.hundredths, lines.known > 0),
        "montant_engage": _decimal(lines.cents, shown),
        FRANCE_COMPETENCES: _decimal(lines.rest, shown),
        SYNTHETIC_COLUMN: _text([SYNTHETIC_VALUE], same),
    }
    for financer, count, part in zip(FINANCERS, lines.financed, lines.parts, strict=True):
        columns[financer.count] = _buffer(pa.int64(), count, shown)
        columns[financer.part] = _decimal(part, shown)
    return pa.Table.from_arrays([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def region_names(copy: int) -> list[str]:
    """One set of regions: the real ones, or for copies above 0 made-up ones (`Région fictive 001`…)."""
    if copy == 0:
        return list(REGIONS)
    first = (copy - 1) * len(REGIONS) + 1
    return [f"Région fictive {number:03d}" for number in range(first, first + len(REGIONS))]


def write_csv(path: Path, tables: Iterable[pa.Table]) -> int:
    """Write an export as the portal does: UTF-8 with BOM, ``;``, CRLF, null as an empty field.

    The file gets its name only once it is whole.

    Returns:
        The number of lines, without the header.
    """
    import pyarrow.csv as pa_csv

    draft = path.with_name(f".{path.name}.part")
    rows = 0
    try:
        with draft.open("wb") as file:
            file.write(b"\xef\xbb\xbf" + ";".join(SCHEMA.names).encode() + b"\r\n")
            options = pa_csv.WriteOptions(include_header=False, delimiter=";", quoting_style="none")
            for table in tables:
                sink = pa.BufferOutputStream()
                pa_csv.write_csv(table, sink, options)
                # Arrow ends lines with LF alone and offers no choice in Python; no field holds a line end.
                file.write(sink.getvalue().to_pybytes().replace(b"\n", b"\r\n"))
                rows += table.num_rows
        put_in_place(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    return rows


# Arrays are made from their buffers: pa.array() and pa.scalar() import pandas, a second that nobody needs.


def _text(names: Iterable[str], codes: Ints) -> pa.Array:
    """The name of each code; an empty one becomes null."""
    encoded = [name.encode() for name in names]
    ends = np.cumsum([0, *map(len, encoded)], dtype="<i4")
    given = np.array([bool(name) for name in encoded])
    buffers = [_bits(given), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(encoded), buffers).take(_buffer(pa.int64(), codes))


def _decimal(hundredths: Ints, shown: Booleans | None = None) -> pa.Array:
    """Whole hundredths as exact decimals: 128-bit integers, whose upper half repeats the sign."""
    words = np.empty((len(hundredths), 2), dtype="<i8")
    words[:, 0] = hundredths
    words[:, 1] = hundredths >> 63
    return _buffer(EUROS, words, shown)


def _buffer(kind: pa.DataType, values: NDArray[np.generic], shown: Booleans | None = None) -> pa.Array:
    validity = None if shown is None else _bits(shown)
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(np.ascontiguousarray(values))])


def _bits(shown: Booleans) -> pa.Buffer:
    return pa.py_buffer(np.packbits(shown, bitorder="little"))
