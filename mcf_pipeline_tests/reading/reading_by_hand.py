"""A whole export read a second time, by hand: `csv`, exact decimals, and small tables of its own.

Nothing of the pipeline is imported. It reads what `docs/contract.md` says a file may look like and gives up
(`UnreadableError`) on anything else: what gives up here, the pipeline has to refuse; what it does accept must
say the same as here.

What does not belong here: any judgement of how likely a value is.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from types import MappingProxyType

EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
MOST = 2**63 - 1

REGIONS = {
    "Bretagne": "53",
    "FR-BRE": "53",
    "Corse": "94",
    "Île-de-France": "11",
    "La Réunion": "04",
    "Provence-Alpes-Côte d'Azur": "93",
    "PACA": "93",
    "Auvergne-Rhône-Alpes": "84",
}
GENDERS = {"Femme": "femme", "F": "femme", "Homme": "homme", "H": "homme", "M": "homme"}
AGES = {
    (None, 24): "moins_de_25_ans",
    (25, 39): "25_a_39_ans",
    (40, 49): "40_a_49_ans",
    (50, None): "50_ans_et_plus",
}
SITUATIONS = {
    "Demandeur d'emploi": "demandeur_emploi",
    "Employés": "employes",
    "Ouvriers": "ouvriers",
    "Cadres et professions intellectuelles supérieures": "cadres",
    "Cadre": "cadres",
    "Professions intermédiaires": "professions_intermediaires",
}
STATUSES = {
    "Validé": "valide",
    "Entrée en formation": "entree_en_formation",
    "Clos - Réalisation Totale": "realisation_totale",
    "Clos - Réalisation Partielle": "realisation_partielle",
    "Rejeté": "rejete",
}
NOT_GIVEN = ("", "-1", "NA", "N/A", "Non renseigné", "Non renseignée", "?", "-", "NaN", "null", "Inconnu")

DIMENSIONS = ("region", "genre", "classe_age", "situation", "statut_dossier")
TABLES = {"region": REGIONS, "genre": GENDERS, "situation": SITUATIONS, "statut_dossier": STATUSES}

NAMES = {
    "trimestre": ("Trimestre", "trimestre d'entrée en formation", "Période"),
    "region": ("région", "Région de résidence", "NOM_REGION"),
    "genre": ("Genre", "sexe"),
    "classe_age": ("classe_age", "Classe d'âge", "Tranche d'âge"),
    "situation": ("Situation", "CSP", "situation professionnelle"),
    "statut_dossier": ("statut_dossier", "Statut", "Statut du dossier"),
    "nb_dossiers": ("nb_dossiers", "Nombre de dossiers"),
    "nb_titulaires": ("nb_titulaires", "Nombre de stagiaires", "NB TITULAIRES"),
    "montant_engage": ("montant_engage", "Montant engagé", "Montant total engagé"),
    "prix_moyen": ("prix_moyen", "Prix moyen"),
    "duree_moyenne": ("duree_moyenne", "Durée moyenne"),
    "nb_dossiers_a_duree_connue": ("nb_dossiers_a_duree_connue", "Nombre de dossiers à durée connue"),
    "part_etat": ("part_etat", "Part État", "Montant financé par l'État"),
    "part_titulaire": ("part_titulaire", "Reste à charge"),
    "part_france_travail": ("part_pole_emploi", "Montant financé par France Travail"),
    "nb_dossiers_finances_par_etat": ("nb_dossiers_finances_par_etat", "Nombre de dossiers financés par l'État"),
}
"""What each column may be called: a few of the ways, those that the fuzzing writes."""

REQUIRED = ("trimestre", *DIMENSIONS, "nb_dossiers", "nb_titulaires", "montant_engage")
PARTS = {"etat": "part_etat", "titulaire": "part_titulaire", "france_travail": "part_france_travail"}
FINANCED = {"etat": "nb_dossiers_finances_par_etat"}
COUNTS = ("nb_dossiers", "nb_titulaires", "nb_dossiers_a_duree_connue", "nb_dossiers_finances_par_etat")
MEANS = ("prix_moyen", "duree_moyenne")
AMOUNTS = ("montant_engage", *PARTS.values())
MEASURES = ("nb_dossiers", "nb_titulaires", "montant_engage", *MEANS, "nb_dossiers_a_duree_connue")

Cell = Decimal | None
Row = tuple[object, ...]


class UnreadableError(Exception):
    """The file is nothing that this reading understands."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says.

    Attributes:
        dossiers: quarter, five modalities, the six of `MEASURES`, masked or not; one per valid line.
        parts: quarter, five modalities, financer, amount, dossiers; one per valid line and financer.
        received: lines of each quarter.
        rejected: numbers of the rejected lines of each quarter.
        lost: numbers of the lines without a quarter.
        contradiction: numbers of two lines of one key with different figures, or None.
        lost_figures: dossiers and amount of the rejected lines of each quarter, as far as they can be read.
        kept_figures: the same of the others.
    """

    dossiers: Mapping[str, Counter[Row]]
    parts: Mapping[str, Counter[Row]]
    received: Mapping[str, int]
    rejected: Mapping[str, set[int]]
    lost: set[int]
    contradiction: tuple[int, int] | None
    lost_figures: dict[str, list[Decimal]]
    kept_figures: dict[str, list[Decimal]]

    def refused(self) -> set[str]:
        """The quarters of which more than 1 % is rejected: of the lines, of the dossiers, or of the amount."""
        found = set()
        for of, lines in self.rejected.items():
            lost, kept = (f.get(of, [Decimal(0)] * 2) for f in (self.lost_figures, self.kept_figures))
            too_much = any(bad * 100 > bad + good for bad, good in zip(lost, kept, strict=True))
            if too_much or len(lines) * 100 > self.received[of]:
                found.add(of)
        return found


# -- texts -----------------------------------------------------------------------------------------------


@lru_cache(10_000)
def plain(text: str) -> str:
    """Lower case, no accents, blanks of any kind made one, typographic apostrophes and dashes made plain."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = "".join(c for c in text if unicodedata.category(c) not in ("Mn", "Mc", "Me", "Cf", "Cs"))
    kept = re.sub("[\u2018\u2019\u201a\u201b\u02bc\u02b9\u2032`\u00b4]", "'", kept)
    kept = "".join("-" if unicodedata.category(c) == "Pd" or c == "\u2212" else c for c in kept)
    return " ".join(
        "".join(
            " " if unicodedata.category(c)[0] == "Z" or unicodedata.category(c) == "Cc" else c for c in kept
        ).split()
    )


