"""The warehouse: dimensions, the two facts and their history.

A fact's row is a line of the source. `fct_*` hold the current state, `fct_*_historique` every state that a
release gave, each from `valide_depuis` until before `valide_jusqua`.
"""

from __future__ import annotations

from mcf_pipeline.schemas.base import (
    Amount,
    Count,
    Day,
    Decimal4,
    Flag,
    Moment,
    Small,
    Table,
    Text,
    column,
)
from mcf_pipeline.schemas.staging import GIVEN, LINE_KEY, MASKED

FAMILIES = ["en_cours", "realise", "partiel", "annule", "rejete"]


class DimTrimestre(Table):
    """Quarters of entry."""

    trimestre_id: Text = column("Identifiant, `2024-T3`.", unique=True)
    annee: Small = column("Année.")
    trimestre: Small = column("Numéro dans l'année, 1 à 4.", isin=[1, 2, 3, 4])
    date_debut: Day = column("Premier jour.")
    date_fin: Day = column("Dernier jour.")
    libelle: Text = column("Libellé en clair.")

    class Config:
        name = "dim_trimestre"
        description = "Les trimestres d'entrée en formation."
        unique = ["trimestre_id"]


class DimRegion(Table):
    """Regions of residence."""

    region_id: Text = column("Code INSEE, ou identifiant de la modalité hors nomenclature.", unique=True)
    code_insee: Text = column("Code officiel géographique de la région.", nullable=True)
    libelle: Text = column("Libellé en clair.")
    ordre: Small = column("Rang de présentation : code INSEE, l'outre-mer après l'Hexagone et la Corse.", nullable=True)
    iso_3166_2: Text = column("Code ISO 3166-2.", nullable=True)
    est_outre_mer: Flag = column("Vrai pour une région d'outre-mer.", nullable=True)
    est_connue: Flag = column("Faux si la modalité n'est pas dans la nomenclature du contrat.")

    class Config:
        name = "dim_region"
        description = "Les régions de résidence des titulaires."
        unique = ["region_id"]


class DimGenre(Table):
    """Genders."""

    genre_id: Text = column("Identifiant.", unique=True)
    libelle: Text = column("Libellé en clair.")
    ordre: Small = column("Rang de présentation.", nullable=True)
    est_connue: Flag = column("Faux si la modalité n'est pas dans la nomenclature du contrat.")

    class Config:
        name = "dim_genre"
        description = "Le genre des titulaires."
        unique = ["genre_id"]


class DimClasseAge(Table):
    """Age classes."""

    classe_age_id: Text = column("Identifiant.", unique=True)
    libelle: Text = column("Libellé en clair.")
    ordre: Small = column("Rang, du plus jeune au plus âgé.", nullable=True)
    age_min: Small = column("Âge le plus bas, inclus.", unit="ans", nullable=True, ge=0)
    age_max: Small = column("Âge le plus haut, inclus.", unit="ans", nullable=True, ge=0)
    est_connue: Flag = column("Faux si la modalité n'est pas dans la nomenclature du contrat.")

    class Config:
        name = "dim_classe_age"
        description = "Les classes d'âge des titulaires."
        unique = ["classe_age_id"]


class DimSituation(Table):
    """Situations: job seeker, else declared socio-professional category."""

    situation_id: Text = column("Identifiant.", unique=True)
    libelle: Text = column("Libellé en clair.")
    ordre: Small = column("Rang de présentation.", nullable=True)
    est_demandeur_emploi: Flag = column("Vrai pour les demandeurs d'emploi ; vide si on ne sait pas.", nullable=True)
    code_pcs: Text = column(
        "Groupe socioprofessionnel (PCS 2003, niveau 1) ; vide pour les demandeurs d'emploi.", nullable=True
    )
    est_connue: Flag = column("Faux si la modalité n'est pas dans la nomenclature du contrat.")

    class Config:
        name = "dim_situation"
        description = "La situation des titulaires : demandeur d'emploi, sinon catégorie socioprofessionnelle."
        unique = ["situation_id"]


