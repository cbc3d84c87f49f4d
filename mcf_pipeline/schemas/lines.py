"""The facts with their labels joined, line by line.

What does not belong here: any figure that adds lines up.
"""

from __future__ import annotations

from mcf_pipeline.schemas.base import Amount, Count, Decimal4, Flag, Small, Table, Text, column
from mcf_pipeline.schemas.staging import GIVEN, MASKED


class _Labelled(Table):
    """The six dimensions of a line, in clear."""

    release_id: Text = column("Publication courante, la même sur toutes les lignes.")
    release_id_debut_etat: Text = column(
        "Publication depuis laquelle le trimestre est dans cet état, sans interruption."
    )
    trimestre_id: Text = column("Trimestre d'entrée en formation, `2024-T3`.")
    trimestre: Text = column("Trimestre en clair.")
    annee: Small = column("Année.")
    region: Text = column("Région de résidence.")
    genre: Text = column("Genre.")
    classe_age: Text = column("Classe d'âge.")
    situation: Text = column("Situation : demandeur d'emploi, sinon catégorie socioprofessionnelle.")
    statut: Text = column("Statut du dossier au jour de l'extraction.")
    code_region: Text = column("Code INSEE de la région ; vide hors nomenclature.", nullable=True)
    est_demandeur_emploi: Flag = column("Vrai pour les demandeurs d'emploi ; vide si on ne sait pas.", nullable=True)
    famille_statut: Text = column(
        "Famille du statut : en_cours, realise, partiel, annule, rejete ; vide si on ne sait pas.",
        nullable=True,
    )


LABELS = ["trimestre_id", "region", "genre", "classe_age", "situation", "statut"]


class VDossiers(_Labelled):
    """`fct_dossiers`, ready to read."""

    nb_dossiers: Count = column("Nombre de dossiers.", unit="dossiers", masking=MASKED, nullable=True)
    nb_titulaires: Count = column(
        "Nombre de titulaires. Ne s'additionne pas : une somme compte une personne autant de fois que de lignes où "
        "elle figure.",
        unit="personnes",
        masking=MASKED,
        nullable=True,
    )
    montant_engage: Amount = column("Montant engagé.", unit="euros", masking=MASKED, nullable=True)
    prix_moyen: Decimal4 = column("Prix moyen d'un dossier de la ligne.", unit="euros", masking=GIVEN, nullable=True)
    duree_moyenne: Decimal4 = column(
        "Durée moyenne, sur les dossiers dont la durée est connue.",
        unit="heures",
        masking=GIVEN,
        nullable=True,
    )
    nb_dossiers_a_duree_connue: Count = column(
        "Nombre de dossiers dont la durée est connue.", unit="dossiers", masking=MASKED, nullable=True
    )
    est_masque: Flag = column("Vrai si un effectif ou le montant est masqué par le producteur.")

    class Config:
        name = "v_dossiers"
        description = "`fct_dossiers` avec les libellés en clair, sans jointure à faire."
        unique = LABELS


class VFinancements(_Labelled):
    """`fct_financements`, ready to read."""

    financeur: Text = column("Financeur.")
    montant: Amount = column("Part du financeur dans le montant engagé.", unit="euros", masking=MASKED, nullable=True)
    nb_dossiers_finances: Count = column(
        "Nombre de dossiers auxquels le financeur contribue. Ne s'additionne pas entre financeurs.",
        unit="dossiers",
        masking=MASKED,
        nullable=True,
    )
    est_masque: Flag = column("Vrai si la ligne de la source est masquée par le producteur.")

    class Config:
        name = "v_financements"
        description = "`fct_financements` avec les libellés en clair, sans jointure à faire."
        unique = [*LABELS, "financeur"]
