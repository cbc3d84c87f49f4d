"""Figures that others published, and ours beside them.

What does not belong here: any judgement of who is right; the scopes differ, and that is what the views show.
"""

from __future__ import annotations

from mcf_pipeline.schemas.base import Day, Flag, Ratio, Small, Table, Text, column
from mcf_pipeline.schemas.measures import HYPOTHESIS
from mcf_pipeline.schemas.periods import OUTWARDS


class _Published(Table):
    indicateur: Text = column("Ce qui est mesuré : entrees, personnes, prix_moyen, duree_moyenne, montant ou une part.")
    annee: Small = column("Année.")
    unite: Text = column("Unité de la valeur.")
    valeur: Ratio = column("Valeur publiée, dans cette unité.")
    source: Text = column("Organisme qui l'a publiée.")
    champ: Text = column("Ce que la publication mesure, en bref ; son champ exact est à lire dans la publication.")
    remarque: Text = column("Ce qu'il faut en savoir ; vide s'il n'y a rien.", nullable=True)


class VChiffresPublies(_Published):
    """Published figures, one per row."""

    publie_le: Day = column("Jour de la publication ; vide quand nous ne le connaissons pas.", nullable=True)

    class Config:
        name = "v_chiffres_publies"
        description = (
            "Quelques chiffres publiés par la Dares et la Caisse des Dépôts, repris tels quels, pour situer les nôtres."
        )
        unique = ["indicateur", "annee"]


class VComparaison(_Published):
    """Ours beside them, by scope."""

    perimetre: Text = column(
        "Périmètre de nos chiffres : `tous`, `hors_annules`, `commences` (voir v_annee_perimetre)."
    )
    est_complete: Flag = column("Vrai si l'entrepôt contient les quatre trimestres de l'année.")
    valeur_bas: Ratio = column(
        "Notre valeur : borne basse ; vide pour des personnes, que la source ne permet pas de compter.",
        computed="de v_annee_perimetre, ou des trimestres de mart_trimestre.",
        masking=OUTWARDS,
        nullable=True,
    )
    valeur_haut: Ratio = column(
        "Notre valeur : borne haute ; pour des personnes, un majorant.",
        computed="de v_annee_perimetre, ou des trimestres de mart_trimestre.",
        masking=OUTWARDS,
        nullable=True,
    )
    ecart_relatif_bas: Ratio = column(
        "Écart relatif de notre valeur à la valeur publiée (0,05 = +5 %, et non 5 points, même pour une part) : borne "
        "basse.",
        unit="ratio",
        computed="valeur_bas / valeur, moins 1.",
        masking=f"{HYPOTHESIS}.",
        nullable=True,
    )
    ecart_relatif_haut: Ratio = column(
        "Écart relatif de notre valeur à la valeur publiée : borne haute.",
        unit="ratio",
        computed="valeur_haut / valeur, moins 1.",
        masking=f"{HYPOTHESIS}.",
        nullable=True,
    )

    class Config:
        name = "v_comparaison"
        description = (
            "Les chiffres publiés à côté des nôtres, par périmètre. Les champs diffèrent : cherchez le périmètre le "
            "plus proche, pas l'égalité. Les parts et les personnes ne sont données que pour tous les dossiers."
        )
        unique = ["indicateur", "annee", "perimetre"]
