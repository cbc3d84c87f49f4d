"""The marts: what is derived from the facts, quarter by quarter.

Each mart has one SQL file of the same name in ``sql/``; here is what its columns mean. A sum of
`nb_titulaires` always has a name that ends in `_max`: it counts a person once per line they appear in.

Bounds are functions of the number of masked lines and of nothing else in them, so they tell nobody more of a
masked line than the source does. Persons have both bounds (a masked line stands for 1 to 4 of them), dossiers
only the lower one (at least one per line), amounts none beside the sum itself.

What does not belong here: what compares or adds up quarters (`schemas.views`).
"""

from __future__ import annotations

from mcf_pipeline.schemas.base import Amount, Count, Ratio, Table, Text, column

UNMASKED = "les lignes masquées n'y sont pas : c'est un minimum."
OVER_UNMASKED = "calculé sur les seules lignes non masquées ; vide s'il n'y en a pas."
MASKED_STANDS_FOR = "une ligne masquée compte de 1 à 4 personnes : la borne ne dépend que du nombre de ces lignes."
AT_LEAST_ONE = "une ligne masquée y compte pour un dossier, le moins qu'elle puisse avoir ; il n'y a pas de maximum."


class Quarterly(Table):
    """A mart that is replaced quarter by quarter."""

    trimestre_id: Text = column("Trimestre d'entrée en formation.", references="dim_trimestre")


class _Summary(Quarterly):
    """The measures that several marts share."""

    nb_lignes: Count = column("Lignes de la source.", unit="lignes", ge=0)
    nb_lignes_masquees: Count = column("Lignes masquées parmi elles.", unit="lignes", ge=0)
    nb_dossiers: Count = column(
        "Dossiers des lignes non masquées.", unit="dossiers", masking=UNMASKED, nullable=True, ge=0
    )
    nb_dossiers_min: Count = column(
        "Dossiers de toutes les lignes, au moins.",
        unit="dossiers",
        computed="dossiers des lignes non masquées + 1 par ligne dont les dossiers sont masqués.",
        masking=AT_LEAST_ONE,
        ge=0,
    )
    nb_titulaires_max: Count = column(
        "Somme des titulaires des seules lignes non masquées : une personne y compte autant de fois que de lignes "
        "où elle figure. Majorant du nombre de personnes distinctes de ces lignes, et d'elles seules : pour toutes "
        "les lignes, voir nb_titulaires_toutes_lignes_max. Additionné sur plusieurs trimestres, c'est encore un "
        "majorant, d'autant plus lâche : ce n'est jamais un nombre de personnes.",
        unit="personnes",
        masking="les lignes masquées n'y sont pas.",
        nullable=True,
        ge=0,
    )
    nb_titulaires_lignes_masquees_min: Count = column(
        "Somme des titulaires des lignes masquées, au moins.",
        unit="personnes",
        computed="1 x lignes dont les titulaires sont masqués.",
        masking=MASKED_STANDS_FOR,
        ge=0,
    )
    nb_titulaires_lignes_masquees_max: Count = column(
        "Somme des titulaires des lignes masquées, au plus.",
        unit="personnes",
        computed="4 x lignes dont les titulaires sont masqués.",
        masking=MASKED_STANDS_FOR,
        ge=0,
    )
    nb_titulaires_toutes_lignes_max: Count = column(
        "Majorant du nombre de personnes distinctes de toutes les lignes, masquées ou non. Additionné sur plusieurs "
        "trimestres, c'est encore un majorant, d'autant plus lâche : ce n'est jamais un nombre de personnes.",
        unit="personnes",
        computed="nb_titulaires_max (0 si vide) + nb_titulaires_lignes_masquees_max.",
        masking=MASKED_STANDS_FOR,
        ge=0,
    )
    montant_engage: Amount = column(
        "Montant engagé des lignes non masquées.", unit="euros", masking=UNMASKED, nullable=True, ge=0
    )
    prix_moyen: Amount = column(
        "Prix moyen d'un dossier.",
        unit="euros",
        computed="moyenne des prix moyens pondérée par les dossiers.",
        masking=OVER_UNMASKED,
        nullable=True,
        ge=0,
    )
    duree_moyenne: Amount = column(
        "Durée moyenne d'un dossier.",
        unit="heures",
        computed="moyenne des durées pondérée par les dossiers dont la durée est connue.",
        masking=OVER_UNMASKED,
        nullable=True,
        ge=0,
    )


