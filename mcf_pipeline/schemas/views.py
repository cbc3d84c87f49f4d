"""The views: what compares quarters, and what became of a quarter as it grew older; and the list of all views.

Each has one SQL file of the same name in ``sql/``. They are views, never stored in a quarter's row: else revising one
quarter would leave a stale neighbour. Of the other views, each kind has a module of its own.

What does not belong here: a sum of persons over quarters.
"""

from __future__ import annotations

from mcf_pipeline.schemas.base import Amount, Count, Ratio, Small, Table, Text, column
from mcf_pipeline.schemas.former import FORMER
from mcf_pipeline.schemas.labelled import LABELLED
from mcf_pipeline.schemas.lines import VDossiers, VFinancements
from mcf_pipeline.schemas.measures import (
    AT_LEAST_ONE,
    AT_MOST_FIVE,
    HIGHEST,
    LOWEST,
    QUOTED,
    SHARE,
    UNMASKED,
    DossierShare,
    Quarterly,
)
from mcf_pipeline.schemas.periods import PERIODS
from mcf_pipeline.schemas.reference import VChiffresPublies, VComparaison


class _Evolution(Quarterly):
    """A quarter beside the same one a year before."""

    libelle: Text = column("Trimestre en clair.")
    annee: Small = column("Année.")
    nb_dossiers: Count = column(
        "Dossiers.", computed="celui du mart de ce trimestre.", unit="dossiers", masking=UNMASKED, nullable=True
    )
    nb_dossiers_min: Count = column(
        "Dossiers, au moins.",
        computed="celui du mart de ce trimestre.",
        unit="dossiers",
        masking=AT_LEAST_ONE,
        nullable=False,
    )
    nb_dossiers_max: Count = column(
        "Dossiers, au plus.",
        computed="celui du mart de ce trimestre.",
        unit="dossiers",
        masking=AT_MOST_FIVE,
        nullable=False,
    )
    nb_dossiers_un_an_avant: Count = column(
        "Dossiers du même trimestre un an avant.",
        computed="celui du même trimestre, un an avant.",
        unit="dossiers",
        masking=UNMASKED,
        nullable=True,
    )
    evolution_dossiers: Ratio = column(
        "Évolution des dossiers sur un an (0,05 = +5 %).",
        unit="ratio",
        computed="dossiers / dossiers un an avant, moins 1.",
        masking=QUOTED,
        nullable=True,
    )
    evolution_dossiers_bas: Ratio = column(
        "Évolution des dossiers sur un an (0,05 = +5 %), au moins.",
        computed="au moins / au plus un an avant, moins 1.",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
    )
    evolution_dossiers_haut: Ratio = column(
        "Évolution des dossiers sur un an (0,05 = +5 %), au plus.",
        computed="au plus / au moins un an avant, moins 1.",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
    )
    montant_engage: Amount = column(
        "Montant engagé.", computed="celui du mart de ce trimestre.", unit="euros", masking=UNMASKED, nullable=True
    )
    montant_un_an_avant: Amount = column(
        "Montant du même trimestre un an avant.",
        computed="celui du même trimestre, un an avant.",
        unit="euros",
        masking=UNMASKED,
        nullable=True,
    )
    evolution_montant: Ratio = column(
        "Évolution du montant sur un an.",
        unit="ratio",
        computed="montant / montant un an avant, moins 1.",
        masking=QUOTED,
        nullable=True,
    )
    evolution_montant_bas: Ratio = column(
        "Évolution du montant sur un an, au moins.",
        computed="au moins / au plus un an avant, moins 1.",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
    )
    evolution_montant_haut: Ratio = column(
        "Évolution du montant sur un an, au plus.",
        computed="au plus / au moins un an avant, moins 1.",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
    )
    prix_moyen: Amount = column(
        "Prix moyen.", computed="celui du mart de ce trimestre.", unit="euros", masking=QUOTED, nullable=True
    )
    evolution_prix: Ratio = column(
        "Évolution du prix moyen sur un an.",
        unit="ratio",
        computed="prix moyen / prix moyen un an avant, moins 1.",
        masking=QUOTED,
        nullable=True,
    )
    evolution_prix_bas: Ratio = column(
        "Évolution du prix moyen sur un an, au moins.",
        computed="au moins / au plus un an avant, moins 1.",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
    )
    evolution_prix_haut: Ratio = column(
        "Évolution du prix moyen sur un an, au plus.",
        computed="au plus / au moins un an avant, moins 1.",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
    )
    nb_lignes_masquees: Count = column("Lignes masquées du trimestre.", computed="celles du trimestre.", unit="lignes")
    nb_lignes_masquees_un_an_avant: Count = column(
        "Lignes masquées un an avant.", computed="celui du même trimestre, un an avant.", unit="lignes", nullable=True
    )