def same(text: str) -> str:
    """What two spellings of one thing have in common: the words without their plural."""
    text = plain(text)
    sign = "minus" if re.match(r"- ?\d", text) else ""
    found = [w[:-1] if len(w) > 2 and w[-1] in "sx" else w for w in re.findall(r"[^\W_]+", text)]
    return sign + "".join(found)


def loose(text: str) -> str:
    """What two spellings of an unknown modality have in common."""
    # What has no character yet, or only a private one, is shown as unreadable.
    shown = "".join("\ufffd" if unicodedata.category(c) in ("Cn", "Co", "Cs") else c for c in text)
    return re.sub(r"[\s'_-]+", " ", plain(shown)).strip()


_KNOWN = {name: {same(text): found for text, found in table.items()} for name, table in TABLES.items()}
_AGE_LABELS = {same(label.replace("_", " ")): label for label in AGES.values()}
_NOT_GIVEN = {same(text) for text in NOT_GIVEN if same(text)}
_FILLERS = {"a", "d", "de", "du", "des", "en", "l", "le", "la", "par"}


def column_name(text: str) -> str:
    """What two names of one column have in common; also words that say nothing do not count."""
    words = re.findall(r"[^\W_]+", plain(re.sub("(?<=[a-z])(?=[A-Z][a-z])", " ", text)))
    words = [w[:-1] if len(w) > 2 and w[-1] in "sx" else w for w in words]
    words = ["nb" if w == "nombre" else "titulaire" if w == "stagiaire" else w for w in words]
    return "".join(w for w in words if w not in _FILLERS)