class MartTrimestre(_Summary):
    """National figures of each quarter."""

    part_demandeurs_emploi: Ratio = column(
        "Part des demandeurs d'emploi.",
        unit="ratio",
        computed="dossiers des demandeurs d'emploi / dossiers dont la situation est renseignée et connue.",
        masking=OVER_UNMASKED,
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
    )
    part_femmes: Ratio = column(
        "Part des femmes.",
        unit="ratio",
        computed="dossiers des femmes / dossiers dont le genre est renseigné et connu.",
        masking=OVER_UNMASKED,
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
    )
    release_id: Text = column("Publication dont viennent les chiffres.", references="dim_release")

    class Config:
        name = "mart_trimestre"
        description = "Les chiffres nationaux de chaque trimestre."
        unique = ["trimestre_id"]


class MartRegion(_Summary):
    """Figures of each quarter and region."""

    region_id: Text = column("Région de résidence.", references="dim_region")
    part_dossiers: Ratio = column(
        "Part de la région dans les dossiers du pays.",
        unit="ratio",
        computed="dossiers de la région / dossiers de toutes les régions, renseignées ou non.",
        masking=OVER_UNMASKED,
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
    )
    part_montant: Ratio = column(
        "Part de la région dans le montant engagé du pays.",
        unit="ratio",
        masking=OVER_UNMASKED,
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
    )
    release_id: Text = column("Publication dont viennent les chiffres.", references="dim_release")

    class Config:
        name = "mart_region"
        description = "Les chiffres de chaque région, par trimestre."
        unique = ["trimestre_id", "region_id"]


class MartProfil(_Summary):
    """Figures of each quarter, gender, age class and situation."""

    genre_id: Text = column("Genre.", references="dim_genre")
    classe_age_id: Text = column("Classe d'âge.", references="dim_classe_age")
    situation_id: Text = column("Situation.", references="dim_situation")
    release_id: Text = column("Publication dont viennent les chiffres.", references="dim_release")

    class Config:
        name = "mart_profil"
        description = "Les chiffres par genre, classe d'âge et situation, par trimestre."
        unique = ["trimestre_id", "genre_id", "classe_age_id", "situation_id"]


class MartFinancement(Quarterly):
    """What each financer pays."""

    financeur_id: Text = column("Financeur.", references="dim_financeur")
    nb_lignes: Count = column("Lignes de la source où le financeur a une colonne.", unit="lignes", ge=0)
    nb_lignes_masquees: Count = column("Lignes masquées parmi elles.", unit="lignes", ge=0)
    montant: Amount = column("Somme des parts du financeur.", unit="euros", masking=UNMASKED, nullable=True, ge=0)
    part_montant: Ratio = column(
        "Part du financeur dans le total des financeurs.",
        unit="ratio",
        masking=OVER_UNMASKED,
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
    )
    nb_dossiers_finances: Count = column(
        "Dossiers auxquels le financeur contribue. Un dossier peut avoir plusieurs financeurs : ne s'additionne "
        "pas entre financeurs.",
        unit="dossiers",
        masking=UNMASKED,
        nullable=True,
        ge=0,
    )
    montant_moyen_par_dossier: Amount = column(
        "Montant moyen apporté à un dossier financé.",
        unit="euros",
        computed="montant / dossiers financés, sur les lignes où les deux sont donnés.",
        masking=OVER_UNMASKED,
        nullable=True,
        ge=0,
    )
    release_id: Text = column("Publication dont viennent les chiffres.", references="dim_release")

    class Config:
        name = "mart_financement"
        description = "Ce que chaque financeur apporte, par trimestre."
        unique = ["trimestre_id", "financeur_id"]


