"""What a text in a dimension means: a known modality, "not given", or one that nobody knows yet.

An unknown modality is no error: it gets an identifier of its own and a warning. What does not belong here:
the modalities themselves (`contract.nomenclature`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Protocol

from mcf_pipeline.contract import nomenclature
from mcf_pipeline.contract.nomenclature import Known, Value
from mcf_pipeline.contract.text import clean, key, slug, words

NOT_GIVEN_ID = "non_renseigne"
NOT_GIVEN_LABEL = "Non renseigné"
APART = "a_part"
"""What a user maps a text to that is to be a modality of its own."""
EMPTY_ID, EMPTY_LABEL = "vide", "(vide)"
"""What an empty cell becomes where it is to be one."""


@dataclass(frozen=True, slots=True)
class Modality:
    """One modality of one dimension.

    Attributes:
        id: key in the warehouse.
        libelle: clear French label; of an unknown one, the text as received, cleaned.
        est_connue: whether the contract knows it ("not given" it does).
        attributes: the other columns of the dimension's table.
    """

    id: str
    libelle: str
    est_connue: bool
    attributes: Mapping[str, Value] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Dimension:
    """One of the five dimensions of a line.

    Attributes:
        name: as in ``dim_<name>`` and ``<name>_id``.
        column: the canonical column it is read from.
        modalities: the known ones, in order; "not given" is none of them.
        unknown: attributes of a modality that nobody knows.
        not_given: attributes of "not given".
        nouns: what may stand before a marker: ``Sexe inconnu``.
    """

    name: str
    column: str
    modalities: tuple[Known, ...]
    unknown: Mapping[str, Value]
    not_given: Mapping[str, Value]
    nouns: tuple[str, ...]

    @property
    def id_column(self) -> str:
        """The key's name in every table."""
        return f"{self.name}_id"


_LAST = nomenclature.LAST

DIMENSIONS: Mapping[str, Dimension] = {
    dimension.name: dimension
    for dimension in (
        Dimension(
            "region",
            "region",
            nomenclature.REGIONS,
            unknown={"ordre": None, "code_insee": None, "iso_3166_2": None, "est_outre_mer": None},
            not_given={"ordre": _LAST, "code_insee": None, "iso_3166_2": None, "est_outre_mer": None},
            nouns=("région", "région de résidence"),
        ),
        Dimension(
            "genre",
            "genre",
            nomenclature.GENRES,
            unknown={"ordre": None},
            not_given={"ordre": _LAST},
            nouns=("genre", "sexe", "civilité"),
        ),
        Dimension(
            "classe_age",
            "classe_age",
            nomenclature.CLASSES_AGE,
            unknown={"ordre": None, "age_min": None, "age_max": None},
            not_given={"ordre": _LAST, "age_min": None, "age_max": None},
            nouns=("âge", "classe d'âge", "tranche d'âge"),
        ),
        Dimension(
            "situation",
            "situation",
            nomenclature.SITUATIONS,
            unknown={"ordre": None, "est_demandeur_emploi": None, "code_pcs": None},
            not_given={"ordre": _LAST, "est_demandeur_emploi": None, "code_pcs": None},
            nouns=("situation", "csp", "catégorie socioprofessionnelle"),
        ),
        Dimension(
            "statut",
            "statut_dossier",
            nomenclature.STATUTS,
            unknown={"ordre": None, "famille": None, **dict.fromkeys(nomenclature.STATUS_FLAGS)},
            not_given={"ordre": _LAST, "famille": None, **dict.fromkeys(nomenclature.STATUS_FLAGS)},
            nouns=("statut", "statut du dossier"),
        ),
    )
}
"""The five dimensions by name: ``region``, ``genre``, ``classe_age``, ``situation``, ``statut``."""

_FLAG_TRUE = (
    "oui",
    "o",
    "vrai",
    "true",
    "yes",
    "y",
    "1",
    "1.0",
    "demandeur d'emploi",
    "DE",
    "demandeuse d'emploi",
)
_FLAG_FALSE = (
    "non",
    "n",
    "faux",
    "false",
    "no",
    "0",
    "0.0",
    "non demandeur d'emploi",
    "pas demandeur d'emploi",
)

_TOTAL_WORDS = frozenset(("ensemble", "total", "totaux", "tous", "toutes", "tout", "cumul"))
_TOTAL_KEYS = frozenset(
    key(text)
    for text in (
        *("France entière", "France métropolitaine", "France", "National", "Métropole", "DROM", "France hors Mayotte"),
        *("Les deux sexes", "Hommes et femmes", "Femmes et hommes", "H+F", "F+H", "H/F", "F/H", "Grand total"),
        *("Sous-total", "Sous total", "All", "Overall"),
    )
)

