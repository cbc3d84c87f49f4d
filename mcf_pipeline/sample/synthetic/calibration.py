"""What the sample aims at: one target per figure and year, each marked as published or assumed.

Published figures are those of Dares and the Caisse des Dépôts, with their sources in `figures`, where the
sample is measured against them. Marks used here: *published*; *between* = published figures contradict each
other and the target lies between them; *assumed* = ours, nobody's figure.

How the lines are drawn from these targets is `generator`'s work.
"""

from __future__ import annotations

from dataclasses import dataclass

from mcf_pipeline.quarter import Quarter

REGIONS = {  # share of entries; published: Île-de-France over 25 % (2023); the others assumed (population)
    "Auvergne-Rhône-Alpes": 0.118,
    "Bourgogne-Franche-Comté": 0.031,
    "Bretagne": 0.038,
    "Centre-Val de Loire": 0.031,
    "Corse": 0.004,
    "Grand Est": 0.070,
    "Guadeloupe": 0.009,
    "Guyane": 0.003,
    "Hauts-de-France": 0.080,
    "Île-de-France": 0.257,
    "La Réunion": 0.013,
    "Martinique": 0.007,
    "Mayotte": 0.0012,
    "Normandie": 0.038,
    "Nouvelle-Aquitaine": 0.078,
    "Occitanie": 0.090,
    "Pays de la Loire": 0.046,
    "Provence-Alpes-Côte d'Azur": 0.084,
    "-1": 0.0004,
}
MISSING = "-1"
"""How a region or a gender that is not given is written (a sibling dataset does so); a situation is empty."""

GENDERS = ("Femme", "Homme", MISSING)
GENDER_MISSING = 0.0001  # assumed
AGES = {  # share of entries; published for 2023, assumed to hold for every year
    "Moins de 25 ans": 0.100,
    "25 à 39 ans": 0.447,
    "40 à 49 ans": 0.235,
    "50 ans et plus": 0.218,
}
JOB_SEEKER = "Demandeur d'emploi"
OTHER_SITUATIONS = {  # share of all entries in 2022; cadres, intermediate, ouvriers published, others assumed
    "Agriculteurs exploitants": 0.002,
    "Artisans, commerçants et chefs d'entreprise": 0.014,
    "Cadres et professions intellectuelles supérieures": 0.160,
    "Professions intermédiaires": 0.170,
    "Employés": 0.194,
    "Ouvriers": 0.150,
    "": 0.010,
}
SITUATIONS = (JOB_SEEKER, *OTHER_SITUATIONS)

WOMEN_TO_MEN = (1.1, 0.5, 0.6, 0.85, 1.1, 2.4, 0.3, 1.0)
"""How much more women there are than men in each situation, before the published shares are met; assumed."""

AGE_TILT = (  # the same of the ages in each situation; assumed (young employees, cadres in mid-life)
    (1.3, 1.0, 0.9, 1.0),
    (0.4, 0.9, 1.1, 1.4),
    (0.3, 0.9, 1.3, 1.2),
    (0.3, 1.1, 1.2, 1.0),
    (0.8, 1.1, 1.0, 0.9),
    (1.5, 0.9, 1.0, 1.1),
    (1.3, 1.0, 1.0, 0.9),
    (1.0, 1.0, 1.0, 1.0),
)

STATUSES = {  # share of a quarter's dossiers in its first, second and third release (then final); assumed
    "Validé": (0.360, 0.0, 0.0),
    "Entrée en formation": (0.460, 0.100, 0.0005),
    "Sortie de formation": (0.080, 0.0, 0.0),
    "Clos - Réalisation Totale": (0.100, 0.797, 0.8813),
    "Clos - Réalisation Partielle": (0.0, 0.055, 0.0581),
    "Clos - Non Réalisé annulé titulaire": (0.0, 0.035, 0.0400),
    "Clos - Non Réalisé annulé OF": (0.0, 0.013, 0.0200),
    "Dossier annulé gestionnaire": (0.0, 0.0, 0.0001),
}
# A quarter keeps to few statuses at a time, so that growing older it loses no more than a fifth of its lines: a
# release in which it did would be held by the guards, as a publisher's accident.
FINAL_AGE = 2
"""From its third release on (age 2), a quarter does not change any more."""


@dataclass(frozen=True, slots=True)
class Year:
    """The targets of one year.

    Attributes:
        entries: dossiers of a whole year.
        seasons: share of them per quarter; published are only the peaks (March, June 2021, September) and two
            halves' amounts; the rest is assumed.
        price: mean price of a dossier in euros.
        job_seekers: their share of the entries, per quarter.
        women: their share of the entries.
        hours: mean duration of job seekers' and of the others' courses.
        per_titulaire: dossiers per stagiaire within a line.
        mandatory: the titulaire's mandatory share in euros at the year's end (published; not of job seekers).
    """

    entries: int
    seasons: tuple[float, float, float, float]
    price: float
    job_seekers: tuple[float, float, float, float]
    women: float
    hours: tuple[float, float]
    per_titulaire: float
    mandatory: float = 0.0


