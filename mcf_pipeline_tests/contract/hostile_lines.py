"""Lines that are quarantined and modalities that nobody knows, among thousands of good lines."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from mcf_pipeline_tests.exports import Line, lean

REGIONS = ("Bretagne", "Corse", "Île-de-France", "La Réunion", "Normandie", "Mayotte", "Occitanie", "Grand Est")
AGES = ("Moins de 25 ans", "25 à 39 ans", "40 à 49 ans", "50 ans et plus")
SITUATIONS = (
    *("Demandeur d'emploi", "Employés", "Ouvriers", "Professions intermédiaires"),
    *("Retraités", "Cadre", "Inactifs", "Agriculteurs exploitants"),
)
STATUSES = ("Validé", "Entrée en formation", "Clos - Réalisation Totale", "Rejeté", "Clos - Réalisation Partielle")
KEYS = list(itertools.product(REGIONS, ("Femme", "Homme"), AGES, SITUATIONS, STATUSES, ("2024-T1", "2024-T2")))


@dataclass(frozen=True)
class Bad:
    """A cell, and the rule that its line breaks."""

    column: str
    text: str
    rule: str


ILLEGIBLE = "nombre_illisible"
NEGATIVE = "nombre_negatif"
BEYOND_BELIEF = "nombre_invraisemblable"
NO_QUARTER = "trimestre_invalide"
QUARANTINED = [
    *(Bad("nb_dossiers", text, ILLEGIBLE) for text in ("+NaN", "inf", "1e999", "1.5", "9223372036854775808")),
    *(Bad("nb_dossiers", text, ILLEGIBLE) for text in ("<script>", "=1+1", "'; DROP TABLE fct_dossiers; --")),
    *(Bad("nb_titulaires", text, ILLEGIBLE) for text in ("-inf", "0x10", "1_000", "١٢", "1,234,567", "../..", "--5")),
    *(Bad("montant_engage", text, ILLEGIBLE) for text in ("Infinity", "1e999", "1" + "0" * 16, "1.234,5", "12 k€")),
    *(Bad("part_etat", text, ILLEGIBLE) for text in ("+nan", "=cmd()|'/C calc'!A0", "12%")),
    *(Bad(column, "9223372036854775807", BEYOND_BELIEF) for column in ("nb_dossiers", "nb_titulaires")),
    *(Bad(column, "9999999999999999.99", BEYOND_BELIEF) for column in ("montant_engage", "part_etat")),
    Bad("nb_dossiers", "-1", NEGATIVE),
    Bad("nb_titulaires", "-9223372036854775808", NEGATIVE),
    Bad("montant_engage", "-0.01", NEGATIVE),
    Bad("part_etat", "-1 000,00", NEGATIVE),
    *(Bad("trimestre", text, NO_QUARTER) for text in ("2019-T4", "2099-T1", "9999-T1", "2024-T5", "NaN", "../../etc")),
    *(Bad("trimestre", text, NO_QUARTER) for text in ("2024-04", "2024-02-01", "<script>", "\u0967\u0968", "")),
]  # fmt: skip

UNKNOWN = [
    # dimension, text, label, whether it is known after all
    ("region", "<script>alert(1)</script>", "<script>alert(1)</script>", None),
    ("region", "=cmd()|'/C calc'!A0", "=cmd()|'/C calc'!A0", None),
    ("region", "'; DROP TABLE fct_dossiers; --", "'; DROP TABLE fct_dossiers; --", None),
    ("region", "../../../etc/passwd", "../../../etc/passwd", None),
    ("region", "C:\\Windows\\system32", "C:\\Windows\\system32", None),
    ("region", "..", "..", None),
    ("region", "CON", "CON", None),
    ("region", "Bretagn\u0435", "Bretagn\u0435", None),  # the last letter is Cyrillic
    ("region", "\u202eengaterB", "engaterB", None),  # written from right to left
    ("region", "ligne\nsuivante", "ligne suivante", None),
    ("region", 'a"b;c', 'a"b;c', None),
    ("region", "x" * 3000, "x" * 119 + "…", None),
    ("region", "I\u0302le-de-France", "Île-de-France", "11"),
    ("region", "BRETAGNE\u00a0", "Bretagne", "53"),
    ("region", "Provence\u2011Alpes\u2011Co\u0302te d\u2019Azur", "Provence-Alpes-Côte d'Azur", "93"),
    ("region", "NaN", "Non renseigné", "non_renseigne"),
    ("genre", "\U0001d573omme", "Homme", "homme"),  # a mathematical letter is that letter
    ("genre", "Hоmme", "Hоmme", None),  # its o is Cyrillic
    ("genre", "Non-binaire", "Non-binaire", None),
    ("classe_age", "18-24 ans", "18 à 24 ans", None),
    ("classe_age", "999 ans et plus", "999 ans et plus", None),
    ("situation", "Ouvrier\u200bs", "Ouvriers", "ouvriers"),  # with an invisible blank
    ("situation", "$(rm -rf /)", "$(rm -rf /)", None),
    ("statut_dossier", "Valide\u0301", "Validé", "valide"),
    ("statut_dossier", "Suspendu", "Suspendu", None),
]


def hostile_lines() -> list[Line]:
    """Those of `QUARANTINED`, those of `UNKNOWN`, then good ones, each with a key of its own."""
    keys = iter(KEYS)
    lines = []
    for bad in QUARANTINED:
        lines.append(_of(next(keys)) | {bad.column: bad.text})
    for column, text, _, _ in UNKNOWN:
        # No other line has its age class, or its region: what turns out to be known repeats no key.
        apart = {"region": "Martinique"} if column == "classe_age" else {"classe_age": "Non renseigné"}
        lines.append(_of(next(keys)) | apart | {column: text, "nb_dossiers": "77"})
    lines += [_of(key) for key in keys]
    return lines + [_of(key) for key in keys]


def _of(key: tuple[str, ...]) -> Line:
    *dimensions, quarter = key
    names = ("region", "genre", "classe_age", "situation", "statut_dossier")
    return lean(quarter, **dict(zip(names, dimensions, strict=True)))
