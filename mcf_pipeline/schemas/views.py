"""The views: what compares quarters or adds them up, and the facts with their labels joined.

Each has one SQL file of the same name in ``sql/``. They are views, never stored in a quarter's row: else
revising one quarter would leave a stale neighbour.

What does not belong here: a sum of persons over quarters. Only what adds up has a year (`v_annee`).
"""

from __future__ import annotations

from mcf_pipeline.schemas.base import Amount, Count, Decimal4, Flag, Ratio, Small, Table, Text, column
from mcf_pipeline.schemas.marts import AT_LEAST_ONE, OVER_UNMASKED, UNMASKED, Quarterly
from mcf_pipeline.schemas.staging import GIVEN, MASKED


class VTrimestreEvolution(Quarterly):
    """Each quarter beside the same one a year before."""

    libelle: Text = column("Trimestre en clair.")
    annee: Small = column("Année.")
    nb_dossiers: Count = column("Dossiers.", unit="dossiers", masking=UNMASKED, nullable=True)
    nb_dossiers_un_an_avant: Count = column(
        "Dossiers du même trimestre un an avant.", unit="dossiers", masking=UNMASKED, nullable=True
    )
    evolution_dossiers: Ratio = column("Évolution des dossiers sur un an (0,05 = +5 %).", unit="ratio", nullable=True)
    nb_dossiers_cumul_annuel: Count = column(
        "Dossiers depuis le début de l'année.", unit="dossiers", masking=UNMASKED, nullable=True
    )
    montant_engage: Amount = column("Montant engagé.", unit="euros", masking=UNMASKED, nullable=True)
    montant_un_an_avant: Amount = column(
        "Montant du même trimestre un an avant.", unit="euros", masking=UNMASKED, nullable=True
    )
    evolution_montant: Ratio = column("Évolution du montant sur un an.", unit="ratio", nullable=True)
    montant_cumul_annuel: Amount = column(
        "Montant engagé depuis le début de l'année.", unit="euros", masking=UNMASKED, nullable=True
    )
    prix_moyen: Amount = column("Prix moyen.", unit="euros", masking=OVER_UNMASKED, nullable=True)
    evolution_prix: Ratio = column("Évolution du prix moyen sur un an.", unit="ratio", nullable=True)
    nb_lignes_masquees: Count = column("Lignes masquées du trimestre.", unit="lignes")
    nb_lignes_masquees_un_an_avant: Count = column("Lignes masquées un an avant.", unit="lignes", nullable=True)

    class Config:
        name = "v_trimestre_evolution"
        description = (
            "Chaque trimestre à côté du même un an avant. Une évolution compare des sommes sans les lignes "
            "masquées : à lire avec leur nombre."
        )
        unique = ["trimestre_id"]


class VAnnee(Table):
    """Each year, as far as its quarters add up."""

    annee: Small = column("Année d'entrée en formation.")
    nb_trimestres: Small = column(
        "Trimestres de l'année que l'entrepôt contient, de 1 à 4.", in_range={"min_value": 1, "max_value": 4}
    )
    est_complete: Flag = column("Vrai si les quatre trimestres y sont. Ses statuts peuvent encore bouger.")
    nb_lignes: Count = column("Lignes de la source.", unit="lignes", ge=0)
    nb_lignes_masquees: Count = column("Lignes masquées parmi elles.", unit="lignes", ge=0)
    nb_dossiers: Count = column(
        "Dossiers des lignes non masquées, somme des trimestres.",
        unit="dossiers",
        masking=UNMASKED,
        nullable=True,
        ge=0,
    )
    nb_dossiers_min: Count = column(
        "Dossiers de toutes les lignes, au moins.", unit="dossiers", masking=AT_LEAST_ONE, ge=0
    )
    montant_engage: Amount = column(
        "Montant engagé des lignes non masquées, somme des trimestres.",
        unit="euros",
        masking=UNMASKED,
        nullable=True,
        ge=0,
    )

    class Config:
        name = "v_annee"
        description = (
            "Ce qui s'additionne, par année : dossiers, montant, lignes. Pas les personnes : une même personne peut "
            "entrer en formation dans plusieurs trimestres, et la source ne permet pas de la compter une seule fois."
        )
        unique = ["annee"]


class _Labelled(Table):
    """The six dimensions of a line, in clear."""

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
        "Famille du statut : en_cours, realise, partiel, non_realise, annule ; vide si on ne sait pas.",
        nullable=True,
    )


LABELS = ["trimestre_id", "region", "genre", "classe_age", "situation", "statut"]


class VDossiers(_Labelled):
    """`fct_dossiers`, ready to read."""

    nb_dossiers: Count = column("Nombre de dossiers.", unit="dossiers", masking=MASKED, nullable=True)
    nb_titulaires: Count = column(
        "Nombre de titulaires. Ne s'additionne pas : une somme compte une personne une fois par ligne.",
        unit="personnes",
        masking=MASKED,
        nullable=True,
    )
    montant_engage: Amount = column("Montant engagé.", unit="euros", masking=MASKED, nullable=True)
    prix_moyen: Decimal4 = column("Prix moyen d'un dossier.", unit="euros", masking=GIVEN, nullable=True)
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
    release_id: Text = column("Publication depuis laquelle le trimestre dit cela sans interruption.")

    class Config:
        name = "v_dossiers"
        description = "`fct_dossiers` avec les libellés en clair, pour qui ne veut pas joindre."
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
    release_id: Text = column("Publication depuis laquelle le trimestre dit cela sans interruption.")

    class Config:
        name = "v_financements"
        description = "`fct_financements` avec les libellés en clair, pour qui ne veut pas joindre."
        unique = [*LABELS, "financeur"]


VIEWS: tuple[type[Table], ...] = (VTrimestreEvolution, VAnnee, VDossiers, VFinancements)
