"""A view per mart with everything in clear: identifiers, labels, and what sorts them right.

Each has the columns of its mart, so a query written for the one works on the other. `release_id` is here the current
release, the same on every row; since when a quarter says what it says is `release_id_debut_etat`.

What does not belong here: any figure that the mart does not have.
"""

from __future__ import annotations

from mcf_pipeline.schemas.base import Flag, Small, Table, Text, column
from mcf_pipeline.schemas.financing import MartFinancement, MartRegionFinancement
from mcf_pipeline.schemas.marts import (
    MartProfil,
    MartQualite,
    MartRegion,
    MartRegionSituation,
    MartRevisions,
    MartStatut,
    MartTrimestre,
)


class _Quarter(Table):
    trimestre: Text = column("Trimestre en clair.")
    annee: Small = column("Année.")


class _Current(_Quarter):
    release_id: Text = column(
        "Publication courante, la même sur toutes les lignes : filtrer sur elle n'en retire aucune.",
        references="dim_release",
    )


class _Region(Table):
    region: Text = column("Région en clair.")
    region_ordre: Small = column("Rang de la région : l'outre-mer après l'Hexagone et la Corse.", nullable=True)
    zone: Text = column("`Hexagone et Corse` ou `Outre-mer` ; vide si on ne sait pas.", nullable=True)


class _Gender(Table):
    genre: Text = column("Genre en clair.")
    genre_ordre: Small = column("Rang du genre.", nullable=True)


class _AgeClass(Table):
    classe_age: Text = column("Classe d'âge en clair.")
    classe_age_ordre: Small = column("Rang de la classe d'âge, de la plus jeune à la plus âgée.", nullable=True)


class _Situation(Table):
    situation: Text = column("Situation en clair.")
    situation_ordre: Small = column("Rang de la situation.", nullable=True)
    est_demandeur_emploi: Flag = column("Vrai pour les demandeurs d'emploi ; vide si on ne sait pas.", nullable=True)


class _Status(Table):
    statut: Text = column("Statut en clair.")
    statut_ordre: Small = column("Rang du statut dans la vie d'un dossier.", nullable=True)
    famille_statut: Text = column("Famille du statut ; vide si on ne sait pas.", nullable=True)
    est_commence: Flag = column(
        "Vrai si le statut dit que le titulaire est entré en formation ; vide si on ne sait pas.", nullable=True
    )
    est_annule: Flag = column("Vrai si le dossier est annulé ou rejeté ; vide si on ne sait pas.", nullable=True)


class _Financer(Table):
    financeur: Text = column("Financeur en clair.")
    financeur_ordre: Small = column("Rang du financeur.")


class VTrimestre(MartTrimestre, _Current):
    """`mart_trimestre` in clear."""

    class Config:
        name = "v_trimestre"
        description = "`mart_trimestre` avec les libellés en clair, lignes triées."
        unique = ["trimestre_id"]


class VRegion(MartRegion, _Region, _Current):
    """`mart_region` in clear."""

    class Config:
        name = "v_region"
        description = "`mart_region` avec les libellés en clair, lignes triées."
        unique = ["trimestre_id", "region_id"]


class VProfil(MartProfil, _Situation, _AgeClass, _Gender, _Current):
    """`mart_profil` in clear."""

    class Config:
        name = "v_profil"
        description = "`mart_profil` avec les libellés en clair, lignes triées."
        unique = ["trimestre_id", "genre_id", "classe_age_id", "situation_id"]


class VRegionSituation(MartRegionSituation, _Situation, _Region, _Current):
    """`mart_region_situation` in clear."""

    class Config:
        name = "v_region_situation"
        description = "`mart_region_situation` avec les libellés en clair, lignes triées."
        unique = ["trimestre_id", "region_id", "situation_id"]


class VFinancement(MartFinancement, _Financer, _Current):
    """`mart_financement` in clear."""

    class Config:
        name = "v_financement"
        description = "`mart_financement` avec les libellés en clair, lignes triées."
        unique = ["trimestre_id", "financeur_id"]


class VRegionFinancement(MartRegionFinancement, _Financer, _Region, _Current):
    """`mart_region_financement` in clear."""

    class Config:
        name = "v_region_financement"
        description = "`mart_region_financement` avec les libellés en clair, lignes triées."
        unique = ["trimestre_id", "region_id", "financeur_id"]


class VStatut(MartStatut, _Status, _Current):
    """`mart_statut` in clear."""

    class Config:
        name = "v_statut"
        description = "`mart_statut` avec les libellés en clair, lignes triées."
        unique = ["trimestre_id", "statut_id"]


class VQualite(MartQualite, _Current):
    """`mart_qualite` in clear."""

    class Config:
        name = "v_qualite"
        description = "`mart_qualite` avec les libellés en clair, lignes triées."
        unique = ["trimestre_id"]


class VRevisions(MartRevisions, _Quarter):
    """`mart_revisions` in clear."""

    class Config:
        name = "v_revisions"
        description = "`mart_revisions` avec les libellés en clair, lignes triées."
        unique = ["trimestre_id", "release_id"]


LABELLED: tuple[type[Table], ...] = (
    VTrimestre,
    VRegion,
    VProfil,
    VRegionSituation,
    VFinancement,
    VRegionFinancement,
    VStatut,
    VQualite,
    VRevisions,
)
