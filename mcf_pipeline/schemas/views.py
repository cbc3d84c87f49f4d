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
    HYPOTHESIS,
    LOWEST,
    QUOTED_WITHOUT_REASON,
    SHARE,
    UNMASKED,
    DossierShare,
    Quarterly,
)
from mcf_pipeline.schemas.periods import PERIODS
from mcf_pipeline.schemas.reference import VChiffresPublies, VComparaison

SURE = f"borne sûre si {HYPOTHESIS} ; un peu large pour un trimestre de l'année de base, compté dans les deux termes."


class _Evolution(Quarterly):
    """A quarter beside the same one a year before."""

    libelle: Text = column("Trimestre en clair.")
    annee: Small = column("Année.")
    nb_dossiers: Count = column(
        "Dossiers des lignes non masquées.",
        computed="repris du mart.",
        unit="dossiers",
        masking=UNMASKED,
        nullable=True,
    )
    nb_dossiers_min: Count = column(
        "Dossiers de toutes les lignes, au moins.",
        computed="repris du mart.",
        unit="dossiers",
        masking=AT_LEAST_ONE,
        nullable=False,
    )
    nb_dossiers_max: Count = column(
        "Dossiers de toutes les lignes, au plus.",
        computed="repris du mart.",
        unit="dossiers",
        masking=AT_MOST_FIVE,
        nullable=False,
    )
    nb_dossiers_un_an_avant: Count = column(
        "Dossiers des lignes non masquées, même trimestre un an avant.",
        computed="repris du mart, un an avant.",
        unit="dossiers",
        masking=UNMASKED,
        nullable=True,
    )
    evolution_dossiers: Ratio = column(
        "Évolution des dossiers sur un an, ou glissement annuel (0,05 = +5 %).",
        unit="ratio",
        computed="dossiers / dossiers un an avant, moins 1.",
        masking=QUOTED_WITHOUT_REASON,
        nullable=True,
    )
    evolution_dossiers_bas: Ratio = column(
        "Évolution des dossiers sur un an, ou glissement annuel (0,05 = +5 %) : borne basse.",
        computed="minimum du trimestre / maximum un an avant, moins 1.",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
    )
    evolution_dossiers_haut: Ratio = column(
        "Évolution des dossiers sur un an, ou glissement annuel (0,05 = +5 %) : borne haute.",
        computed="maximum du trimestre / minimum un an avant, moins 1.",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
    )
    montant_engage: Amount = column(
        "Montant engagé des lignes non masquées.",
        computed="repris du mart.",
        unit="euros",
        masking=UNMASKED,
        nullable=True,
    )
    montant_un_an_avant: Amount = column(
        "Montant engagé des lignes non masquées, même trimestre un an avant.",
        computed="repris du mart, un an avant.",
        unit="euros",
        masking=UNMASKED,
        nullable=True,
    )
    evolution_montant: Ratio = column(
        "Évolution du montant sur un an (glissement annuel).",
        unit="ratio",
        computed="montant / montant un an avant, moins 1.",
        masking=QUOTED_WITHOUT_REASON,
        nullable=True,
    )
    evolution_montant_bas: Ratio = column(
        "Évolution du montant sur un an (glissement annuel) : borne basse.",
        computed="minimum du trimestre / maximum un an avant, moins 1.",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
    )
    evolution_montant_haut: Ratio = column(
        "Évolution du montant sur un an (glissement annuel) : borne haute.",
        computed="maximum du trimestre / minimum un an avant, moins 1.",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
    )
    prix_moyen: Amount = column(
        "Prix moyen.", computed="repris du mart.", unit="euros", masking=QUOTED_WITHOUT_REASON, nullable=True
    )
    evolution_prix: Ratio = column(
        "Évolution du prix moyen sur un an (glissement annuel).",
        unit="ratio",
        computed="prix moyen / prix moyen un an avant, moins 1.",
        masking=QUOTED_WITHOUT_REASON,
        nullable=True,
    )
    evolution_prix_bas: Ratio = column(
        "Évolution du prix moyen sur un an (glissement annuel) : borne basse.",
        computed="minimum du trimestre / maximum un an avant, moins 1.",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
    )
    evolution_prix_haut: Ratio = column(
        "Évolution du prix moyen sur un an (glissement annuel) : borne haute.",
        computed="maximum du trimestre / minimum un an avant, moins 1.",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
    )
    nb_lignes_masquees: Count = column("Lignes masquées du trimestre.", computed="repris du mart.", unit="lignes")
    nb_lignes_masquees_un_an_avant: Count = column(
        "Lignes masquées du même trimestre un an avant.",
        computed="repris du mart, un an avant.",
        unit="lignes",
        nullable=True,
    )