class VTrimestreEvolution(_Evolution):
    """Each quarter beside the same one a year before."""

    nb_dossiers_cumul_annuel: Count = column(
        "Dossiers depuis le début de l'année.",
        unit="dossiers",
        computed="somme des trimestres de l'année.",
        masking=UNMASKED,
        nullable=True,
    )
    nb_dossiers_cumul_annuel_min: Count = column(
        "Dossiers depuis le début de l'année, au moins.",
        computed="somme des trimestres de l'année.",
        unit="dossiers",
        masking=AT_LEAST_ONE,
        nullable=False,
    )
    nb_dossiers_cumul_annuel_max: Count = column(
        "Dossiers depuis le début de l'année, au plus.",
        computed="somme des trimestres de l'année.",
        unit="dossiers",
        masking=AT_MOST_FIVE,
        nullable=False,
    )
    montant_cumul_annuel: Amount = column(
        "Montant engagé depuis le début de l'année.",
        unit="euros",
        computed="somme des trimestres de l'année.",
        masking=UNMASKED,
        nullable=True,
    )
    annee_base: Small = column("Année de base de l'indice : la première qui est complète.", nullable=True)
    indice_dossiers: Ratio = column(
        "Indice des dossiers, base 100 : trimestre moyen de l'année de base.",
        unit="indice",
        computed="100 x dossiers / (dossiers de l'année de base / 4).",
        masking=QUOTED,
        nullable=True,
    )
    indice_dossiers_bas: Ratio = column(
        "Indice des dossiers, base 100 : trimestre moyen de l'année de base, au moins.",
        computed="100 x au moins / (au plus de l'année de base / 4).",
        unit="indice",
        masking=LOWEST,
        nullable=True,
    )
    indice_dossiers_haut: Ratio = column(
        "Indice des dossiers, base 100 : trimestre moyen de l'année de base, au plus.",
        computed="100 x au plus / (au moins de l'année de base / 4).",
        unit="indice",
        masking=HIGHEST,
        nullable=True,
    )

    class Config:
        name = "v_trimestre_evolution"
        description = (
            "Chaque trimestre à côté du même un an avant, en cumul depuis janvier et en indice. Une évolution n'est "
            "donnée "
            "que si ses bornes la tiennent."
        )
        unique = ["trimestre_id"]


class VRegionEvolution(_Evolution):
    """Each quarter of a region beside the same one a year before."""

    region_id: Text = column("Région de résidence.", references="dim_region")
    region: Text = column("Région en clair.")

    class Config:
        name = "v_region_evolution"
        description = (
            "Chaque trimestre de chaque région à côté du même un an avant. Une petite région a tant de lignes "
            "masquées que "
            "le signe même d'une évolution peut être incertain : elle est alors vide, et ses bornes le disent."
        )
        unique = ["trimestre_id", "region_id"]


class VMaturation(DossierShare, Quarterly):
    """What each release said of each quarter, by the quarter's age."""

    release_id: Text = column("Publication.", references="dim_release")
    trimestres_ecoules: Small = column(
        "Âge du trimestre à cette publication. À âge égal, deux trimestres se comparent ; c'est la seule comparaison "
        "honnête "
        "de trimestres récents.",
        unit="trimestres",
        computed="du trimestre d'entrée à celui du jour de la publication.",
        ge=0,
    )
    statut_id: Text = column("Statut du dossier.", references="dim_statut")
    statut: Text = column("Statut en clair.")
    nb_lignes: Count = column("Lignes de la source.", unit="lignes", computed="nombre de lignes.", ge=0)
    nb_lignes_masquees: Count = column(
        "Lignes masquées parmi elles.", computed="celles du trimestre.", unit="lignes", ge=0
    )
    nb_dossiers: Count = column(
        "Dossiers des lignes non masquées.",
        computed="celui du mart de ce trimestre.",
        unit="dossiers",
        masking=UNMASKED,
        nullable=True,
        ge=0,
    )
    nb_dossiers_min: Count = column(
        "Dossiers, au moins.", computed="celui du mart de ce trimestre.", unit="dossiers", masking=AT_LEAST_ONE, ge=0
    )
    nb_dossiers_max: Count = column(
        "Dossiers, au plus.", computed="celui du mart de ce trimestre.", unit="dossiers", masking=AT_MOST_FIVE, ge=0
    )
    maturite_bas: Ratio = column(
        "Maturité du trimestre à cette publication, au moins ; la même sur toutes ses lignes.",
        unit="ratio",
        computed="dossiers clos / dossiers de statut connu.",
        masking=LOWEST,
        nullable=True,
        in_range=SHARE,
    )
    maturite_haut: Ratio = column(
        "Maturité du trimestre à cette publication, au plus ; la même sur toutes ses lignes.",
        unit="ratio",
        computed="dossiers clos / dossiers de statut connu.",
        masking=HIGHEST,
        nullable=True,
        in_range=SHARE,
    )

    class Config:
        name = "v_maturation"
        description = (
            "Comment chaque trimestre d'entrée a mûri : une ligne par publication et statut, avec l'âge du trimestre. "
            "National, et jamais ligne à ligne."
        )
        unique = ["trimestre_id", "release_id", "statut_id"]


VIEWS: tuple[type[Table], ...] = (
    *PERIODS,
    VTrimestreEvolution,
    VRegionEvolution,
    VMaturation,
    *LABELLED,
    VDossiers,
    VFinancements,
    VChiffresPublies,
    VComparaison,
    *FORMER,
)
