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
from mcf_pipeline.quarter import Quarter
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS
from mcf_pipeline.schemas.staging import StgRejets
from mcf_pipeline.schemas.warehouse import (
    DimRelease,
    DimTrimestre,
    FctDossiersHistorique,
    FctFinancementsHistorique,
)
from mcf_pipeline.settings import DataDir
from mcf_pipeline.tables import dimensions
from mcf_pipeline.tables.marts import compute_mart, write_revisions
from mcf_pipeline.warehouse.build import insert_frame, open_build
from mcf_pipeline.warehouse.publication import publish

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
            "valide_depuis": release,
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
    """Put lines, and all that follows from them, into an empty build."""
    quarters = sorted({line.quarter for line in lines})
    day = dt.date.fromisoformat(release)
    insert_frame(con, DimTrimestre, dimensions.quarters(Quarter.parse(quarter) for quarter in quarters))
    insert_frame(
        con,
        DimRelease,
        dimensions.frame_of(
            DimRelease,
            [
                {
                    "release_id": release,
                    "rang": 1,
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
            ],
        ),
    )
    insert_frame(
        con, FctDossiersHistorique, dimensions.frame_of(FctDossiersHistorique, (line.row(release) for line in lines))
    )
    parts = (part for line in lines for part in line.parts(release))
    insert_frame(con, FctFinancementsHistorique, dimensions.frame_of(FctFinancementsHistorique, parts))
    for model in QUARTERLY_MARTS:
        insert_frame(con, model, compute_mart(con, model, quarters))
    write_revisions(con)


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
    data_dir.build_database.unlink(missing_ok=True)
    with open_build(data_dir) as con:
        con.execute("DELETE FROM dim_region")
        insert_frame(con, dimensions.DimRegion, dimensions.modalities("region", [UNKNOWN_REGION]))
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
        insert_frame(con, StgRejets, dimensions.frame_of(StgRejets, rejects))
        fill(con, lines, release, synthetic=synthetic)
        publish(con, data_dir, state)
    return data_dir