SINCE_JANUARY = "somme des trimestres de l'année, jusqu'à celui-ci compris ; vide si l'un d'eux manque."


class VTrimestreEvolution(_Evolution):
    """Each quarter beside the same one a year before."""

    nb_dossiers_cumul_annuel: Count = column(
        "Cumul depuis le début de l'année des dossiers des lignes non masquées.",
        unit="dossiers",
        computed=SINCE_JANUARY,
        masking=UNMASKED,
        nullable=True,
    )
    nb_dossiers_cumul_annuel_min: Count = column(
        "Cumul depuis le début de l'année des dossiers de toutes les lignes, au moins.",
        computed=SINCE_JANUARY,
        unit="dossiers",
        masking=AT_LEAST_ONE,
        nullable=True,
    )
    nb_dossiers_cumul_annuel_max: Count = column(
        "Cumul depuis le début de l'année des dossiers de toutes les lignes, au plus.",
        computed=SINCE_JANUARY,
        unit="dossiers",
        masking=AT_MOST_FIVE,
        nullable=True,
    )
    montant_cumul_annuel: Amount = column(
        "Cumul depuis le début de l'année du montant engagé des lignes non masquées.",
        unit="euros",
        computed=SINCE_JANUARY,
        masking=UNMASKED,
        nullable=True,
    )
    annee_base: Small = column("Année de base de l'indice : la première qui est complète.", nullable=True)
    indice_dossiers: Ratio = column(
        "Indice des dossiers, base 100 = trimestre moyen de l'année de base.",
        unit="indice",
        computed="100 × dossiers / (dossiers de l'année de base / 4).",
        masking=QUOTED_WITHOUT_REASON,
        nullable=True,
    )
    indice_dossiers_bas: Ratio = column(
        "Indice des dossiers, base 100 = trimestre moyen de l'année de base : borne basse.",
        computed="100 × minimum du trimestre / (maximum de l'année de base / 4).",
        unit="indice",
        masking=SURE,
        nullable=True,
    )
    indice_dossiers_haut: Ratio = column(
        "Indice des dossiers, base 100 = trimestre moyen de l'année de base : borne haute.",
        computed="100 × maximum du trimestre / (minimum de l'année de base / 4).",
        unit="indice",
        masking=SURE,
        nullable=True,
    )

    class Config:
        name = "v_trimestre_evolution"
        description = (
            "Chaque trimestre comparé au même un an avant (glissement annuel), en cumul depuis janvier et en indice. "
            "Une évolution n'est donnée que si elle est comprise entre des bornes étroites."
        )
        unique = ["trimestre_id"]


class VRegionEvolution(_Evolution):
    """Each quarter of a region beside the same one a year before."""

    region_id: Text = column("Région de résidence.", references="dim_region")
    region: Text = column("Région en clair.")

    class Config:
        name = "v_region_evolution"
        description = (
            "Chaque trimestre de chaque région comparé au même un an avant (glissement annuel). Une petite région a "
            "tant de lignes masquées que le signe même d'une évolution peut être incertain : elle est alors vide, et "
            "ses bornes le montrent."
        )
        unique = ["trimestre_id", "region_id"]


class VSituationEvolution(_Evolution):
    """Each quarter of a situation beside the same one a year before."""

    situation_id: Text = column("Situation.", references="dim_situation")
    situation: Text = column("Situation en clair.")

    class Config:
        name = "v_situation_evolution"
        description = (
            "Chaque trimestre de chaque situation (demandeurs d'emploi, cadres…), France entière, comparé au même un "
            "an avant (glissement annuel). Une évolution n'est donnée que si elle est comprise entre des bornes "
            "étroites."
        )
        unique = ["trimestre_id", "situation_id"]


