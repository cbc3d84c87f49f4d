"""Staging: the lines of one quarter, typed and canonical; and the lines that could not be.

The key is the six dimensions of the source's line. Besides the columns here, `stg_usagers` has two columns per
financer that the source gives (`StgPart`), so that a new financer is one more row in `contract.financers`.
"""

from __future__ import annotations

from mcf_pipeline.schemas.base import Amount, Count, Decimal4, Flag, Table, Text, column
from mcf_pipeline.schemas.bounds import MAX_AMOUNT, MAX_COUNT, MAX_HOURS, MAX_PRICE

LINE_KEY = ["trimestre_id", "region_id", "genre_id", "classe_age_id", "situation_id", "statut_id"]

MASKED = "vide quand la ligne est masquée (moins de 5 personnes) ; jamais zéro, jamais estimé."
GIVEN = "donné par la source même quand la ligne est masquée."


class _Line(Table):
    """Where a line comes from, and its six dimensions."""

    release_id: Text = column("Publication dont vient la ligne.")
    trimestre_id: Text = column("Trimestre d'entrée en formation, `2024-T3`.", str_matches=r"^\d{4}-T[1-4]$")
    region_id: Text = column("Région de résidence : code INSEE, ou identifiant de la modalité.")
    genre_id: Text = column("Genre.")
    classe_age_id: Text = column("Classe d'âge.")
    situation_id: Text = column("Situation : demandeur d'emploi, sinon catégorie socioprofessionnelle déclarée.")
    statut_id: Text = column("Statut du dossier au jour de l'extraction.")
    numero_ligne: Count = column("Numéro de la ligne dans l'export reçu (l'en-tête est la ligne 1).", ge=2)
    est_masque: Flag = column("Vrai si un effectif ou le montant de la ligne est masqué par le producteur.")


class StgUsagers(_Line):
    """Lines of one quarter."""

    nb_dossiers: Count = column(
        "Nombre de dossiers.", unit="dossiers", masking=MASKED, nullable=True, ge=0, le=MAX_COUNT
    )
    nb_titulaires: Count = column(
        "Nombre de titulaires (personnes) ayant au moins un dossier dans la ligne.",
        unit="personnes",
        masking=MASKED,
        nullable=True,
        ge=0,
        le=MAX_COUNT,
    )
    montant_engage: Amount = column("Montant engagé.", unit="euros", masking=MASKED, nullable=True, ge=0, le=MAX_AMOUNT)
    prix_moyen: Decimal4 = column(
        "Prix moyen d'un dossier de la ligne.", unit="euros", masking=GIVEN, nullable=True, ge=0, le=MAX_PRICE
    )
    duree_moyenne: Decimal4 = column(
        "Durée moyenne, sur les dossiers dont la durée est connue.",
        unit="heures",
        masking=GIVEN,
        nullable=True,
        ge=0,
        le=MAX_HOURS,
    )
    nb_dossiers_a_duree_connue: Count = column(
        "Nombre de dossiers dont la durée est connue.",
        unit="dossiers",
        masking=MASKED,
        nullable=True,
        ge=0,
        le=MAX_COUNT,
    )

    class Config:
        name = "stg_usagers"
        description = "Les lignes d'un trimestre, typées et ramenées aux modalités connues."
        unique = ["release_id", *LINE_KEY]


class StgPart(Table):
    """The two columns of one financer, which stand in `stg_usagers` once per financer that the source gives.

    Their names there are those of the source's contract: ``part_<id>`` and ``nb_dossiers_finances_par_<id>``.
    """

    montant: Amount = column(
        "Part du financeur dans le montant engagé.",
        unit="euros",
        masking=MASKED,
        nullable=True,
        ge=0,
        le=MAX_AMOUNT,
    )
    nb_dossiers_finances: Count = column(
        "Nombre de dossiers auxquels le financeur contribue.",
        unit="dossiers",
        masking=MASKED,
        nullable=True,
        ge=0,
        le=MAX_COUNT,
    )


class StgRejets(Table):
    """Lines that broke a rule."""

    release_id: Text = column("Publication dont la ligne est rejetée.")
    numero_ligne: Count = column("Numéro de la ligne dans l'export reçu (l'en-tête est la ligne 1).", ge=2)
    regle: Text = column("Règle enfreinte (voir le contrat).")
    colonne: Text = column("Colonne en cause.", nullable=True)
    trimestre_id: Text = column("Trimestre de la ligne ; vide s'il est illisible.", nullable=True)
    valeur: Text = column("Valeur en cause, telle que reçue.", nullable=True)
    ligne: Text = column("La ligne telle que reçue, en JSON.")

    class Config:
        name = "stg_rejets"
        description = "Les lignes écartées, telles que reçues, avec la règle qu'elles enfreignent."
        unique = ["release_id", "numero_ligne", "regle", "colonne"]