class MartStatut(Quarterly):
    """What became of the dossiers."""

    statut_id: Text = column("Statut du dossier au jour de l'extraction.", references="dim_statut")
    nb_lignes: Count = column("Lignes de la source.", unit="lignes", ge=0)
    nb_lignes_masquees: Count = column("Lignes masquées parmi elles.", unit="lignes", ge=0)
    nb_dossiers: Count = column(
        "Dossiers des lignes non masquées.", unit="dossiers", masking=UNMASKED, nullable=True, ge=0
    )
    nb_dossiers_min: Count = column(
        "Dossiers de toutes les lignes, au moins.",
        unit="dossiers",
        computed="dossiers des lignes non masquées + 1 par ligne dont les dossiers sont masqués.",
        masking=AT_LEAST_ONE,
        ge=0,
    )
    part_dossiers: Ratio = column(
        "Part du statut dans les dossiers du trimestre.",
        unit="ratio",
        masking=OVER_UNMASKED,
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
    )
    taux_realisation: Ratio = column(
        "Taux de réalisation totale du trimestre ; le même sur toutes ses lignes.",
        unit="ratio",
        computed="dossiers réalisés / dossiers clos (réalisés, partiels, non réalisés ou annulés).",
        masking=OVER_UNMASKED,
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
    )
    taux_abandon: Ratio = column(
        "Taux d'abandon du trimestre ; le même sur toutes ses lignes.",
        unit="ratio",
        computed="dossiers partiels ou non réalisés / dossiers clos.",
        masking=OVER_UNMASKED,
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
    )
    maturite: Ratio = column(
        "Maturité du trimestre ; la même sur toutes ses lignes. Sous 0,9, les taux vont encore bouger.",
        unit="ratio",
        computed="dossiers clos / dossiers dont le statut est connu.",
        masking=OVER_UNMASKED,
        nullable=True,
        in_range={"min_value": 0, "max_value": 1},
    )
    release_id: Text = column("Publication dont viennent les chiffres.", references="dim_release")

    class Config:
        name = "mart_statut"
        description = "Ce que deviennent les dossiers, par trimestre et statut."
        unique = ["trimestre_id", "statut_id"]


class MartQualite(Quarterly):
    """How good the data of each quarter is."""

    nb_lignes_recues: Count = column("Lignes reçues.", unit="lignes", ge=0)
    nb_lignes_valides: Count = column("Lignes retenues.", unit="lignes", ge=0)
    nb_lignes_rejetees: Count = column("Lignes écartées, voir `stg_rejets`.", unit="lignes", ge=0)
    nb_dossiers_masques: Count = column("Lignes dont les dossiers sont masqués.", unit="lignes", ge=0)
    nb_titulaires_masques: Count = column("Lignes dont les titulaires sont masqués.", unit="lignes", ge=0)
    nb_montants_masques: Count = column("Lignes dont le montant est masqué.", unit="lignes", ge=0)
    nb_prix_connus: Count = column("Lignes dont le prix moyen est donné.", unit="lignes", ge=0)
    nb_durees_connues: Count = column("Lignes dont la durée moyenne est donnée.", unit="lignes", ge=0)
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
        masking="parmi les lignes qui donnent le montant et toutes les parts.",
        ge=0,
    )
    ecart_prix_montant: Amount = column(
        "Écart entre prix moyen x dossiers et montant engagé.",
        unit="euros",
        computed="somme de prix_moyen x nb_dossiers moins montant_engage, sur les lignes où les trois sont donnés.",
        masking="une ligne dont les dossiers ou le montant sont masqués n'y est pas.",
        nullable=True,
    )
    nb_lignes_ecart_prix: Count = column(
        "Lignes dont prix x dossiers s'écarte du montant de plus de 5 % (règle `ecart_prix_montant` du contrat).",
        unit="lignes",
        masking="parmi les lignes où les trois sont donnés.",
        ge=0,
    )
    release_id: Text = column("Publication dont viennent les chiffres.", references="dim_release")

    class Config:
        name = "mart_qualite"
        description = "La qualité des données de chaque trimestre."
        unique = ["trimestre_id"]