class VRegionSituationEvolution(_Evolution):
    """Each quarter of a situation in a region beside the same one a year before."""

    region_id: Text = column("Région de résidence.", references="dim_region")
    region: Text = column("Région en clair.")
    situation_id: Text = column("Situation.", references="dim_situation")
    situation: Text = column("Situation en clair.")

    class Config:
        name = "v_region_situation_evolution"
        description = (
            "Chaque trimestre de chaque situation dans chaque région (par exemple, les demandeurs d'emploi "
            "d'Occitanie) comparé au même un an avant (glissement annuel). À ce niveau, l'évolution est souvent "
            "vide : lisez ses bornes, et si elles sont de signes contraires, ne concluez ni à une hausse ni à une "
            "baisse."
        )
        unique = ["trimestre_id", "region_id", "situation_id"]


class VMaturation(DossierShare, Quarterly):
    """What each release said of each quarter, by the quarter's age."""

    part_dossiers: Ratio = column(
        "Part du statut dans les dossiers du trimestre, à cette publication.",
        unit="ratio",
        computed="dossiers / tous les dossiers du trimestre.",
        masking=QUOTED_WITHOUT_REASON,
        nullable=True,
        in_range=SHARE,
    )

    release_id: Text = column("Publication.", references="dim_release")
    trimestres_ecoules: Small = column(
        "Âge du trimestre à cette publication. Des trimestres récents ne se comparent qu'à âge égal.",
        unit="trimestres",
        computed="nombre de trimestres entre le trimestre d'entrée et celui de la publication.",
        ge=0,
    )
    statut_id: Text = column("Statut du dossier.", references="dim_statut")
    statut: Text = column("Statut en clair.")
    nb_lignes: Count = column("Lignes de la source.", unit="lignes", computed="nombre de lignes.", ge=0)
    nb_lignes_masquees: Count = column(
        "Lignes masquées parmi elles.", computed="nombre de lignes.", unit="lignes", ge=0
    )
    nb_dossiers: Count = column(
        "Dossiers des lignes non masquées.",
        computed="somme des dossiers donnés par cette publication.",
        unit="dossiers",
        masking=UNMASKED,
        nullable=True,
        ge=0,
    )
    nb_dossiers_min: Count = column(
        "Dossiers de toutes les lignes, au moins.",
        computed="dossiers des lignes non masquées + 1 par ligne dont les dossiers sont masqués.",
        unit="dossiers",
        masking=AT_LEAST_ONE,
        ge=0,
    )
    nb_dossiers_max: Count = column(
        "Dossiers de toutes les lignes, au plus.",
        computed="dossiers des lignes non masquées + 5 par ligne dont les dossiers sont masqués.",
        unit="dossiers",
        masking=AT_MOST_FIVE,
        ge=0,
    )
    maturite_bas: Ratio = column(
        "Maturité du trimestre à cette publication, au moins ; la même sur toutes ses lignes.",
        unit="ratio",
        computed="dossiers clos / tous les dossiers ; un statut inconnu peut être clos ou non.",
        masking=LOWEST,
        nullable=True,
        in_range=SHARE,
    )
    maturite_haut: Ratio = column(
        "Maturité du trimestre à cette publication, au plus ; la même sur toutes ses lignes.",
        unit="ratio",
        computed="dossiers clos / tous les dossiers ; un statut inconnu peut être clos ou non.",
        masking=HIGHEST,
        nullable=True,
        in_range=SHARE,
    )

    class Config:
        name = "v_maturation"
        description = (
            "Ce que deviennent les dossiers de chaque trimestre d'entrée au fil des publications : une ligne par "
            "publication et statut, avec l'âge du trimestre. France entière seulement."
        )
        unique = ["trimestre_id", "release_id", "statut_id"]


VIEWS: tuple[type[Table], ...] = (
    *PERIODS,
    VTrimestreEvolution,
    VRegionEvolution,
    VSituationEvolution,
    VRegionSituationEvolution,
    VMaturation,
    *LABELLED,
    VDossiers,
    VFinancements,
    VChiffresPublies,
    VComparaison,
    *FORMER,
)
