"""A small published file whose every row is written here by hand, without source, staging or Dagster."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from mcf_pipeline.contract.modalities import resolve
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.duck import literal
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.ddl import query, typed
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.staging import StgRejets
from mcf_pipeline.schemas.warehouse import (
    DimFinanceur,
    DimRelease,
    DimTrimestre,
    FctDossiers,
    FctDossiersEtatsPasses,
    FctFinancements,
    FctFinancementsEtatsPasses,
)
from mcf_pipeline.settings import DataDir
from mcf_pipeline.tables import dimensions
from mcf_pipeline.warehouse.assembly import STORAGE_VERSION, create, document, insert
from mcf_pipeline.warehouse.publication import remove_database

HOSTILE = [
    "=cmd()|' /C calc'!A0",
    "+1+1",
    "-2",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "'=1",
    "''@x",
    " =1",
    'a;b"c\nd',
    "ordinary",
]
EARLIER = "2026-07-08"
"""A release of which one line is another now."""
UNKNOWN_REGION = resolve("region", HOSTILE[0], SourceMap.load(None))


@dataclass(frozen=True)
class Line:
    """A line of the source; a masked one has empty counts and amounts, its means stay."""

    quarter: str = "2024-T1"
    region: str = "53"
    genre: str = "femme"
    age: str = "25_a_39_ans"
    situation: str = "employes"
    statut: str = "realisation_totale"
    dossiers: int | None = 12
    titulaires: int | None = 11
    montant: Decimal | None = Decimal("18000.05")
    prix: Decimal | None = Decimal("1500.0042")
    duree: Decimal | None = Decimal("30.5")
    connus: int | None = 10

    def masked(self) -> Line:
        return replace(self, dossiers=None, titulaires=None, montant=None, connus=None)

    @property
    def is_masked(self) -> bool:
        return self.titulaires is None

    def row(self, release: str) -> dict[str, Any]:
        return {
            **self._key(release),
            "nb_dossiers": self.dossiers,
            "nb_titulaires": self.titulaires,
            "montant_engage": self.montant,
            "prix_moyen": self.prix,
            "duree_moyenne": self.duree,
            "nb_dossiers_a_duree_connue": self.connus,
        }

    def parts(self, release: str) -> Iterable[dict[str, Any]]:
        """France compétences pays all but 100 euros."""
        amounts = (None, None) if self.montant is None else (self.montant - 100, Decimal(100))
        for financer, amount in zip(("france_competences", "titulaire"), amounts, strict=True):
            yield {
                **self._key(release),
                "financeur_id": financer,
                "montant": amount,
                "nb_dossiers_finances": self.dossiers,
            }

    def _key(self, release: str) -> dict[str, Any]:
        return {
            "trimestre_id": self.quarter,
            "region_id": self.region,
            "genre_id": self.genre,
            "classe_age_id": self.age,
            "situation_id": self.situation,
            "statut_id": self.statut,
            "est_masque": self.is_masked,
            "release_id": release,
        }


LINES = (
    Line(),
    Line(
        genre="homme", statut="valide", dossiers=40, titulaires=40, montant=Decimal("60000.00"), connus=None, duree=None
    ),
    Line(region="11", situation="demandeur_emploi").masked(),
    Line(quarter="2024-T2", region=UNKNOWN_REGION.id),
    Line(quarter="2025-T1", montant=Decimal("20000.10"), dossiers=13),
    Line(quarter="2025-T1", genre="homme").masked(),
)


def fill(con: duckdb.DuckDBPyConnection, lines: Sequence[Line], release: str, *, synthetic: bool = False) -> None:
    """Put lines, and all that follows from them, into empty tables."""
    quarters = sorted({line.quarter for line in lines})
    day = dt.date.fromisoformat(release)
    row = {
        "release_id": release,
        "rang": 2,
        "date_release": day,
        "data_processed": dt.datetime(day.year, day.month, day.day, 6),
        "nb_lignes": len(lines),
        "nb_trimestres": len(quarters),
        "sha256": "0" * 64,
        "origine": "https://example.org/export?a=b",
        "licence": "Licence Ouverte v2.0",
        "est_courante": True,
        "est_synthetique": synthetic,
    }
    insert(con, DimTrimestre, dimensions.quarters(Quarter.parse(quarter) for quarter in quarters))
    before = row | {"release_id": EARLIER, "rang": 1, "date_release": dt.date.fromisoformat(EARLIER)}
    insert(con, DimRelease, dimensions.frame_of(DimRelease, [row, before | {"est_courante": False}]))
    insert(con, FctDossiers, dimensions.frame_of(FctDossiers, (line.row(release) for line in lines)))
    parts = (part for line in lines for part in line.parts(release))
    insert(con, FctFinancements, dimensions.frame_of(FctFinancements, parts))
    past = replace(lines[0], dossiers=11)
    state = {"valide_depuis": EARLIER, "valide_jusqua": release}
    insert(con, FctDossiersEtatsPasses, dimensions.frame_of(FctDossiersEtatsPasses, [past.row(EARLIER) | state]))
    parts = (part | state for part in past.parts(EARLIER))
    insert(con, FctFinancementsEtatsPasses, dimensions.frame_of(FctFinancementsEtatsPasses, parts))
    for model in (*QUARTERLY_MARTS, MartRevisions):
        name = describe(model).name
        statement = typed(describe(model), f"({query(name)})")
        parameters = {"trimestres": quarters} if "$trimestres" in statement else None
        con.execute(f"INSERT INTO {name} BY NAME {statement}", parameters)


def publish_handmade(
    root: Path,
    lines: Sequence[Line] = LINES,
    release: str = "2026-10-08",
    *,
    synthetic: bool = False,
    state: str = "etat",
) -> DataDir:
    """Publish lines, hostile rejects and an unknown region, from an empty data directory."""
    data_dir = DataDir(root)
    data_dir.published_database.parent.mkdir(parents=True, exist_ok=True)
    remove_database(data_dir.published_database)
    with duckdb.connect() as con:
        con.execute(f"ATTACH {literal(data_dir.published_database)} AS publie (STORAGE_VERSION '{STORAGE_VERSION}')")
        con.execute("USE publie")
        create(con)
        for name, model in dimensions.MODALITY_DIMENSIONS.items():
            insert(con, model, dimensions.modalities(name, [UNKNOWN_REGION] if name == "region" else []))
        insert(con, DimFinanceur, dimensions.financers())
        rejects = (
            {
                "release_id": release,
                "numero_ligne": number,
                "regle": "nombre_illisible",
                "colonne": None if number == 2 else "nb_dossiers",
                "trimestre_id": "2024-T1",
                "valeur": text,
                "ligne": text,
            }
            for number, text in enumerate(HOSTILE, start=2)
        )
        insert(con, StgRejets, dimensions.frame_of(StgRejets, rejects))
        fill(con, lines, release, synthetic=synthetic)
        document(con, state)
    return data_dir