_COLUMNS = {column_name(name): column for column, names in NAMES.items() for name in (column, *names)}


@lru_cache(10_000)
def modality(column: str, text: str) -> str:
    """The identifier of a known modality, or ``?`` and the text."""
    if text.strip() in NOT_GIVEN or same(text) in _NOT_GIVEN:
        return "non_renseigne"
    if column == "classe_age":
        bounds = ages(text)
        found = AGES.get(bounds, f"?{bounds[0]}-{bounds[1]}") if bounds else _AGE_LABELS.get(same(text))
    else:
        found = _KNOWN[column].get(same(text))
    return found or f"?{loose(text)}"


def ages(text: str) -> tuple[int | None, int | None] | None:
    """Youngest and oldest of an age class."""
    text = re.sub(r"\bans?\b", "", plain(text)).strip()
    text = re.sub(r"\s+", " ", text)
    if match := re.fullmatch(r"(?:de )?(\d{1,3}) ?(?:a|-|/) ?(\d{1,3})", text):
        low, high = int(match[1]), int(match[2])
        return (None, 24) if low <= 16 and high == 24 else (low, high)
    if match := re.fullmatch(r"moins de (\d{1,3})", text):
        return None, int(match[1]) - 1
    if match := re.fullmatch(r"(\d{1,3}) ?(?:et plus|et \+|\+)|>= ?(\d{1,3})", text):
        return int(match[1] or match[2]), None
    return None


# -- quarters and numbers --------------------------------------------------------------------------------

_GAP = r"[ ./_-]*"
_WORD = r"(?:trimestre|trim|t|q|quarter)\.?"
_FORMS = (
    rf"(?P<y>[0-9]{{4}}){_GAP}{_WORD}{_GAP}(?P<n>[1-4])",
    rf"{_WORD}{_GAP}(?P<n>[1-4]){_GAP}(?P<y>[0-9]{{4}})",
    rf"(?P<n>[1-4])(?:er|eme|e|nd|n|d)? ?{_WORD}{_GAP}(?:de )?(?P<y>[0-9]{{4}})",
    rf"(?P<y>[0-9]{{4}}){_GAP}(?P<n>[1-4])(?:er|eme|e|nd|n|d)? ?{_WORD}",
    r"(?P<y>[0-9]{4}) ?[ /_-] ?(?P<n>[1-4])",
    r"(?P<y>[0-9]{4})(?P<n>[1-4])",
)


@lru_cache(10_000)
def quarter(text: str, last: str) -> str | None:
    """The quarter (``2024-T1``) that a text says, from 2020 to `last`, or None."""
    text = plain(text)
    found = None
    if day := re.fullmatch(r"([0-9]{4})-(01|04|07|10)-01(?:[t ]00:00(?::00(?:\.0+)?)?(?:z|\+00:?00)?)?", text):
        found = f"{day[1]}-T{(int(day[2]) + 2) // 3}"
    elif day := re.fullmatch(r"01/(01|04|07|10)/([0-9]{4})", text):
        found = f"{day[2]}-T{(int(day[1]) + 2) // 3}"
    else:
        match = next((m for form in _FORMS if (m := re.fullmatch(form, text))), None)
        if match:
            found = f"{match['y']}-T{match['n']}"
    return found if found and "2020-T1" <= found <= last else None


_BLANKS = " \t\r\n\u00a0\u202f\u2009"
MASKS = {"nan", "null", "na", "n/a", "s", "nd", "x", "?", "-", "<5"}
"""Of the markers of a masked figure, those that generated files can hold."""
_SCIENTIFIC = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)[eE][+-]?[0-9]{1,2}")
_NUMBER = re.compile(r"([+-]?)([0-9]+|[0-9]{1,3}(?:[ \u00a0\u202f\u2009][0-9]{3})+)?(?:[.,]([0-9]+))?")


