"""`mart_revisions`: what each release changed, taken apart; its SQL is ``sql/mart_revisions.sql``."""

from __future__ import annotations

from typing import Any

from mcf_pipeline.schemas.base import Amount, Count, Text, column
from mcf_pipeline.schemas.measures import UNMASKED, Quarterly

_SIDE: dict[str, Any] = {"masking": UNMASKED, "nullable": True, "ge": 0}
_SUM = "somme sur les lignes non masquées."
_PARTS = {
    "": ("écart total", "après moins avant, un vide comptant pour 0 ; c'est la somme des cinq écarts suivants."),
    "_visibles": ("écart des lignes visibles avant et après", "après moins avant, ligne à ligne."),
    "_demasques": (
        "écart dû aux lignes masquées avant et visibles après",
        "valeur d'après, absente de la somme d'avant.",
    ),
    "_masques": (
        "écart dû aux lignes visibles avant et masquées après",
        "moins la valeur d'avant, absente de la somme d'après.",
    ),
    "_apparus": ("écart dû aux lignes qui n'y étaient pas", "valeur d'après."),
    "_disparus": ("écart dû aux lignes qui n'y sont plus", "moins la valeur d'avant."),
}
_MOVES = "seules les valeurs visibles y comptent ; aucune valeur masquée n'y entre."


def _moved(what: str, part: str, unit: str) -> Any:
    """One part of a change; the five parts add up to the whole."""
    label, computed = _PARTS[part]
    return column(f"{what} : {label}.", unit=unit, computed=computed, masking=_MOVES)


