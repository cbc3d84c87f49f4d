"""Tiny exports made by hand: a few lines of a few quarters, as CSV or Parquet, and ingesting them.

What does not belong here: anything that reads them back. The tests compare with what they wrote themselves.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mcf_pipeline.archive.store import Archive, Intake
from mcf_pipeline.contract.source import Format, SourceField
from mcf_pipeline.settings import DataDir, Settings
from mcf_pipeline.sources.base import Received
from mcf_pipeline.workspace import Workspace

Line = dict[str, str]
Fetch = Callable[[Path], Received]
"""What `Archive.ingest` calls: puts an export into a folder."""

TODAY = dt.datetime(2026, 11, 2, 8, 30, tzinfo=dt.UTC)
"""When every export here is received; later quarters than 2026-T4 cannot be in one."""

DIMENSIONS: Line = {
    "region": "Bretagne",
    "genre": "Femme",
    "classe_age": "25 à 39 ans",
    "situation": "Employés",
    "statut_dossier": "Validé",
}
MEASURES: Line = {
    "nb_dossiers": "10",
    "nb_titulaires": "9",
    "montant_engage": "15000.00",
    "prix_moyen": "1500",
    "duree_moyenne": "30.5",
    "nb_dossiers_a_duree_connue": "8",
    "part_france_competences": "14000.00",
    "nb_dossiers_finances_par_france_competences": "10",
    "part_titulaire": "1000.00",
    "nb_dossiers_finances_par_titulaire": "4",
}
MASKED: Line = dict.fromkeys(MEASURES, "") | {"prix_moyen": "1200.25", "duree_moyenne": "20"}
"""The measures of a line that covers fewer than five persons."""
COLUMNS = ("trimestre", *DIMENSIONS, *MEASURES)

LABELS = {
    "trimestre": "Trimestre d'entrée en formation",
    "region": "Région de résidence",
    "genre": "Sexe",
    "classe_age": "Classe d'âge",
    "situation": "Situation (demandeur d'emploi ou CSP)",
    "statut_dossier": "Statut du dossier",
    "nb_dossiers": "Nombre de dossiers",
    "nb_titulaires": "Nombre de stagiaires",
    "montant_engage": "Montant engagé",
    "prix_moyen": "Prix moyen",
    "duree_moyenne": "Durée moyenne",
    "nb_dossiers_a_duree_connue": "Nombre de dossiers à durée connue",
    "part_france_competences": "Montant financé par France compétences",
    "nb_dossiers_finances_par_france_competences": "Nombre de dossiers financés par France compétences",
    "part_titulaire": "Reste à charge",
    "nb_dossiers_finances_par_titulaire": "Nombre de dossiers financés par le titulaire",
}
"""What the columns are called in an export with labels."""


def line(trimestre: str = "2024-T1", **changes: str) -> Line:
    """One line of an export; `changes` are cells by canonical column."""
    return {"trimestre": trimestre, **DIMENSIONS, **MEASURES, **changes}


def masked(trimestre: str = "2024-T1", **changes: str) -> Line:
    """One masked line."""
    return line(trimestre, **(MASKED | changes))


LEAN = ("trimestre", *DIMENSIONS, "nb_dossiers", "nb_titulaires", "montant_engage", "part_etat")
"""The required columns and one part: as few as a release may have, and the quickest to read."""


def lean(trimestre: str = "2024-T1", **changes: str) -> Line:
    """One line of an export with few columns."""
    cells = line(trimestre, part_etat="1 234,50") | changes
    return {name: cell for name, cell in cells.items() if name in LEAN or name in changes}


def lean_quarter(trimestre: str = "2024-T1", count: int = 5, **changes: str) -> list[Line]:
    """Lines of one quarter with few columns, of `count` different regions."""
    regions = ("Bretagne", "Corse", "Île-de-France", "La Réunion", "Normandie", "Mayotte", "Occitanie")
    return [lean(trimestre, **{"region": region, **changes}) for region in regions[:count]]


def quarter_lines(trimestre: str, count: int = 3, **changes: str) -> list[Line]:
    """Lines of one quarter, of `count` different keys; the figures follow from the place."""
    statuses = ("Validé", "Clos - Réalisation Totale", "Clos - Réalisation Partielle", "Rejeté", "Entrée en formation")
    regions = ("Bretagne", "Corse", "Île-de-France", "La Réunion", "Normandie")
    keys = itertools.product(regions, ("Femme", "Homme"), statuses)
    return [
        line(
            trimestre,
            region=region,
            genre=genre,
            statut_dossier=status,
            nb_dossiers=str(10 + i),
            nb_titulaires=str(9 + i),
            **changes,
        )
        for i, (region, genre, status) in enumerate(itertools.islice(keys, count))
    ]


def columns_of(lines: Iterable[Mapping[str, str]]) -> list[str]:
    """The columns that some line has, those of every export first."""
    found = dict.fromkeys(itertools.chain.from_iterable(lines))
    return [c for c in COLUMNS if c in found] + [c for c in found if c not in COLUMNS]


def csv_bytes(
    lines: Sequence[Mapping[str, str]],
    *,
    columns: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
    delimiter: str = ";",
) -> bytes:
    """Lines as a CSV with a header; `names` renames columns."""
    columns = columns or columns_of(lines)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([(names or {}).get(column, column) for column in columns])
    writer.writerows([entry.get(column, "") for column in columns] for entry in lines)
    return text.getvalue().encode()


def parquet_bytes(lines: Sequence[Mapping[str, str]], types: Mapping[str, pa.DataType] | None = None) -> bytes:
    """Lines as Parquet, empty cells as null; `types` gives columns another type than text."""
    columns = {}
    for name in columns_of(lines):
        texts = pa.array([entry.get(name) or None for entry in lines], pa.string())
        columns[name] = texts.cast((types or {}).get(name, pa.string()))
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def sender(
    content: bytes,
    *,
    day: str | None = "2026-10-08",
    at: str = "04:00",
    format: Format = "csv",
    fields: tuple[SourceField, ...] = (),
    records_count: int | None = None,
    retrieved_at: dt.datetime = TODAY,
    suggested_day: dt.date | None = None,
) -> Fetch:
    """Puts `content` into a folder as a portal of that day would send it."""

    def fetch(folder: Path) -> Received:
        path = folder / f"export.{format}"
        path.write_bytes(content)
        return Received(
            path=path,
            format=format,
            origin="https://portail.invalid/exports",
            retrieved_at=retrieved_at,
            data_processed=dt.datetime.fromisoformat(f"{day}T{at}:00+00:00") if day else None,
            records_count=records_count,
            fields=fields,
            licence="Licence Ouverte v2.0",
            suggested_day=suggested_day,
        )

    return fetch


def ingest(archive: Archive, lines: Sequence[Mapping[str, str]], day: str = "2026-10-08", at: str = "04:00") -> Intake:
    """Ingest lines as the release of a day."""
    return archive.ingest(sender(csv_bytes(lines), day=day, at=at))


def archive_in(folder: Path) -> Archive:
    """An archive in a data directory of its own."""
    return Archive(DataDir(folder))


def workspace_in(folder: Path, **settings: object) -> Workspace:
    """A workspace in a data directory of its own."""
    return Workspace(Settings(data_dir=DataDir(folder), **settings))


def listing(folder: Path) -> dict[str, str]:
    """Every file under a folder with the hash of its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
