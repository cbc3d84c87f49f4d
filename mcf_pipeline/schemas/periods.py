"""Views by year and over four moving quarters: what adds up, with its bounds, and the means.

Sums and their bounds are exact sums of the quarters'. The bounds of a mean are made from the quarters' own, and may
lie a little further apart than the lines allow; `resume(cle, condition)` gives the extremes themselves.

What does not belong here: a sum of persons over quarters.
"""

from __future__ import annotations

from mcf_pipeline.schemas.base import Amount, Count, Flag, Ratio, Small, Table, Text, column
from mcf_pipeline.schemas.measures import (
    AT_LEAST_ONE,
    AT_MOST_FIVE,
    HYPOTHESIS,
    PRICED,
    QUOTED,
    QUOTED_WITHOUT_REASON,
    UNMASKED,
    WEIGHT,
    Rates,
)

OUTWARDS = (
    f"borne sûre si {HYPOTHESIS}, déduite des bornes des trimestres et parfois un peu large ; la macro `resume` donne "
    "l'extrême exact."
)


class _Quarters(Table):
    """How much of a period is there."""

    nb_trimestres: Small = column(
        "Trimestres de la période que l'entrepôt contient, de 1 à 4.",
        computed="trimestres qui ont des lignes.",
        in_range={"min_value": 1, "max_value": 4},
    )
    est_complete: Flag = column(
        "Vrai si les quatre trimestres y sont ; leurs statuts peuvent encore changer.", computed="nb_trimestres = 4."
    )


class _Added(_Quarters):
    """What adds up over quarters, and the means."""

    nb_lignes: Count = column("Lignes de la source.", unit="lignes", computed="somme des trimestres.", ge=0)
    nb_lignes_masquees: Count = column(
        "Lignes masquées parmi elles.", unit="lignes", computed="somme des trimestres.", ge=0
    )
    nb_dossiers: Count = column(
        "Dossiers des lignes non masquées.",
        unit="dossiers",
        computed="somme des trimestres.",
        masking=UNMASKED,
        nullable=True,
        ge=0,
    )
    nb_dossiers_min: Count = column(
        "Dossiers de toutes les lignes, au moins.",
        unit="dossiers",
        computed="somme des trimestres.",
        masking=AT_LEAST_ONE,
        ge=0,
    )
    nb_dossiers_max: Count = column(
        "Dossiers de toutes les lignes, au plus.",
        unit="dossiers",
        computed="somme des trimestres.",
        masking=AT_MOST_FIVE,
        ge=0,
    )
    montant_engage: Amount = column(
        "Montant engagé des lignes non masquées.",
        unit="euros",
        computed="somme des trimestres.",
        masking=UNMASKED,
        nullable=True,
        ge=0,
    )
    montant_engage_min: Amount = column(
        "Montant engagé de toutes les lignes, au moins.",
        unit="euros",
        computed="somme des trimestres.",
        masking=PRICED,
        ge=0,
    )
    montant_engage_max: Amount = column(
        "Montant engagé de toutes les lignes, au plus.",
        unit="euros",
        computed="somme des trimestres.",
        masking=PRICED,
        nullable=True,
        ge=0,
    )
    prix_moyen: Amount = column(
        "Prix moyen d'un dossier, pondéré par les dossiers.",
        unit="euros",
        computed="somme de montant_a_prix_connu / somme de nb_dossiers_a_prix_connu.",
        masking=QUOTED,
        nullable=True,
        ge=0,
    )
    prix_moyen_bas: Amount = column(
        "Prix moyen : borne basse.",
        computed="moyenne des bornes des trimestres, avec les poids (au moins ou au plus) qui l'écartent le plus.",
        unit="euros",
        masking=OUTWARDS,
        nullable=True,
        ge=0,
    )
    prix_moyen_haut: Amount = column(
        "Prix moyen : borne haute.",
        computed="moyenne des bornes des trimestres, avec les poids (au moins ou au plus) qui l'écartent le plus.",
        unit="euros",
        masking=OUTWARDS,
        nullable=True,
        ge=0,
    )
    nb_dossiers_a_prix_connu: Count = column(
        "Poids du prix moyen.",
        unit="dossiers",
        computed="somme des trimestres.",
        masking=WEIGHT,
        nullable=True,
        ge=0,
    )
    duree_moyenne: Amount = column(
        "Durée moyenne d'un dossier, pondérée par les dossiers dont la durée est connue.",
        unit="heures",
        computed="somme de heures_a_duree_connue / somme de nb_dossiers_a_duree_connue.",
        masking=QUOTED,
        nullable=True,
        ge=0,
    )
    duree_moyenne_bas: Amount = column(
        "Durée moyenne : borne basse.",
        computed="moyenne des bornes des trimestres, avec les poids (au moins ou au plus) qui l'écartent le plus.",
        unit="heures",
        masking=OUTWARDS,
        nullable=True,
        ge=0,
    )
    duree_moyenne_haut: Amount = column(
        "Durée moyenne : borne haute.",
        computed="moyenne des bornes des trimestres, avec les poids (au moins ou au plus) qui l'écartent le plus.",
        unit="heures",
        masking=OUTWARDS,
        nullable=True,
        ge=0,
    )
    nb_dossiers_a_duree_connue: Count = column(
        "Poids de la durée moyenne.",
        unit="dossiers",
        computed="somme des trimestres.",
        masking=WEIGHT,
        nullable=True,
        ge=0,
    )
    motifs_vides: Text = column(
        "Pourquoi le prix moyen ou la durée moyenne est vide ; vide si les deux sont donnés.", nullable=True
    )


class _Year(_Added):
    annee: Small = column("Année d'entrée en formation.", computed="celle des trimestres.")


