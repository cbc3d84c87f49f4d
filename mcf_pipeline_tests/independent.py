"""The figures of every mart, computed a second time, straight from the CSV files of the releases.

It shares nothing with the pipeline: no import, no SQL, no table of modalities. It knows the columns as the
sample writes them, reads them with `csv`, and adds up exact decimals in plain loops; what each figure is, it
takes from the French descriptions of the columns. A figure that both get wrong would have to be
misunderstood twice.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import cached_property
from operator import attrgetter
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
    "Clos - Non Réalisé annulé titulaire": ("annule_titulaire", "non_realise"),
    "Clos - Non Réalisé annulé OF": ("annule_of", "non_realise"),
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


@dataclass(frozen=True)
class State:
    """A quarter from one release until another tells something else of it (None: until now)."""

    since: str
    until: str | None
    before: Quarter | None
    quarter: Quarter | None


class Recomputed:
    """Everything that can be asked of a warehouse built from these releases, given in time order."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.releases = dict(read_release(file) for file in files)
        self.ids = list(self.releases)
        self.states = {quarter: list(self._states(quarter)) for quarter in self._quarters()}

    def _quarters(self) -> list[str]:
        return sorted({quarter for release in self.releases.values() for quarter in release})

    def _states(self, quarter: str) -> Iterator[State]:
        since: str | None = None
        before: Quarter | None = None
        current: Quarter | None = None
        for release_id, release in self.releases.items():
            told = release.get(quarter)
            same = told is current or (told and current and told.content == current.content)
            if same:
                continue
            if since is not None:
                yield State(since, release_id, before, current)
            since, before, current = release_id, current, told
        if since is not None:
            yield State(since, None, before, current)

    def current(self) -> Iterator[tuple[str, str, Quarter]]:
        """Each quarter as it stands: its id, the release since which it says this, its lines."""
        for quarter, states in self.states.items():
            if states[-1].quarter:
                yield quarter, states[-1].since, states[-1].quarter

    def at(self, release_id: str) -> Iterator[tuple[str, str, Quarter]]:
        """The same as one release told it."""
        for quarter, states in self.states.items():
            told = [s for s in states if self.ids.index(s.since) <= self.ids.index(release_id)]
            if told and told[-1].quarter:
                yield quarter, told[-1].since, told[-1].quarter

    @cached_property
    def _national(self) -> list[Row]:
        return list(self.mart_trimestre())

    # -- tables ------------------------------------------------------------------------------------------

    def dossiers(self, release_id: str | None = None) -> Iterator[Row]:
        """Every line."""
        for _, since, quarter in self.at(release_id) if release_id else self.current():
            for line in quarter.lines:
                yield {
                    **dict(zip(KEY, line.ids, strict=True)),
                    **{name: getattr(line, name) for name in MEASURES},
                    "est_masque": line.est_masque,
                    "release_id": since,
                }

    def financements(self, release_id: str | None = None) -> Iterator[Row]:
        """Every part of every line."""
        for _, since, quarter in self.at(release_id) if release_id else self.current():
            for line in quarter.lines:
                for financer, amount, count in zip(FINANCERS, line.amounts, line.counts, strict=True):
                    yield {
                        **dict(zip(KEY, line.ids, strict=True)),
                        "financeur_id": financer,
                        "montant": amount,
                        "nb_dossiers_finances": count,
                        "est_masque": line.est_masque,
                        "release_id": since,
                    }

    def mart_trimestre(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            lines = quarter.lines
            known = [line for line in lines if line.situation_id in KNOWN_SITUATIONS]
            seekers = [line for line in known if line.situation_id == "demandeur_emploi"]
            women = [line for line in lines if line.genre_id == "femme"]
            men = [line for line in lines if line.genre_id == "homme"]
            yield {
                "trimestre_id": quarter_id,
                **_summary(lines),
                "part_demandeurs_emploi": _share(seekers, known),
                "part_femmes": _share(women, women + men),
                "release_id": since,
            }

    def mart_region(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            dossiers, amount = _sum(quarter.lines, "nb_dossiers"), _sum(quarter.lines, "montant_engage")
            for (region,), lines in _groups(quarter.lines, "region_id"):
                yield {
                    "trimestre_id": quarter_id,
                    "region_id": region,
                    **_summary(lines),
                    "part_dossiers": _ratio(_sum(lines, "nb_dossiers"), dossiers),
                    "part_montant": _ratio(_sum(lines, "montant_engage"), amount),
                    "release_id": since,
                }

    def mart_profil(self) -> Iterator[Row]:
        names = ("genre_id", "classe_age_id", "situation_id")
        for quarter_id, since, quarter in self.current():
            for ids, lines in _groups(quarter.lines, *names):
                yield {
                    "trimestre_id": quarter_id,
                    **dict(zip(names, ids, strict=True)),
                    **_summary(lines),
                    "release_id": since,
                }

    def mart_financement(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            lines = quarter.lines
            everything = _total(amount for line in lines for amount in line.amounts)
            for i, financer in enumerate(FINANCERS):
                parts = [(line.amounts[i], line.counts[i]) for line in lines]
                both = [(amount, count) for amount, count in parts if amount is not None and count is not None]
                amount = _total(amount for amount, _ in parts)
                yield {
                    "trimestre_id": quarter_id,
                    "financeur_id": financer,
                    "nb_lignes": len(lines),
                    "nb_lignes_masquees": sum(line.est_masque for line in lines),
                    "montant": amount,
                    "part_montant": _ratio(amount, everything),
                    "nb_dossiers_finances": _total(count for _, count in parts),
                    "montant_moyen_par_dossier": _ratio(_total(a for a, _ in both), _total(c for _, c in both)),
                    "release_id": since,
                }

    def mart_statut(self) -> Iterator[Row]:
        closed_families = {"realise", "partiel", "non_realise", "annule"}
        for quarter_id, since, quarter in self.current():
            known = [line for line in quarter.lines if line.family]
            closed = [line for line in known if line.family in closed_families]
            done = [line for line in closed if line.family == "realise"]
            abandoned = [line for line in closed if line.family in {"partiel", "non_realise"}]
            everything = _sum(quarter.lines, "nb_dossiers")
            rates: Row = {
                "taux_realisation": _share(done, closed),
                "taux_abandon": _share(abandoned, closed),
                "maturite": _share(closed, known),
            }
            for (status,), lines in _groups(quarter.lines, "statut_id"):
                yield {
                    "trimestre_id": quarter_id,
                    "statut_id": status,
                    "nb_lignes": len(lines),
                    "nb_lignes_masquees": sum(line.est_masque for line in lines),
                    "nb_dossiers": _sum(lines, "nb_dossiers"),
                    "nb_dossiers_min": _at_least(lines),
                    "part_dossiers": _ratio(_sum(lines, "nb_dossiers"), everything),
                    **rates,
                    "release_id": since,
                }

    def mart_qualite(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            lines = quarter.lines
            by_parts = list(_differences(lines, _minus_parts))
            by_price = list(_differences(lines, _price_minus_amount))
            yield {
                "trimestre_id": quarter_id,
                "nb_lignes_recues": len(lines) + quarter.rejected,
                "nb_lignes_valides": len(lines),
                "nb_lignes_rejetees": quarter.rejected,
                "nb_dossiers_masques": sum(line.nb_dossiers is None for line in lines),
                "nb_titulaires_masques": sum(line.nb_titulaires is None for line in lines),
                "nb_montants_masques": sum(line.montant_engage is None for line in lines),
                "nb_prix_connus": sum(line.prix_moyen is not None for line in lines),
                "nb_durees_connues": sum(line.duree_moyenne is not None for line in lines),
                "ecart_parts_montant": _total(gap for _, gap in by_parts),
                "nb_lignes_ecart_parts": sum(
                    abs(gap) > max(Decimal(1), line.montant_engage / 100) for line, gap in by_parts
                ),
                "ecart_prix_montant": _total(gap for _, gap in by_price),
                "nb_lignes_ecart_prix": sum(abs(gap) > line.montant_engage / 20 for line, gap in by_price),
                "release_id": since,
            }

    def mart_revisions(self) -> Iterator[Row]:
        for quarter_id, states in self.states.items():
            for state in states:
                before = state.before.lines if state.before else []
                after = state.quarter.lines if state.quarter else []
                old, new = ({line.ids: line for line in lines} for lines in (before, after))
                changed = sum(_differs(old[ids], new[ids]) for ids in old.keys() & new.keys())
                rank = self.ids.index(state.since)
                yield {
                    "trimestre_id": quarter_id,
                    "release_id": state.since,
                    "release_precedente_id": self.ids[rank - 1] if rank else None,
                    "nature": "revision" if old and new else "ajout" if new else "disparition",
                    "lignes_ajoutees": len(new.keys() - old.keys()),
                    "lignes_supprimees": len(old.keys() - new.keys()),
                    "lignes_modifiees": changed,
                    "lignes_identiques": len(old.keys() & new.keys()) - changed,
                    "nb_lignes_masquees_avant": sum(line.est_masque for line in before),
                    "nb_lignes_masquees_apres": sum(line.est_masque for line in after),
                    **_before_and_after(before, after),
                }

    def v_trimestre_evolution(self) -> Iterator[Row]:
        quarters = {str(row["trimestre_id"]): row for row in self._national}
        for quarter_id, row in quarters.items():
            year, number = quarter_id[:4], quarter_id[-1]
            before = quarters.get(f"{int(year) - 1}-T{number}", {})
            so_far = [quarters[q] for q in quarters if q[:4] == year and q <= quarter_id]
            price, old_price = (_cents(r.get("prix_moyen")) for r in (row, before))
            yield {
                "trimestre_id": quarter_id,
                "libelle": f"{'1er' if number == '1' else f'{number}e'} trimestre {year}",
                "annee": int(year),
                "nb_dossiers": row["nb_dossiers"],
                "nb_dossiers_un_an_avant": before.get("nb_dossiers"),
                "evolution_dossiers": _change(row["nb_dossiers"], before.get("nb_dossiers")),
                "nb_dossiers_cumul_annuel": _total(r["nb_dossiers"] for r in so_far),
                "montant_engage": row["montant_engage"],
                "montant_un_an_avant": before.get("montant_engage"),
                "evolution_montant": _change(row["montant_engage"], before.get("montant_engage")),
                "montant_cumul_annuel": _total(r["montant_engage"] for r in so_far),
                "prix_moyen": row["prix_moyen"],
                "evolution_prix": _change(price, old_price),
                "nb_lignes_masquees": row["nb_lignes_masquees"],
                "nb_lignes_masquees_un_an_avant": before.get("nb_lignes_masquees"),
            }

    def v_annee(self) -> Iterator[Row]:
        years: dict[str, list[Row]] = defaultdict(list)
        for row in self._national:
            years[str(row["trimestre_id"])[:4]].append(row)
        added = ("nb_lignes", "nb_lignes_masquees", "nb_dossiers", "nb_dossiers_min", "montant_engage")
        for year, rows in years.items():
            yield {
                "annee": int(year),
                "nb_trimestres": len(rows),
                "est_complete": len(rows) == 4,
                **{name: _total(row[name] for row in rows) for name in added},
            }


def _summary(lines: list[Line]) -> Row:
    hidden = sum(line.nb_titulaires is None for line in lines)
    return {
        "nb_lignes": len(lines),
        "nb_lignes_masquees": sum(line.est_masque for line in lines),
        "nb_dossiers": _sum(lines, "nb_dossiers"),
        "nb_dossiers_min": _at_least(lines),
        "nb_titulaires_max": _sum(lines, "nb_titulaires"),
        "nb_titulaires_lignes_masquees_min": hidden,
        "nb_titulaires_lignes_masquees_max": 4 * hidden,
        "nb_titulaires_toutes_lignes_max": (_sum(lines, "nb_titulaires") or 0) + 4 * hidden,
        "montant_engage": _sum(lines, "montant_engage"),
        "prix_moyen": _mean(lines, "prix_moyen", "nb_dossiers"),
        "duree_moyenne": _mean(lines, "duree_moyenne", "nb_dossiers_a_duree_connue"),
    }


def _groups(lines: Iterable[Line], *names: str) -> Iterator[tuple[tuple[str, ...], list[Line]]]:
    found: dict[tuple[str, ...], list[Line]] = defaultdict(list)
    for line in lines:
        found[tuple([getattr(line, name) for name in names])].append(line)
    yield from found.items()


def _total(values: Iterable[Value]) -> Decimal | None:
    """The sum of what is given; None where nothing is."""
    given = [value for value in values if value is not None]
    return sum(given, Decimal(0)) if given else None


def _sum(lines: Iterable[Line], name: str) -> Decimal | None:
    return _total(map(attrgetter(name), lines))


def _at_least(lines: list[Line]) -> Decimal:
    """The dossiers of all lines, each masked one taken for a single dossier."""
    return (_sum(lines, "nb_dossiers") or Decimal(0)) + sum(line.nb_dossiers is None for line in lines)


def _ratio(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    return EXACT.divide(part, whole) if part is not None and whole else None


def _share(part: list[Line], whole: list[Line]) -> Decimal | None:
    """Dossiers of some lines over those of more; lines that give none leave a share of zero, not of nothing."""
    return _ratio(_sum(part, "nb_dossiers") or Decimal(0), _sum(whole, "nb_dossiers"))


def _mean(lines: Iterable[Line], value: str, weight: str) -> Decimal | None:
    both = map(attrgetter(value, weight), lines)
    given = [(v, w) for v, w in both if v is not None and w is not None]
    return _ratio(_total(EXACT.multiply(v, w) for v, w in given), _total(w for _, w in given))


def _change(now: Value, before: Value) -> Decimal | None:
    if not isinstance(now, Decimal) or not isinstance(before, Decimal):
        return None
    return _ratio(now - before, before)


def _cents(value: Value) -> Decimal | None:
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP) if isinstance(value, Decimal) else None


def _differences(lines: Iterable[Line], gap: Callable[[Line], Decimal | None]) -> Iterator[tuple[Line, Decimal]]:
    for line in lines:
        found = gap(line)
        if found is not None:
            yield line, found


def _minus_parts(line: Line) -> Decimal | None:
    if line.montant_engage is None or None in line.amounts:
        return None
    return line.montant_engage - sum(line.amounts, Decimal(0))


def _price_minus_amount(line: Line) -> Decimal | None:
    price, dossiers, amount = line.prix_moyen, line.nb_dossiers, line.montant_engage
    if price is None or dossiers is None or amount is None:
        return None
    return price * dossiers - amount


def _differs(old: Line, new: Line) -> bool:
    return any(getattr(old, name) != getattr(new, name) for name in MEASURES)


def _before_and_after(before: list[Line], after: list[Line]) -> Row:
    found: Row = {}
    for side, lines in (("avant", before), ("apres", after)):
        found[f"dossiers_{side}"] = _sum(lines, "nb_dossiers")
        found[f"montant_{side}"] = _sum(lines, "montant_engage")
        for name, family in (
            ("en_cours", "en_cours"),
            ("realises", "realise"),
            ("partiels", "partiel"),
            ("non_realises", "non_realise"),
            ("annules", "annule"),
        ):
            found[f"{name}_{side}"] = _sum([line for line in lines if line.family == family], "nb_dossiers")
    return found
