"""The marts: what is derived from the facts, quarter by quarter.

Each mart has one SQL file of the same name in ``sql/``; here is what its columns mean, and in `schemas.measures` what
several of them share. A sum of `nb_titulaires` always has a name that ends in `_max`: it counts a person once per line
they appear in.

What does not belong here: what compares or adds up quarters (`schemas.views`).
"""

from __future__ import annotations

from typing import Any

from mcf_pipeline.schemas import revisions
from mcf_pipeline.schemas.base import Amount, Count, Ratio, Table, Text, column
from mcf_pipeline.schemas.financing import MartFinancement, MartRegionFinancement
from mcf_pipeline.schemas.measures import (
    AT_LEAST_ONE,
    AT_MOST_FIVE,
    HIGHEST,
    HYPOTHESIS,
    LOWEST,
    QUOTED,
    SHARE,
    WEIGHT,
    DossierShare,
    Explained,
    Measured,
    Quarterly,
    Rates,
)

MartRevisions = revisions.MartRevisions


class MartTrimestre(Explained, Rates, Measured, Quarterly):
    """National figures of each quarter."""

    part_demandeurs_emploi: Ratio = column(
        "Part des demandeurs d'emploi parmi les dossiers (non les personnes).",
        unit="ratio",
        computed="dossiers des demandeurs d'emploi / dossiers dont la situation est renseignée et connue ; vide si "
        "plus de 1 % des dossiers ont une situation que le contrat ne connaît pas.",
        masking=QUOTED,
        nullable=True,
        in_range=SHARE,
    )
    part_demandeurs_emploi_bas: Ratio = column(
        "Part des demandeurs d'emploi : borne basse.",
        computed="minimum de la partie / (minimum de la partie + maximum du reste).",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
        in_range=SHARE,
    )
    part_demandeurs_emploi_haut: Ratio = column(
        "Part des demandeurs d'emploi : borne haute.",
        computed="maximum de la partie / (maximum de la partie + minimum du reste).",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
        in_range=SHARE,
    )
    nb_dossiers_de_situation_connue: Count = column(
        "Poids de la part des demandeurs d'emploi : dossiers dont la situation est renseignée et connue.",
        unit="dossiers",
        computed="somme des dossiers donnés.",
        masking=WEIGHT,
        ge=0,
    )
    nb_dossiers_de_situation_connue_min: Count = column(
        "Le même poids avec les lignes masquées, au moins.",
        computed="poids donné + 1 par ligne masquée.",
        unit="dossiers",
        masking=AT_LEAST_ONE,
        ge=0,
    )
    nb_dossiers_de_situation_connue_max: Count = column(
        "Le même poids avec les lignes masquées, au plus.",
        unit="dossiers",
        computed="poids donné + 5 par ligne masquée, et les dossiers dont la modalité n'est pas au contrat.",
        masking=AT_MOST_FIVE,
        ge=0,
    )
    part_femmes: Ratio = column(
        "Part des femmes parmi les dossiers (non les personnes).",
        unit="ratio",
        computed="dossiers des femmes / dossiers dont le genre est renseigné et connu ; vide si plus de 1 % des "
        "dossiers ont un genre que le contrat ne connaît pas.",
        masking=QUOTED,
        nullable=True,
        in_range=SHARE,
    )
    part_femmes_bas: Ratio = column(
        "Part des femmes : borne basse.",
        computed="minimum de la partie / (minimum de la partie + maximum du reste).",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
        in_range=SHARE,
    )
    part_femmes_haut: Ratio = column(
        "Part des femmes : borne haute.",
        computed="maximum de la partie / (maximum de la partie + minimum du reste).",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
        in_range=SHARE,
    )
    nb_dossiers_de_genre_connu: Count = column(
        "Poids de la part des femmes : dossiers dont le genre est renseigné et connu.",
        unit="dossiers",
        computed="somme des dossiers donnés.",
        masking=WEIGHT,
        ge=0,
    )
    nb_dossiers_de_genre_connu_min: Count = column(
        "Le même poids avec les lignes masquées, au moins.",
        computed="poids donné + 1 par ligne masquée.",
        unit="dossiers",
        masking=AT_LEAST_ONE,
        ge=0,
    )
    nb_dossiers_de_genre_connu_max: Count = column(
        "Le même poids avec les lignes masquées, au plus.",
        unit="dossiers",
        computed="poids donné + 5 par ligne masquée, et les dossiers dont la modalité n'est pas au contrat.",
        masking=AT_MOST_FIVE,
        ge=0,
    )

    class Config:
        name = "mart_trimestre"
        description = "Les chiffres nationaux de chaque trimestre."
        unique = ["trimestre_id"]