_SOME_REGIONS: Mapping[str, tuple[str, ...]] = {
    key(text): regions
    for texts, regions in (
        (
            (
                *(
                    "Métrop.",
                    "Métropole",
                    "Métro",
                    "France métropolitaine",
                    "France métrop.",
                    "France métro",
                    "Hexagone",
                ),
                *("Régions métropolitaines", "France hexagonale", "Total métropole", "Ensemble métropole"),
            ),
            tuple(k.id for k in nomenclature.REGIONS if not k.attributes["est_outre_mer"]),
        ),
        (
            (
                *("Outre-mer", "Outremer", "DROM", "DOM", "DROM-COM", "DOM-TOM", "DOM TOM", "ROM", "DOM-ROM"),
                *("Départements d'outre-mer", "Régions d'outre-mer", "Régions ultramarines", "France d'outre-mer"),
                *("Départements et régions d'outre-mer", "Ultramarins", "Territoires ultramarins", "Outre-mer (DROM)"),
            ),
            tuple(k.id for k in nomenclature.REGIONS if k.attributes["est_outre_mer"]),
        ),
        (("Antilles", "Antilles françaises"), ("01", "02")),
        (("Antilles-Guyane", "Départements français d'Amérique", "DFA"), ("01", "02", "03")),
        (
            ("Province", "Hors Île-de-France", "Régions hors Île-de-France", "France hors Île-de-France"),
            tuple(k.id for k in nomenclature.REGIONS if k.id != "11"),
        ),
    )
    for text in texts
}

# Endings for both genders: Employé(e)s, Renseigné·e. Only here: in a column's name "(s)" are seconds.
_GENDERED = re.compile(r"\((?:e|s|es|e\)\(s|ère|ne)\)|[·•‧](?:e|s|es|e[·•‧]s)\b", re.IGNORECASE)
_MAX_READ = 2_000


def modality_key(text: str) -> str:
    """What two spellings of one modality have in common."""
    return key(_GENDERED.sub("", text[:_MAX_READ]))


def not_given(dimension: str) -> Modality:
    """The modality "not given" of a dimension."""
    return Modality(NOT_GIVEN_ID, NOT_GIVEN_LABEL, True, DIMENSIONS[dimension].not_given)


def known_modalities(dimension: str) -> tuple[Modality, ...]:
    """All known modalities in order, "not given" last."""
    found = [Modality(k.id, k.libelle, True, k.attributes) for k in DIMENSIONS[dimension].modalities]
    return (*found, not_given(dimension))


class Overrides(Protocol):
    """What a user says of modalities (`contract.source_map`)."""

    def modality(self, dimension: str, text: str) -> str | None:
        """The identifier that a text has, or None where nothing is said of it."""


def resolve(dimension: str, text: str | None, source_map: Overrides | None = None) -> Modality:
    """Say what a text in a dimension means; never fails.

    Args:
        dimension: a key of `DIMENSIONS`.
        text: as received, or None.
        source_map: its overrides go before everything else.
    """
    text = text or ""
    unknown = DIMENSIONS[dimension].unknown
    if source_map is not None:
        override = source_map.modality(dimension, text)
        if override == APART:
            return _apart(dimension, text)
        if override is not None:
            return _by_id(dimension)[override]
    if _is_not_given(dimension, text):
        return not_given(dimension)
    if len(text) <= _MAX_READ:
        found = _by_key(dimension).get(modality_key(text))
        if found is not None:
            return found
        if dimension == "classe_age":
            ages = parse_ages(text)
            if ages is not None:
                return _age_class(*ages)
    return Modality(slug(text), clean(text), False, unknown)


def _apart(dimension: str, text: str) -> Modality:
    """A modality of its own, though its text would meet a known one."""
    own = slug(text) if clean(text) else EMPTY_ID
    if own in _by_id(dimension):
        own = f"{own}_{APART}"
    return Modality(own, clean(text) or EMPTY_LABEL, False, DIMENSIONS[dimension].unknown)


def resolve_situation(csp: str | None, job_seeker: str | None, source_map: Overrides | None = None) -> Modality:
    """The situation where the source gives it in two columns: job seeker if its flag says so, else the CSP.

    A flag that says neither yes nor no is not guessed at: it becomes an unknown modality, which is seen.
    """
    flag = parse_flag(job_seeker)
    if flag is True:
        return _by_id("situation")["demandeur_emploi"]
    if flag is None and not _is_not_given("situation", job_seeker or ""):
        return resolve("situation", job_seeker, source_map)
    return resolve("situation", csp, source_map)


def is_total_word(text: str) -> bool:
    """Whether a text says by itself that it is the sum of others: Total, Ensemble des salariés, Toutes régions."""
    found = words(text)
    return bool(found) and (found[0] in _TOTAL_WORDS or key(text) in _TOTAL_KEYS)