class _Moving(_Added):
    trimestre_id: Text = column("Dernier des quatre trimestres d'entrée en formation.", references="dim_trimestre")


class _OfRegion(Table):
    region_id: Text = column("Région de résidence.", references="dim_region")
    region: Text = column("Région en clair.")


class _OfSituation(Table):
    situation_id: Text = column("Situation.", references="dim_situation")
    situation: Text = column("Situation en clair.")


class VAnnee(_Year):
    """Each year, as far as its quarters add up."""

    annee_base: Small = column("Année de base de l'indice : la première qui est complète.", nullable=True)
    indice_dossiers: Ratio = column(
        "Indice des dossiers, base 100 = année de base.",
        unit="indice",
        computed="100 × dossiers / dossiers de l'année de base.",
        masking=QUOTED_WITHOUT_REASON,
        nullable=True,
        ge=0,
    )
    indice_dossiers_bas: Ratio = column(
        "Indice des dossiers : borne basse.",
        unit="indice",
        computed="100 × nb_dossiers_min / nb_dossiers_max de l'année de base ; 100 pour celle-ci.",
        masking=f"{HYPOTHESIS}.",
        nullable=True,
        ge=0,
    )
    indice_dossiers_haut: Ratio = column(
        "Indice des dossiers : borne haute.",
        unit="indice",
        computed="100 × nb_dossiers_max / nb_dossiers_min de l'année de base ; 100 pour celle-ci.",
        masking=f"{HYPOTHESIS}.",
        nullable=True,
        ge=0,
    )

    class Config:
        name = "v_annee"
        description = (
            "Par année d'entrée : dossiers, montant, prix et durée, avec leurs bornes, et l'indice des dossiers. Pas "
            "les personnes : une même personne peut entrer en formation dans plusieurs trimestres, et la source ne "
            "permet pas "
            "de la compter une seule fois."
        )
        unique = ["annee"]


class VAnneeRegion(_Year, _OfRegion):
    """Each year and region."""

    class Config:
        name = "v_annee_region"
        description = "Par année d'entrée et région : dossiers, montant, prix et durée, avec leurs bornes."
        unique = ["annee", "region_id"]


class VAnneeSituation(_Year, _OfSituation):
    """Each year and situation."""

    class Config:
        name = "v_annee_situation"
        description = "Par année d'entrée et situation : dossiers, montant, prix et durée, avec leurs bornes."
        unique = ["annee", "situation_id"]


class VAnneeRegionSituation(_Year, _OfRegion, _OfSituation):
    """Each year, region and situation."""

    class Config:
        name = "v_annee_region_situation"
        description = "Par année d'entrée, région et situation : dossiers, montant, prix et durée, avec leurs bornes."
        unique = ["annee", "region_id", "situation_id"]


class VAnneePerimetre(_Year):
    """Each year by scope."""

    perimetre: Text = column(
        "`tous` les dossiers ; `hors_annules` : ni annulés ni rejetés ; `commences` : le statut dit que le titulaire "
        "est entré en formation. Un statut inconnu n'est que dans `tous`."
    )

    class Config:
        name = "v_annee_perimetre"
        description = (
            "Par année d'entrée et périmètre : les « entrées » d'une publication ne sont pas toujours tous les "
            "dossiers. Les périmètres s'emboîtent, et ne s'additionnent pas."
        )
        unique = ["annee", "perimetre"]


class _YearRates(Rates, _Quarters):
    annee: Small = column("Année d'entrée en formation.", computed="celle des trimestres.")
    motifs_vides: Text = column(
        "Pourquoi la maturité ou un taux est vide : hors de ses bornes, bornes trop larges (écart de plus de 5 %), "
        "année immature, trop de statuts inconnus, rien qui ne soit masqué. Vide si tout est donné.",
        nullable=True,
    )


class VAnneeTaux(_YearRates):
    """What became of the dossiers of each year."""

    class Config:
        name = "v_annee_taux"
        description = (
            "Par année d'entrée : maturité, taux de réalisation et taux d'abandon, avec leurs bornes exactes. Un taux "
            "annuel se calcule sur les dossiers de l'année : ce n'est pas la moyenne des taux des trimestres."
        )
        unique = ["annee"]


class VAnneeRegionTaux(_YearRates, _OfRegion):
    """What became of the dossiers of each year and region."""

    class Config:
        name = "v_annee_region_taux"
        description = (
            "Par année d'entrée et région : maturité, taux de réalisation et taux d'abandon, avec leurs bornes exactes."
        )
        unique = ["annee", "region_id"]


class VGlissant(_Moving):
    """Four quarters, national."""

    class Config:
        name = "v_glissant"
        description = "Cumuls et moyennes sur quatre trimestres glissants, jusqu'à celui de la ligne ; sans saison."
        unique = ["trimestre_id"]


class VGlissantRegion(_Moving, _OfRegion):
    """Four quarters of a region."""

    class Config:
        name = "v_glissant_region"
        description = "Cumuls et moyennes sur quatre trimestres glissants, par région."
        unique = ["trimestre_id", "region_id"]


class VGlissantSituation(_Moving, _OfSituation):
    """Four quarters of a situation."""

    class Config:
        name = "v_glissant_situation"
        description = "Cumuls et moyennes sur quatre trimestres glissants, par situation."
        unique = ["trimestre_id", "situation_id"]


PERIODS: tuple[type[Table], ...] = (
    VAnnee,
    VAnneeRegion,
    VAnneeSituation,
    VAnneeRegionSituation,
    VAnneePerimetre,
    VAnneeTaux,
    VAnneeRegionTaux,
    VGlissant,
    VGlissantRegion,
    VGlissantSituation,
)