class MartRegion(Explained, Rates, DossierShare, Measured, Quarterly):
    """Figures of each quarter and region."""

    region_id: Text = column("Région de résidence.", references="dim_region")
    part_montant: Ratio = column(
        "Part de la région dans le montant engagé du trimestre.",
        unit="ratio",
        computed="montant / montant de toutes les lignes, région renseignée ou non.",
        masking=QUOTED,
        nullable=True,
        in_range=SHARE,
    )
    part_montant_bas: Ratio = column(
        "Part de la région dans le montant engagé du trimestre : borne basse.",
        computed="minimum de la partie / (minimum de la partie + maximum du reste).",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
        in_range=SHARE,
    )
    part_montant_haut: Ratio = column(
        "Part de la région dans le montant engagé du trimestre : borne haute.",
        computed="maximum de la partie / (maximum de la partie + minimum du reste).",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
        in_range=SHARE,
    )

    class Config:
        name = "mart_region"
        description = "Les chiffres de chaque région, par trimestre."
        unique = ["trimestre_id", "region_id"]


class MartProfil(Explained, Measured, Quarterly):
    """Figures of each quarter, gender, age class and situation."""

    genre_id: Text = column("Genre.", references="dim_genre")
    classe_age_id: Text = column("Classe d'âge.", references="dim_classe_age")
    situation_id: Text = column("Situation.", references="dim_situation")

    class Config:
        name = "mart_profil"
        description = "Les chiffres de chaque profil (genre, classe d'âge, situation), par trimestre."
        unique = ["trimestre_id", "genre_id", "classe_age_id", "situation_id"]


class MartRegionSituation(Explained, Measured, Quarterly):
    """Figures of each quarter, region and situation."""

    region_id: Text = column("Région de résidence.", references="dim_region")
    situation_id: Text = column("Situation.", references="dim_situation")

    class Config:
        name = "mart_region_situation"
        description = "Les chiffres de chaque région et situation, par trimestre."
        unique = ["trimestre_id", "region_id", "situation_id"]


class MartStatut(Explained, Rates, DossierShare, Measured, Quarterly):
    """What became of the dossiers; the quarter's rates stand on each of its rows."""

    statut_id: Text = column("Statut du dossier au jour de l'extraction.", references="dim_statut")

    class Config:
        name = "mart_statut"
        description = (
            "Ce que deviennent les dossiers, par trimestre et statut. La maturité et les taux sont ceux du trimestre, "
            "les mêmes sur toutes ses lignes."
        )
        unique = ["trimestre_id", "statut_id"]


_UNKNOWN: dict[str, Any] = {
    "unit": "ratio",
    "computed": "maximum des dossiers dont la modalité n'est pas au contrat / minimum des dossiers ; 1 au plus.",
    "masking": f"majorant, si {HYPOTHESIS}.",
    "nullable": True,
    "in_range": SHARE,
}


