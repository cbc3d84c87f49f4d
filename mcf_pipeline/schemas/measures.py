"""The measures that several marts share, each with its bounds.

Every bound follows from one hypothesis (`HYPOTHESIS`) and from what the source publishes: the number of masked lines
and, for money, their mean price, which stays. The bare value is there only where it can be quoted (`QUOTED`).

What does not belong here: the marts (`schemas.marts`), and how a measure is computed (``sql/resume.sql``,
``sql/taux.sql``).
"""

from __future__ import annotations

from mcf_pipeline.schemas.base import Amount, Count, Ratio, Sum4, Table, Text, column

HYPOTHESIS = "une ligne masquée compte de 1 à 5 dossiers"
UNMASKED = "les lignes masquées n'y sont pas : c'est un minimum."
MASKED_STANDS_FOR = "une ligne masquée compte de 1 à 4 personnes (le producteur masque sous 5)."
AT_LEAST_ONE = "une ligne masquée y compte pour un dossier, le moins qu'elle puisse avoir."
AT_MOST_FIVE = "une ligne masquée y compte pour 5 dossiers (hypothèse : de 1 à 5)."
PRICED = (
    f"{HYPOTHESIS}, au prix moyen que la source en donne, à un demi-centime près ; si une ligne masquée est sans prix, "
    "elle compte pour 0 dans le minimum, et le maximum est vide."
)
LOWEST = f"la plus basse valeur possible si {HYPOTHESIS}."
HIGHEST = f"la plus haute valeur possible si {HYPOTHESIS}."
QUOTED_WITHOUT_REASON = (
    "calculé sur les seules lignes non masquées ; donné seulement s'il est compris entre ses bornes et si leur écart "
    "ne dépasse pas 5 % de la borne haute ; sinon vide."
)
QUOTED = f"{QUOTED_WITHOUT_REASON} Le motif est dans motifs_vides."
"""For a table that has `motifs_vides`."""
OFTEN_EMPTY = (
    "Souvent vide, même quand tout est clos : abandons et annulations sont dans de petites lignes, que le masquage "
    "retire plus que les autres ; citez alors les bornes. Si elles sont vides aussi, il est trop tôt : comparez les "
    "trimestres à âge égal, dans v_maturation."
)
WEIGHT = "les lignes masquées n'y sont pas."
SHARE = {"min_value": 0, "max_value": 1}


class Quarterly(Table):
    """A mart that is replaced quarter by quarter."""

    trimestre_id: Text = column("Trimestre d'entrée en formation.", references="dim_trimestre")