YEARS = {
    # Entries, price, shares published; the year's growth over its quarters and the hours assumed.
    2020: Year(984_000, (0.17, 0.14, 0.29, 0.40), 1235, (0.36,) * 4, 0.50, (84, 50), 1.08),
    # Hours published; seasons so that the second half's 1.49 billion holds.
    2021: Year(1_982_900, (0.215, 0.250, 0.270, 0.265), 1358, (0.31,) * 4, 0.50, (82, 50), 1.11),
    # Between: 1,851,200 entries x 1,473 € are 2.73 billion, not the published 3.0.
    2022: Year(1_905_000, (0.262, 0.232, 0.270, 0.236), 1514, (0.30,) * 4, 0.50, (80, 51), 1.12),
    # Between: 1,335,900 x 1,560 € are 2.08 billion, not 2.26. Hours: published for all together (61).
    2023: Year(1_362_600, (0.255, 0.225, 0.265, 0.255), 1607, (0.30,) * 4, 0.50, (80, 53), 1.13),
    # Quarters: those of 2023, January to May +30 %, June to December -14 %, job seekers +8 % (published).
    2024: Year(1_415_300, (0.319, 0.250, 0.220, 0.211), 1755, (0.273, 0.283, 0.377, 0.377), 0.49, (79, 54), 1.12, 100),
    # All assumed but the mandatory share.
    2025: Year(1_340_000, (0.270, 0.235, 0.255, 0.240), 1790, (0.360,) * 4, 0.49, (78, 55), 1.11, 102.23),
    2026: Year(1_240_000, (0.270, 0.235, 0.255, 0.240), 1820, (0.365,) * 4, 0.49, (78, 55), 1.11, 103.20),
}
"""The years to come after the last one repeat it (assumed)."""

DEARER_FOR_OTHERS = 1.15
"""Price of the others' courses over that of job seekers': published for 2021 (employees), assumed else."""

PRICE_DRIFT = (-0.015, -0.005, 0.005, 0.015)
"""Price of each quarter against its year's; assumed (prices rise)."""

MANDATORY_SINCE = Quarter(2024, 2)
MANDATORY_SUBJECT = (0.45, 0.90)
"""Share of the others' dossiers that pay the mandatory share, in its first quarter and later.

Assumed; an employer may pay in a dossier's stead, which lifts the duty."""

CUMULATED = 6.46e9
"""Amount to November 2022 in euros (published); the financers' shares below are of this."""


@dataclass(frozen=True, slots=True)
class Financer:
    """Who pays beside France compétences.

    Attributes:
        part: column of the amount, as the sibling dataset writes it.
        count: column of the number of dossiers.
        published: euros to November 2022.
        job_seekers: the part of this that went to job seekers; assumed.
        covers: the share of a dossier's price that this one pays where it pays at all; assumed.
    """

    part: str
    count: str
    published: float
    job_seekers: float
    covers: float


FRANCE_COMPETENCES = "part_france_competences"
"""Pays what is left; the sibling dataset counts no dossiers for it."""

FINANCERS = (
    Financer("part_titulaire", "nb_dossiers_finances_par_titulaires", 206e6, 0.20, 0.40),
    # État, regions and OPCO: 58 million together; how they share it is assumed.
    Financer("part_etat", "nb_dossiers_finances_par_etat", 20e6, 0.60, 0.45),
    Financer("part_pole_emploi", "nb_dossiers_finances_par_pole_emploi", 156e6, 1.0, 0.50),
    Financer("part_region", "nb_dossiers_finances_par_regions", 15e6, 0.80, 0.45),
    Financer("part_opco", "nb_dossiers_finances_par_opco", 23e6, 0.0, 0.45),
    Financer("part_entreprise", "nb_dossiers_finances_par_entreprises", 40e6, 0.0, 0.45),
    # Compte d'engagement citoyen: assumed, it is nowhere published.
    Financer("part_cec", "nb_dossiers_finances_par_cec", 2e6, 0.30, 0.40),
)
TITULAIRE = 0  # its place in FINANCERS


@dataclass(frozen=True, slots=True)
class Target:
    """The targets of one quarter; the same fields as `Year`, brought down to the quarter."""

    entries: int
    price: float
    job_seekers: float
    women: float
    hours: tuple[float, float]
    per_titulaire: float
    mandatory_cents: int
    mandatory_subject: float

    @property
    def situations(self) -> tuple[float, ...]:
        """Share of each of `SITUATIONS`: the others keep their proportions of 2022."""
        scale = (1 - self.job_seekers) / sum(OTHER_SITUATIONS.values())
        return (self.job_seekers, *(share * scale for share in OTHER_SITUATIONS.values()))

    @property
    def genders(self) -> tuple[float, ...]:
        """Share of each of `GENDERS`."""
        return (self.women, 1 - self.women - GENDER_MISSING, GENDER_MISSING)


def target(quarter: Quarter) -> Target:
    """The targets of a quarter; one before the first year of `YEARS` is an error."""
    year = YEARS[min(quarter.year, max(YEARS))]
    place = quarter.number - 1
    drift = sum(share * (1 + tilt) for share, tilt in zip(year.seasons, PRICE_DRIFT, strict=True))
    subject = 0.0
    if quarter >= MANDATORY_SINCE:
        subject = MANDATORY_SUBJECT[0 if quarter == MANDATORY_SINCE else 1]
    return Target(
        entries=round(year.entries * year.seasons[place]),
        price=year.price * (1 + PRICE_DRIFT[place]) / drift,
        job_seekers=year.job_seekers[place],
        women=year.women,
        hours=year.hours,
        per_titulaire=year.per_titulaire,
        mandatory_cents=round(year.mandatory * 100),
        mandatory_subject=subject,
    )