class DimStatut(Table):
    """Statuses of a dossier."""

    statut_id: Text = column("Identifiant.", unique=True)
    libelle: Text = column("Libellé en clair.")
    ordre: Small = column("Rang dans la vie d'un dossier.", nullable=True)
    famille: Text = column(
        "Famille : `en_cours`, `realise`, `partiel`, `annule` (par le titulaire, l'organisme ou le gestionnaire), "
        "`rejete` ; vide si on ne sait pas.",
        nullable=True,
        isin=FAMILIES,
    )
    est_clos: Flag = column(
        "Vrai si le dossier est clos, annulé ou rejeté : son statut ne devrait plus changer ; vide si on ne sait pas.",
        nullable=True,
    )
    est_commence: Flag = column(
        "Vrai si le statut dit que le titulaire est entré en formation ; vide si on ne sait pas.", nullable=True
    )
    est_annule: Flag = column("Vrai si le dossier est annulé ou rejeté ; vide si on ne sait pas.", nullable=True)
    est_abandon: Flag = column(
        "Vrai si la formation, acceptée, n'est pas allée à son terme : réalisation partielle, annulation par le "
        "titulaire ou par l'organisme, même avant l'entrée ; vide si on ne sait pas.",
        nullable=True,
    )
    est_connue: Flag = column("Faux si la modalité n'est pas dans la nomenclature du contrat.")

    class Config:
        name = "dim_statut"
        description = "Les statuts d'un dossier, au jour de l'extraction."
        unique = ["statut_id"]


class DimFinanceur(Table):
    """Financers."""

    financeur_id: Text = column("Identifiant.", unique=True)
    libelle: Text = column("Libellé en clair.")
    ordre: Small = column("Rang de présentation.")

    class Config:
        name = "dim_financeur"
        description = "Les financeurs d'un dossier, par famille."
        unique = ["financeur_id"]


class DimRelease(Table):
    """Releases that are applied."""

    release_id: Text = column("Identifiant : jour de la publication, `2026-10-08`.", unique=True)
    rang: Small = column("Rang dans le temps, à partir de 1.", ge=1)
    date_release: Day = column("Jour de la publication.")
    data_processed: Moment = column("Heure de traitement annoncée par le portail (UTC).", nullable=True)
    nb_lignes: Count = column("Lignes de l'export.", unit="lignes", ge=0)
    nb_trimestres: Small = column("Trimestres que l'export contient.", ge=0)
    sha256: Text = column("Empreinte SHA-256 de l'export tel que reçu.")
    origine: Text = column("D'où l'export vient : adresse, ou nom du fichier.")
    licence: Text = column("Licence annoncée.", nullable=True)
    est_courante: Flag = column("Vrai pour la dernière publication.")
    est_synthetique: Flag = column("Vrai si les données sont fabriquées, et ne disent rien du monde réel.")

    class Config:
        name = "dim_release"
        description = "Les publications successives du jeu de données, une ligne par contenu différent."
        unique = ["release_id"]


class _Fact(Table):
    """The keys of a line."""

    trimestre_id: Text = column("Trimestre d'entrée en formation.", references="dim_trimestre")
    region_id: Text = column("Région de résidence.", references="dim_region")
    genre_id: Text = column("Genre.", references="dim_genre")
    classe_age_id: Text = column("Classe d'âge.", references="dim_classe_age")
    situation_id: Text = column("Situation.", references="dim_situation")
    statut_id: Text = column("Statut du dossier au jour de l'extraction.", references="dim_statut")


class FctDossiers(_Fact):
    """One row per line of the source, as it stands now."""

    nb_dossiers: Count = column("Nombre de dossiers.", unit="dossiers", masking=MASKED, nullable=True, ge=0)
    nb_titulaires: Count = column(
        "Nombre de titulaires. Ne s'additionne pas : une personne peut avoir plusieurs dossiers, dans plusieurs "
        "lignes et plusieurs trimestres.",
        unit="personnes",
        masking=MASKED,
        nullable=True,
        ge=0,
    )
    montant_engage: Amount = column("Montant engagé.", unit="euros", masking=MASKED, nullable=True, ge=0)
    prix_moyen: Decimal4 = column(
        "Prix moyen d'un dossier de la ligne.", unit="euros", masking=GIVEN, nullable=True, ge=0
    )
    duree_moyenne: Decimal4 = column(
        "Durée moyenne, sur les dossiers dont la durée est connue.",
        unit="heures",
        masking=GIVEN,
        nullable=True,
        ge=0,
    )
    nb_dossiers_a_duree_connue: Count = column(
        "Nombre de dossiers dont la durée est connue.", unit="dossiers", masking=MASKED, nullable=True, ge=0
    )
    est_masque: Flag = column("Vrai si un effectif ou le montant est masqué par le producteur.")
    release_id: Text = column(
        "Publication depuis laquelle le trimestre est dans cet état, sans interruption.", references="dim_release"
    )

    class Config:
        name = "fct_dossiers"
        description = "Une ligne par ligne de la source, dans son état actuel."
        unique = LINE_KEY