class Measured(Table):
    """Counts, amounts, mean price and mean duration of a group of lines."""

    nb_lignes: Count = column("Lignes de la source.", unit="lignes", computed="nombre de lignes.", ge=0)
    nb_lignes_masquees: Count = column(
        "Lignes masquées parmi elles.",
        unit="lignes",
        computed="lignes dont les dossiers, les titulaires ou le montant sont vides.",
        ge=0,
    )
    nb_dossiers: Count = column(
        "Dossiers des lignes non masquées.",
        unit="dossiers",
        computed="somme des dossiers donnés.",
        masking=UNMASKED,
        nullable=True,
        ge=0,
    )
    nb_dossiers_min: Count = column(
        "Dossiers de toutes les lignes, au moins.",
        unit="dossiers",
        computed="dossiers des lignes non masquées + 1 par ligne dont les dossiers sont masqués.",
        masking=AT_LEAST_ONE,
        ge=0,
    )
    nb_dossiers_max: Count = column(
        "Dossiers de toutes les lignes, au plus.",
        unit="dossiers",
        computed="dossiers des lignes non masquées + 5 par ligne dont les dossiers sont masqués.",
        masking=AT_MOST_FIVE,
        ge=0,
    )
    nb_titulaires_max: Count = column(
        "Somme des titulaires des seules lignes non masquées : une personne y compte autant de fois que de lignes "
        "où elle figure. Majorant du nombre de personnes distinctes de ces lignes, et d'elles seules : pour toutes "
        "les lignes, voir nb_titulaires_toutes_lignes_max. Additionné sur plusieurs trimestres, c'est encore un "
        "majorant, d'autant plus lâche : ce n'est jamais un nombre de personnes.",
        unit="personnes",
        computed="somme des titulaires donnés.",
        masking=WEIGHT,
        nullable=True,
        ge=0,
    )
    nb_titulaires_lignes_masquees_min: Count = column(
        "Somme des titulaires des lignes masquées, au moins.",
        unit="personnes",
        computed="nombre de lignes dont les titulaires sont masqués.",
        masking=MASKED_STANDS_FOR,
        ge=0,
    )
    nb_titulaires_lignes_masquees_max: Count = column(
        "Somme des titulaires des lignes masquées, au plus.",
        unit="personnes",
        computed="4 × nombre de lignes dont les titulaires sont masqués.",
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
        "Montant engagé des lignes non masquées.",
        unit="euros",
        computed="somme des montants donnés.",
        masking=UNMASKED,
        nullable=True,
        ge=0,
    )
    montant_engage_min: Amount = column(
        "Montant engagé de toutes les lignes, au moins.",
        unit="euros",
        computed="montants donnés + 1 × prix moyen pour chaque ligne dont le montant est masqué.",
        masking=PRICED,
        ge=0,
    )
    montant_engage_max: Amount = column(
        "Montant engagé de toutes les lignes, au plus.",
        unit="euros",
        computed="montants donnés + 5 × prix moyen pour chaque ligne dont le montant est masqué.",
        masking=PRICED,
        nullable=True,
        ge=0,
    )
    prix_moyen: Amount = column(
        "Prix moyen d'un dossier, pondéré par les dossiers.",
        unit="euros",
        computed="montant_a_prix_connu / nb_dossiers_a_prix_connu.",
        masking=QUOTED,
        nullable=True,
        ge=0,
    )
    prix_moyen_bas: Amount = column(
        "Prix moyen, lignes masquées comprises : borne basse.",
        computed="moyenne où chaque ligne masquée moins chère que le résultat compte pour 5 dossiers, et les "
        "autres lignes masquées pour 1.",
        unit="euros",
        masking=LOWEST,
        nullable=True,
        ge=0,
    )
    prix_moyen_haut: Amount = column(
        "Prix moyen, lignes masquées comprises : borne haute.",
        computed="moyenne où chaque ligne masquée plus chère que le résultat compte pour 5 dossiers, et les "
        "autres lignes masquées pour 1.",
        unit="euros",
        masking=HIGHEST,
        nullable=True,
        ge=0,
    )
    nb_dossiers_a_prix_connu: Count = column(
        "Poids du prix moyen : dossiers des lignes non masquées dont le prix est connu.",
        unit="dossiers",
        computed="somme des dossiers des lignes qui donnent leur prix, ou leur montant.",
        masking=WEIGHT,
        nullable=True,
        ge=0,
    )
    nb_dossiers_a_prix_connu_min: Count = column(
        "Le même poids avec les lignes masquées, au moins.",
        computed="poids donné + 1 par ligne masquée qui donne son prix.",
        unit="dossiers",
        masking=AT_LEAST_ONE,
        ge=0,
    )
    nb_dossiers_a_prix_connu_max: Count = column(
        "Le même poids avec les lignes masquées, au plus.",
        computed="poids donné + 5 par ligne masquée qui donne son prix.",
        unit="dossiers",
        masking=AT_MOST_FIVE,
        ge=0,
    )
    montant_a_prix_connu: Sum4 = column(
        "Numérateur du prix moyen : il s'additionne, comme son poids, d'où le prix moyen à tout autre niveau.",
        unit="euros",
        computed="somme de prix moyen (à défaut, montant / dossiers) × dossiers.",
        masking=WEIGHT,
        nullable=True,
        ge=0,
    )
    duree_moyenne: Amount = column(
        "Durée moyenne d'un dossier, pondérée par les dossiers dont la durée est connue.",
        unit="heures",
        computed="heures_a_duree_connue / nb_dossiers_a_duree_connue.",
        masking=QUOTED,
        nullable=True,
        ge=0,
    )
    duree_moyenne_bas: Amount = column(
        "Durée moyenne, lignes masquées comprises : borne basse.",
        computed="moyenne où chaque ligne masquée plus courte que le résultat compte pour 5 dossiers, et les "
        "autres lignes masquées pour 1.",
        unit="heures",
        masking=LOWEST,
        nullable=True,
        ge=0,
    )
    duree_moyenne_haut: Amount = column(
        "Durée moyenne, lignes masquées comprises : borne haute.",
        computed="moyenne où chaque ligne masquée plus longue que le résultat compte pour 5 dossiers, et les "
        "autres lignes masquées pour 1.",
        unit="heures",
        masking=HIGHEST,
        nullable=True,
        ge=0,
    )
    nb_dossiers_a_duree_connue: Count = column(
        "Poids de la durée moyenne : dossiers dont la durée est connue, dans les lignes non masquées.",
        unit="dossiers",
        computed="somme des dossiers à durée connue.",
        masking=WEIGHT,
        nullable=True,
        ge=0,
    )
    nb_dossiers_a_duree_connue_min: Count = column(
        "Le même poids avec les lignes masquées, au moins.",
        computed="poids donné + 1 par ligne qui donne une durée moyenne et dont ce poids est vide.",
        unit="dossiers",
        masking=AT_LEAST_ONE,
        ge=0,
    )
    nb_dossiers_a_duree_connue_max: Count = column(
        "Le même poids avec les lignes masquées, au plus.",
        unit="dossiers",
        computed="poids donné + 5 par ligne masquée qui donne une durée moyenne ; tous les dossiers d'une ligne dont "
        "seul ce poids est vide.",
        masking=AT_MOST_FIVE,
        ge=0,
    )
    heures_a_duree_connue: Sum4 = column(
        "Numérateur de la durée moyenne : il s'additionne, comme son poids, d'où la durée à tout autre niveau.",
        unit="heures",
        computed="somme de durée moyenne × dossiers à durée connue.",
        masking=WEIGHT,
        nullable=True,
        ge=0,
    )