class MartRevisions(Quarterly):
    """What each release changed in each quarter."""

    release_id: Text = column("Publication qui change le trimestre.", references="dim_release")
    release_precedente_id: Text = column(
        "Publication juste avant elle ; vide pour la première.", references="dim_release", nullable=True
    )
    nature: Text = column(
        "`ajout` d'un trimestre, `revision`, ou `disparition`.", isin=["ajout", "revision", "disparition"]
    )
    lignes_ajoutees: Count = column("Lignes qui n'y étaient pas.", unit="lignes", ge=0)
    lignes_supprimees: Count = column("Lignes qui n'y sont plus.", unit="lignes", ge=0)
    lignes_modifiees: Count = column("Lignes dont une mesure change.", unit="lignes", ge=0)
    lignes_identiques: Count = column("Lignes inchangées.", unit="lignes", ge=0)
    nb_lignes_masquees_avant: Count = column(
        "Lignes masquées avant : ce qu'elles cachent n'est pas dans les sommes d'avant.", unit="lignes", ge=0
    )
    nb_lignes_masquees_apres: Count = column(
        "Lignes masquées après : ce qu'elles cachent n'est pas dans les sommes d'après. Un total peut donc bouger sans "
        "un dossier de plus ni de moins.",
        unit="lignes",
        ge=0,
    )
    dossiers_avant: Count = column("Dossiers avant.", unit="dossiers", masking=UNMASKED, nullable=True, ge=0)
    dossiers_apres: Count = column("Dossiers après.", unit="dossiers", masking=UNMASKED, nullable=True, ge=0)
    montant_avant: Amount = column("Montant engagé avant.", unit="euros", masking=UNMASKED, nullable=True, ge=0)
    montant_apres: Amount = column("Montant engagé après.", unit="euros", masking=UNMASKED, nullable=True, ge=0)
    en_cours_avant: Count = column("Dossiers en cours avant.", unit="dossiers", masking=UNMASKED, nullable=True)
    en_cours_apres: Count = column("Dossiers en cours après.", unit="dossiers", masking=UNMASKED, nullable=True)
    realises_avant: Count = column("Dossiers réalisés avant.", unit="dossiers", masking=UNMASKED, nullable=True)
    realises_apres: Count = column("Dossiers réalisés après.", unit="dossiers", masking=UNMASKED, nullable=True)
    partiels_avant: Count = column("Dossiers partiels avant.", unit="dossiers", masking=UNMASKED, nullable=True)
    partiels_apres: Count = column("Dossiers partiels après.", unit="dossiers", masking=UNMASKED, nullable=True)
    non_realises_avant: Count = column("Dossiers non réalisés avant.", unit="dossiers", masking=UNMASKED, nullable=True)
    non_realises_apres: Count = column("Dossiers non réalisés après.", unit="dossiers", masking=UNMASKED, nullable=True)
    annules_avant: Count = column("Dossiers annulés avant.", unit="dossiers", masking=UNMASKED, nullable=True)
    annules_apres: Count = column("Dossiers annulés après.", unit="dossiers", masking=UNMASKED, nullable=True)

    class Config:
        name = "mart_revisions"
        description = "Ce que chaque publication change dans chaque trimestre."
        unique = ["trimestre_id", "release_id"]


QUARTERLY_MARTS: tuple[type[Table], ...] = (
    MartTrimestre,
    MartRegion,
    MartProfil,
    MartFinancement,
    MartStatut,
    MartQualite,
)
