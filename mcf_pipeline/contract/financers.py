"""The families of financers: one line each, and what a source may call their columns.

A new financer is one line in `FINANCER_TABLE`. What does not belong here: every other column (`contract.columns`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Financer:
    """One family of financers.

    Attributes:
        id: as in `part_<id>`.
        libelle: clear French label.
        ordre: rank of presentation.
        names: how a column's name may call it.
        amounts: whole column names that mean its part.
    """

    id: str
    libelle: str
    ordre: int
    names: tuple[str, ...]
    amounts: tuple[str, ...] = ()


FINANCER_TABLE: tuple[Financer, ...] = (
    Financer("france_competences", "France compétences", 1, ("france compétences",)),
    Financer(
        "titulaire",
        "Titulaire (reste à charge)",
        2,
        ("titulaire",),
        (
            "reste à charge",
            "reste à charge titulaire",
            "reste à charge du titulaire",
            "montant du reste à charge",
            "montant total du reste à charge",
            "montant reste à charge titulaire",
            "rac",
            "rac titulaire",
            "montant rac",
        ),
    ),
    Financer("etat", "État", 3, ("état",)),
    Financer("france_travail", "France Travail (ex-Pôle emploi)", 4, ("france travail", "pôle emploi")),
    Financer("regions", "Régions", 5, ("région", "conseil régional", "conseils régionaux")),
    Financer("opco", "Opérateurs de compétences (OPCO)", 6, ("opco", "opérateur de compétences")),
    Financer("entreprises", "Entreprises", 7, ("entreprise", "employeur")),
    Financer("cec", "Compte d'engagement citoyen (CEC)", 8, ("cec", "compte d'engagement citoyen")),
    Financer("autres", "Autres financeurs", 9, ("autre", "autre financeur")),
)

FINANCERS: tuple[str, ...] = tuple(financer.id for financer in FINANCER_TABLE)
"""Identifiers of the financers, in order."""
FINANCER_ROWS: tuple[Mapping[str, str | int], ...] = tuple(
    {"financeur_id": financer.id, "libelle": financer.libelle, "ordre": financer.ordre} for financer in FINANCER_TABLE
)
"""The rows of `dim_financeur`."""

AMOUNT_PREFIXES = (
    "part",
    "montant",
    "montant part",
    "part financée",
    "part financement",
    "montant financé",
    "montant financement",
    "montant pris en charge",
    "montant engagé",
    "part engagée",
    "prise en charge",
    "financement",
    "contribution",
    "montant contribution",
    "participation",
    "montant participation",
    "abondement",
    "montant abondement",
    "montant abondé",
)
"""What may stand before a financer's name in the column of its part."""
# A bare "nombre de dossiers par titulaire" is a ratio: a word that says "financed" must be there.
COUNT_PREFIXES = (
    "nombre dossiers financés",
    "nombre dossiers cofinancés",
    "nombre dossiers financement",
    "nombre dossiers abondés",
    "nombre dossiers abondement",
    "nombre dossiers pris en charge",
    "nombre financés",
)
"""The same in the column of the dossiers that it contributes to."""