def number(text: str) -> Decimal | None:
    """The number that a text says, or None."""
    if _SCIENTIFIC.fullmatch(text.strip(_BLANKS)):
        return EXACT.create_decimal(text.strip(_BLANKS).replace(",", "."))
    match = _NUMBER.fullmatch(text.strip(_BLANKS))
    if match is None or (match[2] is None and match[3] is None):
        return None
    digits = re.sub(f"[{_BLANKS}]", "", match[2] or "0")
    return EXACT.create_decimal(f"{match[1]}{digits}.{match[3] or 0}")


_GROUPS = re.compile(r"[+-]?[1-9][0-9]{0,2}([.,][0-9]{3})+")


def has_groups(cells: Iterable[str]) -> bool:
    """Whether each separator in a column of counts stands between thousands: ``1,234,567``.

    A count has no decimals; four digits without a separator beside it say that whoever wrote it separates none.
    """
    texts = [cell.strip(" \t") for cell in cells]
    marked = [text for text in texts if "," in text or "." in text]
    if any(re.fullmatch("[+-]?[1-9][0-9]{3,}", text) for text in texts):
        return False
    return bool(marked) and all(_GROUPS.fullmatch(text) for text in marked) and not all(t[-3:] == "000" for t in marked)


def measure(column: str, text: str) -> Cell | str:
    """A measure: a number, None where it is masked, or why it is none."""
    if not text.strip(_BLANKS) or text.strip(_BLANKS).lower() in MASKS:
        return None
    found = number(text)
    if found is None:
        return "unreadable"
    if column in COUNTS:
        match = _NUMBER.fullmatch(text.strip(_BLANKS))
        if found != int(found) or abs(found) > MOST or (match and match[2] is None):
            return "unreadable"
    else:
        places = Decimal("0.01") if column in AMOUNTS else Decimal("0.0001")
        found = found.quantize(places, context=EXACT)
        if abs(found) >= Decimal(10) ** (18 + int(places.as_tuple().exponent)):
            return "unreadable"
    most = 10**8 if column in COUNTS else 10**10 if column in AMOUNTS else {"prix_moyen": 10**7}.get(column, 10**5)
    return "negative" if found < 0 else "beyond belief" if found > most else found


# -- files -----------------------------------------------------------------------------------------------


def decode(content: bytes) -> str:
    """The text of a file: by its mark, else UTF-8, else Windows-1252."""
    try:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            return content.decode("utf-16").lstrip("\ufeff")
        return content.decode("utf-8").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
            raise UnreadableError(str(error)) from error
    try:
        return content.decode("cp1252")
    except UnicodeDecodeError as error:
        raise UnreadableError(str(error)) from error


def records(text: str) -> list[list[str]]:
    """Header and lines; blank lines at the end left out, and no line of another width."""
    if "\0" in text:
        raise UnreadableError("NUL")
    widest: list[list[str]] = [[]]
    for delimiter in ";,\t|":
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        except csv.Error as error:
            raise UnreadableError(str(error)) from error
        while rows and not rows[-1]:
            rows.pop()
        if rows and len(rows[0]) > len(widest[0]):
            widest = rows
    if any(len(row) != len(widest[0]) for row in widest):
        raise UnreadableError("lines of different width")
    return widest


def is_known(text: str) -> bool:
    """Whether a name is that of a column."""
    return column_name(text) in _COLUMNS


def resembles(text: str, column: str) -> bool:
    """Whether a name is that of a column but for a damaged letter or two."""
    names = [column_name(name) for name in (column, *NAMES[column])]
    return bool(difflib.get_close_matches(column_name(text), names, cutoff=0.85))


