"""Four small releases, and what each of them says, written down without the pipeline.

The second adds a quarter and revises one, the third takes that revision back and revises the new quarter, the
fourth repeats the third in another order.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from mcf_pipeline_tests.exports import Line, lean

R1, R2, R3, R4 = RELEASES = ("2026-01-08", "2026-04-08", "2026-07-08", "2026-10-08")

REGIONS = {"Bretagne": "53", "Corse": "94", "Normandie": "28", "Atlantide": "atlantide"}
STATUSES = {
    "Validé": ("valide", "en_cours"),
    "Clos - Réalisation Totale": ("realisation_totale", "realise"),
    "Clos - Réalisation Partielle": ("realisation_partielle", "partiel"),
    "Clos - Non Réalisé annulé OF": ("annule_of", "annule"),
    "Rejeté": ("rejete", "rejete"),
}
"""Identifier and family by the text of the export."""
_FINANCER = "etat"


def _lines(quarter: str, *cells: tuple[str, str, str]) -> list[Line]:
    """Lines by region, status and dossiers; without dossiers, masked."""
    return [
        lean(
            quarter,
            region=region,
            statut_dossier=status,
            nb_dossiers=dossiers,
            nb_titulaires=dossiers,
            montant_engage=dossiers and f"{dossiers}00.05",
            part_etat=dossiers and f"{dossiers}0,01",
            prix_moyen="1500.25",
        )
        for region, status, dossiers in cells
    ]


T1 = _lines("2024-T1", ("Bretagne", "Validé", "20"), ("Corse", "Rejeté", ""), ("Normandie", "Rejeté", "7"))
T2 = _lines(
    "2024-T2",
    ("Bretagne", "Validé", "20"),
    ("Bretagne", "Clos - Réalisation Totale", "12"),
    ("Corse", "Validé", "10"),
    ("Corse", "Clos - Réalisation Partielle", ""),
    ("Normandie", "Clos - Non Réalisé annulé OF", "8"),
)
T2_REVISED = _lines(
    "2024-T2",
    ("Bretagne", "Validé", "15"),
    ("Bretagne", "Clos - Réalisation Totale", "17"),
    ("Corse", "Rejeté", "10"),
    ("Corse", "Clos - Réalisation Partielle", ""),
    ("Normandie", "Clos - Non Réalisé annulé OF", "8"),
    ("Atlantide", "Validé", "5"),
)
T3 = _lines("2024-T3", ("Bretagne", "Validé", "30"), ("Corse", "Validé", "5"))
T3_REVISED = _lines("2024-T3", ("Bretagne", "Validé", "29"), ("Corse", "Validé", ""))

LINES: dict[str, list[Line]] = {
    R1: [*T1, *T2],
    R2: [*T1, *T2_REVISED, *T3],
    R3: [*T1, *T2, *T3_REVISED],
    R4: [*T3_REVISED[::-1], *T2, *T1],
}
TELLING = (R1, R2, R3)
"""The releases that say something new."""


class Row(NamedTuple):
    """A line as the warehouse should tell it."""

    trimestre_id: str
    region_id: str
    statut_id: str
    nb_dossiers: int | None
    nb_titulaires: int | None
    montant_engage: Decimal | None
    prix_moyen: Decimal
    est_masque: bool


class Part(NamedTuple):
    """A financer's part of a line as the warehouse should tell it."""

    trimestre_id: str
    region_id: str
    statut_id: str
    financeur_id: str
    montant: Decimal | None
    est_masque: bool


def _number(text: str) -> int | None:
    return int(text) if text else None


def _amount(text: str) -> Decimal | None:
    return Decimal(text.replace(",", ".")) if text else None


def rows(lines: Iterable[Line]) -> list[Row]:
    """Lines as rows, sorted."""
    found = [
        Row(
            entry["trimestre"],
            REGIONS[entry["region"]],
            STATUSES[entry["statut_dossier"]][0],
            _number(entry["nb_dossiers"]),
            _number(entry["nb_titulaires"]),
            _amount(entry["montant_engage"]),
            Decimal(entry["prix_moyen"]),
            not entry["nb_dossiers"],
        )
        for entry in lines
    ]
    return sorted(found, key=repr)


def parts(lines: Iterable[Line]) -> list[Part]:
    """The financer's parts of lines, sorted."""
    found = [
        Part(
            entry["trimestre"],
            REGIONS[entry["region"]],
            STATUSES[entry["statut_dossier"]][0],
            _FINANCER,
            _amount(entry["part_etat"]),
            not entry["nb_dossiers"],
        )
        for entry in lines
    ]
    return sorted(found, key=repr)
