"""The two marts of financers, whose measures are their own; their SQL calls ``sql/financement.sql``."""

from __future__ import annotations

from mcf_pipeline.schemas.base import Amount, Count, Ratio, Text, column
from mcf_pipeline.schemas.measures import (
    HIGHEST,
    HYPOTHESIS,
    QUOTED,
    SHARE,
    UNMASKED,
    WEIGHT,
    Explained,
    Quarterly,
)

HIDDEN_PART = (
    f"ce que cachent les lignes masquées ({HYPOTHESIS}, à leur prix moyen) peut venir de lui en tout, en partie ou "
    "pas du tout."
)


class _Financing(Explained, Quarterly):
    """What one financer pays."""

    financeur_id: Text = column("Financeur.", references="dim_financeur")
    nb_lignes: Count = column(
        "Lignes de la source, si elle a une colonne pour le financeur.",
        unit="lignes",
        computed="nombre de lignes.",
        ge=0,
    )
    nb_lignes_masquees: Count = column(
        "Lignes masquées parmi elles.", unit="lignes", computed="lignes de la source qui sont masquées.", ge=0
    )
    montant: Amount = column(
        "Montant apporté par le financeur dans les lignes où sa part n'est pas masquée.",
        unit="euros",
        computed="somme des parts données.",
        masking=UNMASKED,
        nullable=True,
        ge=0,
    )
    montant_min: Amount = column(
        "Montant apporté par le financeur, toutes lignes comprises, au moins.",
        unit="euros",
        computed="parts données (0 s'il n'y en a pas).",
        masking=HIDDEN_PART,
        nullable=True,
        ge=0,
    )
    montant_max: Amount = column(
        "Montant apporté par le financeur, toutes lignes comprises, au plus.",
        unit="euros",
        computed="parts données + 5 × prix moyen pour chaque ligne masquée + montant engagé des lignes données où sa "
        "part est vide (ou, si les autres parts en font 99 %, le reste).",
        masking=HIDDEN_PART,
        nullable=True,
        ge=0,
    )
    part_montant: Ratio = column(
        "Part du financeur dans le montant apporté par tous les financeurs.",
        unit="ratio",
        computed="montant / somme des montants des financeurs.",
        masking=QUOTED,
        nullable=True,
        in_range=SHARE,
    )
    part_montant_bas: Ratio = column(
        "Part du financeur dans le montant apporté par tous les financeurs : borne basse.",
        computed="montant / (total des financeurs + tout ce que cachent les lignes masquées et les parts vides).",
        unit="ratio",
        masking=HIDDEN_PART,
        nullable=True,
        in_range=SHARE,
    )
    part_montant_haut: Ratio = column(
        "Part du financeur dans le montant apporté par tous les financeurs : borne haute.",
        computed="(montant + tout ce que cachent les lignes masquées) / (total des financeurs + ce même montant).",
        unit="ratio",
        masking=HIDDEN_PART,
        nullable=True,
        in_range=SHARE,
    )
    nb_dossiers_finances: Count = column(
        "Dossiers auxquels le financeur contribue, dans les lignes où ce nombre n'est pas masqué. Un dossier peut "
        "avoir plusieurs financeurs : ne s'additionne pas entre financeurs.",
        unit="dossiers",
        computed="somme des dossiers donnés.",
        masking=UNMASKED,
        nullable=True,
        ge=0,
    )
    nb_dossiers_finances_min: Count = column(
        "Dossiers auxquels le financeur contribue, toutes lignes comprises, au moins.",
        unit="dossiers",
        computed="dossiers donnés (0 s'il n'y en a pas).",
        masking="dans une ligne masquée, il peut ne contribuer à aucun dossier.",
        nullable=True,
        ge=0,
    )
    nb_dossiers_finances_max: Count = column(
        "Dossiers auxquels le financeur contribue, toutes lignes comprises, au plus.",
        unit="dossiers",
        computed="dossiers donnés + 5 par ligne masquée + dossiers des lignes où seul ce nombre est vide.",
        masking=f"{HYPOTHESIS}, et le financeur peut contribuer à tous.",
        nullable=True,
        ge=0,
    )
    montant_moyen_par_dossier: Amount = column(
        "Montant moyen apporté par dossier auquel le financeur contribue.",
        unit="euros",
        computed="montant_a_dossiers_connus / nb_dossiers_finances_a_montant_connu.",
        masking=QUOTED,
        nullable=True,
        ge=0,
    )
    montant_moyen_par_dossier_bas: Amount = column(
        "Montant moyen apporté par dossier auquel le financeur contribue : borne basse.",
        unit="euros",
        computed="chaque ligne masquée ajoute 5 dossiers financés, pour un montant négligeable.",
        masking=f"borne sûre si {HYPOTHESIS}.",
        nullable=True,
        ge=0,
    )
    montant_moyen_par_dossier_haut: Amount = column(
        "Montant moyen apporté par dossier auquel le financeur contribue : borne haute.",
        unit="euros",
        computed="chaque ligne masquée qui peut relever la moyenne ajoute un dossier financé, pour tout le montant "
        "qu'elle peut cacher (au plus 5 × prix moyen) ; les autres n'ajoutent rien.",
        masking=f"{HIGHEST[:-1]} ; vide si une ligne masquée est sans prix.",
        nullable=True,
        ge=0,
    )
    montant_a_dossiers_connus: Amount = column(
        "Numérateur du montant moyen : il s'additionne, comme son poids, d'où le montant moyen à tout autre niveau.",
        unit="euros",
        computed="somme des parts, sur les lignes qui donnent aussi les dossiers financés.",
        masking=WEIGHT,
        nullable=True,
        ge=0,
    )
    nb_dossiers_finances_a_montant_connu: Count = column(
        "Poids du montant moyen.",
        unit="dossiers",
        computed="somme des dossiers financés, sur les lignes qui donnent aussi la part.",
        masking=WEIGHT,
        nullable=True,
        ge=0,
    )


class MartFinancement(_Financing):
    """What each financer pays."""

    class Config:
        name = "mart_financement"
        description = "Ce que chaque financeur apporte, par trimestre."
        unique = ["trimestre_id", "financeur_id"]


class MartRegionFinancement(_Financing):
    """What each financer pays in each region."""

    region_id: Text = column("Région de résidence.", references="dim_region")

    class Config:
        name = "mart_region_financement"
        description = "Ce que chaque financeur apporte aux dossiers de chaque région, par trimestre."
        unique = ["trimestre_id", "region_id", "financeur_id"]