class MartRevisions(Quarterly):
    """What each release changed in each quarter."""

    release_id: Text = column("Publication qui change le trimestre.", references="dim_release")
    release_precedente_id: Text = column(
        "Publication précédente ; vide pour la première.", references="dim_release", nullable=True
    )
    nature: Text = column(
        "`ajout` d'un trimestre, `revision`, ou `disparition`.", isin=["ajout", "revision", "disparition"]
    )
    lignes_ajoutees: Count = column(
        "Lignes qui n'y étaient pas.", computed="lignes comparées une à une, avant et après.", unit="lignes", ge=0
    )
    lignes_supprimees: Count = column(
        "Lignes qui n'y sont plus.", computed="lignes comparées une à une, avant et après.", unit="lignes", ge=0
    )
    lignes_modifiees: Count = column(
        "Lignes dont une mesure ou la part d'un financeur change.",
        computed="lignes comparées une à une, avant et après.",
        unit="lignes",
        ge=0,
    )
    lignes_modifiees_financeurs: Count = column(
        "Lignes modifiées dont seuls les financeurs changent.",
        computed="lignes comparées une à une, avant et après.",
        unit="lignes",
        ge=0,
    )
    lignes_identiques: Count = column(
        "Lignes inchangées.", computed="lignes comparées une à une, avant et après.", unit="lignes", ge=0
    )
    lignes_demasquees: Count = column(
        "Lignes présentes avant et après, dont les dossiers étaient masqués et sont visibles.",
        computed="lignes comparées une à une, avant et après.",
        unit="lignes",
        ge=0,
    )
    lignes_nouvellement_masquees: Count = column(
        "Lignes présentes avant et après, dont les dossiers étaient visibles et sont masqués.",
        computed="lignes comparées une à une, avant et après.",
        unit="lignes",
        ge=0,
    )
    nb_lignes_masquees_avant: Count = column(
        "Lignes masquées avant : ce qu'elles cachent n'est pas dans les sommes d'avant.",
        computed="nombre de lignes masquées de l'état.",
        unit="lignes",
        ge=0,
    )
    nb_lignes_masquees_apres: Count = column(
        "Lignes masquées après : ce qu'elles cachent n'est pas dans les sommes d'après. Un total peut donc bouger sans "
        "un dossier de plus ni de moins.",
        computed="nombre de lignes masquées de l'état.",
        unit="lignes",
        ge=0,
    )
    dossiers_avant: Count = column("Dossiers des lignes non masquées, avant.", unit="dossiers", computed=_SUM, **_SIDE)
    dossiers_apres: Count = column("Dossiers des lignes non masquées, après.", unit="dossiers", computed=_SUM, **_SIDE)
    montant_avant: Amount = column(
        "Montant engagé des lignes non masquées, avant.", unit="euros", computed=_SUM, **_SIDE
    )
    montant_apres: Amount = column(
        "Montant engagé des lignes non masquées, après.", unit="euros", computed=_SUM, **_SIDE
    )
    en_cours_avant: Count = column(
        "Dossiers en cours des lignes non masquées, avant.", unit="dossiers", computed=_SUM, **_SIDE
    )
    en_cours_apres: Count = column(
        "Dossiers en cours des lignes non masquées, après.", unit="dossiers", computed=_SUM, **_SIDE
    )
    realises_avant: Count = column(
        "Dossiers réalisés totalement des lignes non masquées, avant.", unit="dossiers", computed=_SUM, **_SIDE
    )
    realises_apres: Count = column(
        "Dossiers réalisés totalement des lignes non masquées, après.", unit="dossiers", computed=_SUM, **_SIDE
    )
    partiels_avant: Count = column(
        "Dossiers réalisés en partie des lignes non masquées, avant.", unit="dossiers", computed=_SUM, **_SIDE
    )
    partiels_apres: Count = column(
        "Dossiers réalisés en partie des lignes non masquées, après.", unit="dossiers", computed=_SUM, **_SIDE
    )
    annules_avant: Count = column(
        "Dossiers annulés des lignes non masquées, avant.", unit="dossiers", computed=_SUM, **_SIDE
    )
    annules_apres: Count = column(
        "Dossiers annulés des lignes non masquées, après.", unit="dossiers", computed=_SUM, **_SIDE
    )
    rejetes_avant: Count = column(
        "Dossiers rejetés des lignes non masquées, avant.", unit="dossiers", computed=_SUM, **_SIDE
    )
    rejetes_apres: Count = column(
        "Dossiers rejetés des lignes non masquées, après.", unit="dossiers", computed=_SUM, **_SIDE
    )
    dossiers_ecart: Count = _moved("Dossiers", "", "dossiers")
    dossiers_ecart_visibles: Count = _moved("Dossiers", "_visibles", "dossiers")
    dossiers_ecart_demasques: Count = _moved("Dossiers", "_demasques", "dossiers")
    dossiers_ecart_masques: Count = _moved("Dossiers", "_masques", "dossiers")
    dossiers_ecart_apparus: Count = _moved("Dossiers", "_apparus", "dossiers")
    dossiers_ecart_disparus: Count = _moved("Dossiers", "_disparus", "dossiers")
    montant_ecart: Amount = _moved("Montant engagé", "", "euros")
    montant_ecart_visibles: Amount = _moved("Montant engagé", "_visibles", "euros")
    montant_ecart_demasques: Amount = _moved("Montant engagé", "_demasques", "euros")
    montant_ecart_masques: Amount = _moved("Montant engagé", "_masques", "euros")
    montant_ecart_apparus: Amount = _moved("Montant engagé", "_apparus", "euros")
    montant_ecart_disparus: Amount = _moved("Montant engagé", "_disparus", "euros")
    parts_ecart: Amount = _moved("Parts des financeurs", "", "euros")
    parts_ecart_visibles: Amount = _moved("Parts des financeurs", "_visibles", "euros")
    parts_ecart_demasques: Amount = _moved("Parts des financeurs", "_demasques", "euros")
    parts_ecart_masques: Amount = _moved("Parts des financeurs", "_masques", "euros")
    parts_ecart_apparus: Amount = _moved("Parts des financeurs", "_apparus", "euros")
    parts_ecart_disparus: Amount = _moved("Parts des financeurs", "_disparus", "euros")

    class Config:
        name = "mart_revisions"
        description = (
            "Ce que chaque publication change dans chaque trimestre, et d'où vient le changement : de chiffres "
            "visibles des deux côtés, ou de lignes démasquées, masquées, apparues, disparues."
        )
        unique = ["trimestre_id", "release_id"]
