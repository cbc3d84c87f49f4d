"""The lines of the CSV files of releases, read a second time: what `independent` computes every figure from.

It shares nothing with the pipeline: no import, no SQL, no table of modalities. It knows the columns as the
sample writes them, reads them with `csv`, and adds up exact decimals in plain loops; what each figure is, it
takes from the French descriptions of the columns. A figure that both get wrong would have to be
misunderstood twice.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from pathlib import Path

Value = str | int | bool | Decimal | None
Row = dict[str, Value]

EXACT = Context(prec=60, rounding=ROUND_HALF_UP)

REGIONS = {
    "Auvergne-Rhône-Alpes": "84",
    "Bourgogne-Franche-Comté": "27",
    "Bretagne": "53",
    "Centre-Val de Loire": "24",
    "Corse": "94",
    "Grand Est": "44",
    "Guadeloupe": "01",
    "Guyane": "03",
    "Hauts-de-France": "32",
    "Île-de-France": "11",
    "La Réunion": "04",
    "Martinique": "02",
    "Mayotte": "06",
    "Normandie": "28",
    "Nouvelle-Aquitaine": "75",
    "Occitanie": "76",
    "Pays de la Loire": "52",
    "Provence-Alpes-Côte d'Azur": "93",
    "-1": "non_renseigne",
}
GENDERS = {"Femme": "femme", "Homme": "homme", "-1": "non_renseigne"}
AGES = {
    "Moins de 25 ans": "moins_de_25_ans",
    "25 à 39 ans": "25_a_39_ans",
    "40 à 49 ans": "40_a_49_ans",
    "50 ans et plus": "50_ans_et_plus",
    "-1": "non_renseigne",
}
SITUATIONS = {
    "Demandeur d'emploi": "demandeur_emploi",
    "Agriculteurs exploitants": "agriculteurs_exploitants",
    "Artisans, commerçants et chefs d'entreprise": "artisans_commercants_chefs_entreprise",
    "Cadres et professions intellectuelles supérieures": "cadres",
    "Professions intermédiaires": "professions_intermediaires",
    "Employés": "employes",
    "Ouvriers": "ouvriers",
    "": "non_renseigne",
}
KNOWN_SITUATIONS = set(SITUATIONS.values()) - {"non_renseigne"}
STATUSES = {  # what the source writes: identifier, family
    "Validé": ("valide", "en_cours"),
    "Entrée en formation": ("entree_en_formation", "en_cours"),
    "Sortie de formation": ("sortie_de_formation", "en_cours"),
    "Clos - Réalisation Totale": ("realisation_totale", "realise"),
    "Clos - Réalisation Partielle": ("realisation_partielle", "partiel"),
    "Clos - Non Réalisé annulé titulaire": ("annule_titulaire", "annule"),
    "Clos - Non Réalisé annulé OF": ("annule_of", "annule"),
    "Dossier annulé gestionnaire": ("annule_gestionnaire", "annule"),
    "-1": ("non_renseigne", None),
}
FINANCERS = {  # identifier: column of the amount, column of the dossiers
    "france_competences": ("part_france_competences", None),
    "titulaire": ("part_titulaire", "nb_dossiers_finances_par_titulaires"),
    "etat": ("part_etat", "nb_dossiers_finances_par_etat"),
    "france_travail": ("part_pole_emploi", "nb_dossiers_finances_par_pole_emploi"),
    "regions": ("part_region", "nb_dossiers_finances_par_regions"),
    "opco": ("part_opco", "nb_dossiers_finances_par_opco"),
    "entreprises": ("part_entreprise", "nb_dossiers_finances_par_entreprises"),
    "cec": ("part_cec", "nb_dossiers_finances_par_cec"),
}

KEY = ("trimestre_id", "region_id", "genre_id", "classe_age_id", "situation_id", "statut_id")
MEASURES = (
    "nb_dossiers",
    "nb_titulaires",
    "montant_engage",
    "prix_moyen",
    "duree_moyenne",
    "nb_dossiers_a_duree_connue",
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a release, read; None is an empty field.

    Attributes:
        ids: of its six dimensions, in the order of `KEY`.
        amounts: what each of `FINANCERS` pays.
        counts: dossiers that each of them pays for.
        family: of its status; None for one that nobody knows.
        est_masque: whether dossiers, persons or amount are empty.
    """

    ids: tuple[str, ...]
    region_id: str
    genre_id: str
    classe_age_id: str
    situation_id: str
    statut_id: str
    nb_dossiers: Decimal | None
    nb_titulaires: Decimal | None
    montant_engage: Decimal | None
    prix_moyen: Decimal | None
    duree_moyenne: Decimal | None
    nb_dossiers_a_duree_connue: Decimal | None
    amounts: tuple[Decimal | None, ...]
    counts: tuple[Decimal | None, ...]
    family: str | None
    est_masque: bool


@dataclass
class Quarter:
    """One quarter in one release: its lines, how many were rejected, and its content as received."""

    lines: list[Line] = field(default_factory=list)
    rejected: int = 0
    content: set[tuple[str, ...]] = field(default_factory=set)


Release = dict[str, Quarter]
"""The quarters of one release by identifier."""


def read_release(path: Path) -> tuple[str, Release]:
    """Read one CSV file: the release's id, and its quarters."""
    found: Release = defaultdict(Quarter)
    days = set()
    with path.open(encoding="utf-8-sig", newline="") as file:
        for record in csv.DictReader(file, delimiter=";"):
            days.add(record.pop("date_chargement"))
            quarter = found[record["trimestre"]]
            quarter.content.add(tuple(record.values()))
            line = _line(record)
            if line is None:
                quarter.rejected += 1
            else:
                quarter.lines.append(line)
    (day,) = days
    return day, dict(found)


def _line(record: dict[str, str]) -> Line | None:
    """A line, or None where a figure is not a number, or negative."""
    status, family = STATUSES.get(record["statut_dossier"], (unknown_id(record["statut_dossier"]), None))
    ids = (
        REGIONS.get(record["region"]) or unknown_id(record["region"]),
        GENDERS.get(record["genre"]) or unknown_id(record["genre"]),
        AGES.get(record["classe_age"]) or unknown_id(record["classe_age"]),
        SITUATIONS.get(record["situation"]) or unknown_id(record["situation"]),
        status,
    )
    try:
        measures = [_number(record[name]) for name in MEASURES]
        amounts = tuple([_number(record[amount]) for amount, _ in FINANCERS.values()])
        counts = tuple([_number(record[count]) if count else None for _, count in FINANCERS.values()])
    except ValueError:
        return None
    is_masked = None in measures[:3]
    return Line((record["trimestre"], *ids), *ids, *measures, amounts, counts, family, is_masked)


def _number(text: str) -> Decimal | None:
    if text == "":
        return None
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(text) from error
    if number < 0:
        raise ValueError(text)
    return number


def unknown_id(text: str) -> str:
    """The identifier of a modality that nobody knows; the tests use plain words in lower case without accents."""
    return "_".join(text.lower().split())