class MartQualite(Explained, Quarterly):
    """How good the data of each quarter is."""

    nb_lignes_recues: Count = column("Lignes reçues.", unit="lignes", computed="retenues + écartées.", ge=0)
    nb_lignes_valides: Count = column("Lignes retenues.", unit="lignes", computed="nombre de lignes.", ge=0)
    nb_lignes_rejetees: Count = column(
        "Lignes écartées, voir `stg_rejets`.", unit="lignes", computed="lignes distinctes de `stg_rejets`.", ge=0
    )
    nb_lignes_masquees: Count = column(
        "Lignes masquées.",
        unit="lignes",
        computed="lignes dont les dossiers, les titulaires ou le montant sont vides.",
        ge=0,
    )
    nb_lignes_dossiers_masques: Count = column(
        "Lignes dont les dossiers sont masqués.", unit="lignes", computed="lignes où ils sont vides.", ge=0
    )
    nb_lignes_titulaires_masques: Count = column(
        "Lignes dont les titulaires sont masqués.", unit="lignes", computed="lignes où ils sont vides.", ge=0
    )
    nb_lignes_montants_masques: Count = column(
        "Lignes dont le montant est masqué.", unit="lignes", computed="lignes où il est vide.", ge=0
    )
    plus_petit_nb_titulaires: Count = column(
        "Le plus petit nombre de titulaires donné. Sous 5, le producteur ne masque pas comme il le dit ; au-dessus de "
        "5 dans tous les trimestres, son seuil est sans doute plus haut. Dans les deux cas, les bornes sont à revoir.",
        unit="personnes",
        computed="minimum, hors zéro, des titulaires donnés.",
        masking=WEIGHT,
        nullable=True,
        ge=0,
    )
    nb_profils_masques: Count = column(
        "Profils (région, genre, classe d'âge, situation) dont toutes les lignes sont masquées.",
        unit="profils",
        computed="profils du trimestre sans ligne non masquée.",
        ge=0,
    )
    nb_profils_masques_en_partie: Count = column(
        "Profils dont certains statuts sont masqués et d'autres non. S'il y en a, le producteur masque par ligne, "
        "statut compris, et non par profil.",
        unit="profils",
        computed="profils du trimestre qui ont une ligne masquée et une qui ne l'est pas.",
        ge=0,
    )
    nb_prix_connus: Count = column(
        "Lignes dont le prix moyen est donné.", unit="lignes", computed="lignes où il n'est pas vide.", ge=0
    )
    nb_durees_connues: Count = column(
        "Lignes dont la durée moyenne est donnée.", unit="lignes", computed="lignes où elle n'est pas vide.", ge=0
    )
    ecart_parts_montant: Amount = column(
        "Écart entre le montant engagé et la somme des parts des financeurs.",
        unit="euros",
        computed="somme de montant_engage moins somme des parts, sur les lignes qui donnent le montant et toutes les "
        "parts.",
        masking="une ligne dont le montant ou une part est masqué n'y est pas : l'écart serait ce qui est masqué.",
        nullable=True,
    )
    nb_lignes_ecart_parts: Count = column(
        "Lignes dont les parts s'écartent du montant de plus de 1 % et de plus de 1 € (règle `ecart_parts_montant` du "
        "contrat).",
        unit="lignes",
        computed="nombre de ces lignes.",
        masking="parmi les lignes qui donnent le montant et toutes les parts.",
        ge=0,
    )
    ecart_prix_montant: Amount = column(
        "Écart entre prix moyen × dossiers et montant engagé.",
        unit="euros",
        computed="somme de prix_moyen × nb_dossiers moins montant_engage, sur les lignes où les trois sont donnés.",
        masking="une ligne dont les dossiers ou le montant sont masqués n'y est pas.",
        nullable=True,
    )
    nb_lignes_ecart_prix: Count = column(
        "Lignes dont prix moyen × dossiers s'écarte du montant de plus de 5 % (règle `ecart_prix_montant` du contrat).",
        unit="lignes",
        computed="nombre de ces lignes.",
        masking="parmi les lignes où les trois sont donnés.",
        ge=0,
    )
    part_regions_inconnues: Ratio = column("Part des dossiers de région inconnue du contrat, au plus.", **_UNKNOWN)
    part_genres_inconnus: Ratio = column("Part des dossiers de genre inconnu du contrat, au plus.", **_UNKNOWN)
    part_classes_age_inconnues: Ratio = column(
        "Part des dossiers de classe d'âge inconnue du contrat, au plus.", **_UNKNOWN
    )
    part_situations_inconnues: Ratio = column(
        "Part des dossiers de situation inconnue du contrat, au plus.", **_UNKNOWN
    )
    part_statuts_inconnus: Ratio = column(
        "Part des dossiers de statut inconnu du contrat ou non renseigné, au plus.", **_UNKNOWN
    )

    class Config:
        name = "mart_qualite"
        description = "La qualité des données de chaque trimestre."
        unique = ["trimestre_id"]


QUARTERLY_MARTS: tuple[type[Table], ...] = (
    MartTrimestre,
    MartRegion,
    MartProfil,
    MartRegionSituation,
    MartFinancement,
    MartRegionFinancement,
    MartStatut,
    MartQualite,
)