class Explained(Table):
    """Why a figure is not there, and since which release the figures are these."""

    motifs_vides: Text = column(
        "Pourquoi un taux, une part ou une moyenne est vide : hors de ses bornes, bornes trop larges (écart de plus de "
        "5 %), sans bornes, trimestre immature, trop de modalités inconnues, rien qui ne soit masqué. Vide si tout est "
        "donné.",
        nullable=True,
    )
    release_id_debut_etat: Text = column(
        "Publication depuis laquelle le trimestre est dans cet état, sans interruption ; la publication courante est "
        "dans meta_publication.",
        references="dim_release",
    )


class Rates(Table):
    """Maturity, and what became of the dossiers once they are closed."""

    maturite: Ratio = column(
        "Maturité : part des dossiers clos. Tant que maturite_bas est sous 0,9, aucun taux n'est donné : il bougerait "
        "encore.",
        unit="ratio",
        computed="dossiers clos / dossiers dont le statut est connu ; vide si plus de 1 % des dossiers ont un statut "
        "inconnu ou non renseigné.",
        masking=QUOTED,
        nullable=True,
        in_range=SHARE,
    )
    maturite_bas: Ratio = column(
        "Maturité : borne basse.",
        computed="minimum de la partie / (minimum de la partie + maximum du reste).",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
        in_range=SHARE,
    )
    maturite_haut: Ratio = column(
        "Maturité : borne haute.",
        computed="maximum de la partie / (maximum de la partie + minimum du reste).",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
        in_range=SHARE,
    )
    taux_realisation: Ratio = column(
        f"Taux de réalisation totale. {OFTEN_EMPTY}",
        unit="ratio",
        computed="dossiers réalisés totalement / dossiers clos, annulés et rejetés compris ; vide, bornes comprises, "
        "si maturite_bas est sous 0,9 ; vide aussi si plus de 1 % des dossiers ont un statut inconnu ou non "
        "renseigné.",
        masking=QUOTED,
        nullable=True,
        in_range=SHARE,
    )
    taux_realisation_bas: Ratio = column(
        "Taux de réalisation totale : borne basse.",
        computed="minimum de la partie / (minimum de la partie + maximum du reste).",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
        in_range=SHARE,
    )
    taux_realisation_haut: Ratio = column(
        "Taux de réalisation totale : borne haute.",
        computed="maximum de la partie / (maximum de la partie + minimum du reste).",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
        in_range=SHARE,
    )
    taux_abandon: Ratio = column(
        "Taux d'abandon, au sens large : réalisations partielles, et annulations par le titulaire ou l'organisme, même "
        f"avant l'entrée. {OFTEN_EMPTY}",
        unit="ratio",
        computed="dossiers réalisés en partie, ou annulés par le titulaire ou l'organisme / dossiers clos, annulés et "
        "rejetés compris ; vide dans les mêmes cas que taux_realisation.",
        masking=QUOTED,
        nullable=True,
        in_range=SHARE,
    )
    taux_abandon_bas: Ratio = column(
        "Taux d'abandon : borne basse.",
        computed="minimum de la partie / (minimum de la partie + maximum du reste).",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
        in_range=SHARE,
    )
    taux_abandon_haut: Ratio = column(
        "Taux d'abandon : borne haute.",
        computed="maximum de la partie / (maximum de la partie + minimum du reste).",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
        in_range=SHARE,
    )


class DossierShare(Table):
    """A group's share of the dossiers of its quarter."""

    part_dossiers: Ratio = column(
        "Part dans les dossiers du trimestre, modalités non renseignées comprises au dénominateur.",
        unit="ratio",
        computed="dossiers / tous les dossiers du trimestre.",
        masking=QUOTED,
        nullable=True,
        in_range=SHARE,
    )
    part_dossiers_bas: Ratio = column(
        "Part dans les dossiers du trimestre : borne basse.",
        computed="minimum de la partie / (minimum de la partie + maximum du reste).",
        unit="ratio",
        masking=LOWEST,
        nullable=True,
        in_range=SHARE,
    )
    part_dossiers_haut: Ratio = column(
        "Part dans les dossiers du trimestre : borne haute.",
        computed="maximum de la partie / (maximum de la partie + minimum du reste).",
        unit="ratio",
        masking=HIGHEST,
        nullable=True,
        in_range=SHARE,
    )