def sum_of_regions(text: str) -> tuple[str, ...]:
    """The regions whose sum a text may be by its name; none where it says nothing of the kind.

    It is one only beside them: a publisher can group regions, and then does not give them.
    """
    return _SOME_REGIONS.get(key(text), ())


def parse_flag(text: str | None) -> bool | None:
    """Read yes or no; None if it says neither."""
    found = modality_key(text or "")
    if found in {modality_key(t) for t in _FLAG_TRUE}:
        return True
    return False if found in {modality_key(t) for t in _FLAG_FALSE} else None


def parse_ages(text: str) -> tuple[int | None, int | None] | None:
    """Read an age class: lowest and highest age, both inclusive, None = open.

    ``18-24 ans``, ``De 25 à 34 ans``, ``>= 60 ans``, ``Moins de 18 ans``, ``65 ans et +``. None if it is no
    age class that can be read without doubt.
    """
    plain = text.casefold().replace("≥", ">=").replace("≤", "<=").replace("à", "a").replace("\u00e2", "a")
    plain = re.sub(r"[\u2010-\u2015\u2212]", "-", plain)
    plain = re.sub(r"\s+", " ", re.sub(r"\bans?\b", " ", plain)).strip(" .")
    number = r"([0-9]{1,3})"
    bounds: tuple[int | None, int | None] | None = None
    if match := re.fullmatch(rf"(?:de |entre )?{number} ?(?:-|a|et|/|_a_) ?{number}", plain):
        bounds = int(match[1]), int(match[2])
    elif match := re.fullmatch(rf"(?:moins de|-|<|inférieur a|inf a) ?{number}|{number} ?et -", plain):
        bounds = None, int(match[1] or match[2]) - 1
    elif match := re.fullmatch(rf"(?:<=|jusqu'a|jusqu’a) ?{number}|{number} ?et moins", plain):
        bounds = None, int(match[1] or match[2])
    elif match := re.fullmatch(rf"(?:>=) ?{number}|{number} ?(?:et plus|et \+|ou plus|\+)", plain):
        bounds = int(match[1] or match[2]), None
    elif match := re.fullmatch(rf"(?:plus de|>|\+ de) ?{number}", plain):
        # "Plus de 50 ans" is said of those aged 50 too; ">" is not.
        bounds = int(match[1]) + (1 if plain.startswith(">") else 0), None
    if bounds is None:
        return None
    low, high = bounds
    if (low is not None and low > 120) or (high is not None and not (low or 0) <= high <= 150):
        return None
    return bounds


def _age_class(age_min: int | None, age_max: int | None) -> Modality:
    if age_min is not None and age_min <= 16 and age_max == 24:
        # An account opens at 16: "15-24" and "16-24" are "under 25".
        return _by_id("classe_age")["moins_de_25_ans"]
    for modality in KNOWN["classe_age"][:-1]:
        if (modality.attributes["age_min"], modality.attributes["age_max"]) == (age_min, age_max):
            return modality
    if age_max is None:
        text = f"{age_min} ans et plus"
    elif age_min is None:
        text = f"Moins de {age_max + 1} ans"
    else:
        text = f"{age_min} à {age_max} ans"
    return Modality(slug(text), text, False, nomenclature.age_attributes(age_min, age_max))


KNOWN: Mapping[str, tuple[Modality, ...]] = {name: known_modalities(name) for name in DIMENSIONS}
"""The known modalities of each dimension, "not given" last."""


@cache
def _by_id(dimension: str) -> Mapping[str, Modality]:
    return {modality.id: modality for modality in KNOWN[dimension]}


@cache
def _by_key(dimension: str) -> Mapping[str, Modality]:
    by_id = _by_id(dimension)
    found: dict[str, Modality] = {}
    for known in DIMENSIONS[dimension].modalities:
        for text in (known.id, known.libelle, *known.spellings):
            found[modality_key(text)] = by_id[known.id]
    return found


@cache
def _not_given_keys(dimension: str) -> frozenset[str]:
    nouns = ("", *DIMENSIONS[dimension].nouns)
    markers = [m for m in (*nomenclature.NOT_GIVEN, NOT_GIVEN_ID) if modality_key(m)]
    return frozenset(modality_key(f"{noun} {marker}" if noun else marker) for noun in nouns for marker in markers)


def _is_not_given(dimension: str, text: str) -> bool:
    if len(text) > _MAX_READ:
        return False
    stripped = clean(text)
    return stripped in nomenclature.NOT_GIVEN or (
        bool(found := modality_key(text)) and found in _not_given_keys(dimension)
    )


def allowed_ids(dimension: str) -> tuple[str, ...]:
    """The identifiers that an override may name."""
    return tuple(_by_id(dimension))