def read(content: bytes, last: str, damaged: Mapping[str, str] = MappingProxyType({})) -> Reading:
    """Read a whole file.

    Args:
        content: its bytes.
        last: the last quarter that can be in it.
        damaged: the column that each damaged name stands for.
    """
    header, *lines = records(decode(content))
    names = [name.strip(" \ufeff\t\r\n\u00a0\u202f").strip() for name in header]
    if not lines or not all(names) or len({name.casefold() for name in names}) < len(names):
        raise UnreadableError("no line, or a name that is missing or there twice")
    place: dict[str, int] = {}
    for at, name in enumerate(names):
        column = _COLUMNS.get(column_name(name)) or damaged.get(name)
        if column in place:
            raise UnreadableError(f"two columns for {column}")
        if column:
            place[column] = at
    if missing := [c for c in REQUIRED if c not in place]:
        raise UnreadableError(f"no {', '.join(missing)}")
    if not any(part in place for part in PARTS.values()):
        raise UnreadableError("no part of any financer")
    return _sorted_out(enumerate(lines, start=2), place, last)


def _sorted_out(lines: Iterable[tuple[int, Sequence[str]]], place: Mapping[str, int], last: str) -> Reading:
    reading = Reading({}, {}, {}, {}, set(), None, {}, {})
    lines = list(lines)
    in_groups = _in_groups(lines, place, last)
    first_of: dict[Row, tuple[int, Row]] = {}
    contradiction = None
    for at, line in lines:
        found = quarter(line[place["trimestre"]], last)
        if found is None:
            reading.lost.add(at)
            continue
        received, rejected = reading.received, reading.rejected.setdefault(found, set())
        received[found] = received.get(found, 0) + 1  # type: ignore[index]
        key: Row = (found, *(modality(name, line[place[name]]) for name in DIMENSIONS))
        texts = {name: line[place[name]] for name in (*COUNTS, *MEANS, *AMOUNTS) if name in place}
        reported: Row = tuple(_said(text) for text in texts.values())
        earlier = first_of.setdefault(key, (at, reported))
        if earlier[1] != reported:
            contradiction = contradiction or (earlier[0], at)
        cells = {
            name: measure(name, re.sub("[.,]", "", text) if (found, name) in in_groups else text)
            for name, text in texts.items()
        }
        is_bad = any(isinstance(cell, str) for cell in cells.values())
        price, dossiers_of = cells.get("prix_moyen"), cells["nb_dossiers"]
        if not is_bad:
            is_bad = (price or 0) * (dossiers_of or 0) > 10**10 or bool(dossiers_of == 0 and price)
        _weigh(reading.lost_figures if is_bad else reading.kept_figures, found, cells)
        if earlier[0] != at or is_bad:
            rejected.add(at)
            continue
        masked = any(cells[name] is None for name in ("nb_dossiers", "nb_titulaires", "montant_engage"))
        dossiers = reading.dossiers.setdefault(found, Counter())  # type: ignore[attr-defined]
        dossiers[(*key, *(cells.get(name) for name in MEASURES), masked)] += 1
        parts = reading.parts.setdefault(found, Counter())  # type: ignore[attr-defined]
        for financer, part in PARTS.items():
            count = FINANCED.get(financer, "")
            if part in place or count in place:
                parts[(*key, financer, cells.get(part), cells.get(count), masked)] += 1
    return replace(reading, contradiction=contradiction)


def _in_groups(
    lines: Iterable[tuple[int, Sequence[str]]], place: Mapping[str, int], last: str
) -> set[tuple[str | None, str]]:
    """The quarters and columns of counts that are written with marks between thousands."""
    cells: dict[tuple[str | None, str], list[str]] = {}
    for _, line in lines:
        for name in COUNTS:
            if name in place:
                cells.setdefault((quarter(line[place["trimestre"]], last), name), []).append(line[place[name]])
    return {of for of, texts in cells.items() if has_groups(texts)}


def _weigh(figures: dict[str, list[Decimal]], of: str, cells: Mapping[str, Cell | str]) -> None:
    """Add a line's dossiers and amount, as far as they are figures that a line can have."""
    sums = figures.setdefault(of, [Decimal(0), Decimal(0)])
    for place, name in enumerate(("nb_dossiers", "montant_engage")):
        cell = cells[name]
        if isinstance(cell, Decimal):
            sums[place] += cell


def _said(text: str) -> object:
    """What a cell says, for telling whether two lines contradict each other: a number, nothing, or its text."""
    return number(text) if number(text) is not None else text.strip(_BLANKS)