class FctFinancements(_Fact):
    """One row per line of the source and financer, as it stands now."""

    financeur_id: Text = column("Financeur.", references="dim_financeur")
    montant: Amount = column(
        "Part du financeur dans le montant engagé.", unit="euros", masking=MASKED, nullable=True, ge=0
    )
    nb_dossiers_finances: Count = column(
        "Nombre de dossiers auxquels le financeur contribue. Ne s'additionne pas entre financeurs.",
        unit="dossiers",
        masking=MASKED,
        nullable=True,
        ge=0,
    )
    est_masque: Flag = column("Vrai si la ligne de la source est masquée par le producteur.")
    release_id: Text = column(
        "Publication depuis laquelle le trimestre est dans cet état, sans interruption.", references="dim_release"
    )

    class Config:
        name = "fct_financements"
        description = "Une ligne par ligne de la source et par financeur, dans son état actuel."
        unique = [*LINE_KEY, "financeur_id"]


class FctDossiersHistorique(FctDossiers):
    """Every state of every line."""

    valide_depuis: Text = column("Première publication de cet état.", references="dim_release")
    valide_jusqua: Text = column(
        "Publication qui remplace cet état, et n'en fait plus partie ; vide si c'est l'état actuel.",
        references="dim_release",
        nullable=True,
    )

    class Config:
        name = "fct_dossiers_historique"
        description = "Chaque ligne de la source, dans chacun de ses états successifs."
        unique = [*LINE_KEY, "valide_depuis"]


class FctFinancementsHistorique(FctFinancements):
    """Every state of every financer's part."""

    valide_depuis: Text = column("Première publication de cet état.", references="dim_release")
    valide_jusqua: Text = column(
        "Publication qui remplace cet état, et n'en fait plus partie ; vide si c'est l'état actuel.",
        references="dim_release",
        nullable=True,
    )

    class Config:
        name = "fct_financements_historique"
        description = "La part de chaque financeur dans chaque ligne, dans chacun de ses états successifs."
        unique = [*LINE_KEY, "financeur_id", "valide_depuis"]


class FctDossiersEtatsPasses(FctDossiersHistorique):
    """The states of each line that a later release has replaced."""

    valide_jusqua: Text = column(
        "Publication qui remplace cet état, et n'en fait plus partie.", references="dim_release"
    )

    class Config:
        name = "fct_dossiers_etats_passes"
        description = "Chaque ligne de la source, dans ses états passés ; l'état actuel est dans fct_dossiers."
        unique = [*LINE_KEY, "valide_depuis"]


class FctFinancementsEtatsPasses(FctFinancementsHistorique):
    """The states of each financer's part that a later release has replaced."""

    valide_jusqua: Text = column(
        "Publication qui remplace cet état, et n'en fait plus partie.", references="dim_release"
    )

    class Config:
        name = "fct_financements_etats_passes"
        description = (
            "La part de chaque financeur dans chaque ligne, dans ses états passés ; l'état actuel est dans "
            "fct_financements."
        )
        unique = [*LINE_KEY, "financeur_id", "valide_depuis"]


DIMENSIONS: tuple[type[Table], ...] = (
    DimTrimestre,
    DimRegion,
    DimGenre,
    DimClasseAge,
    DimSituation,
    DimStatut,
    DimFinanceur,
    DimRelease,
)
FACTS: tuple[type[Table], ...] = (FctDossiers, FctFinancements)
HISTORIES: tuple[type[Table], ...] = (FctDossiersHistorique, FctFinancementsHistorique)
"""Views of the current and the past states."""
PAST_STATES: tuple[type[Table], ...] = (FctDossiersEtatsPasses, FctFinancementsEtatsPasses)
