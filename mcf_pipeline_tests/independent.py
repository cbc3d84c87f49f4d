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
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, InvalidOperation
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
            strange = [line for line in lines if line.situation_id not in SITUATIONS.values()]
            seekers = [line for line in known if line.situation_id == "demandeur_emploi"]
            others = [line for line in known if line.situation_id != "demandeur_emploi"]
            women = [line for line in lines if line.genre_id == "femme"]
            men = [line for line in lines if line.genre_id == "homme"]
            nobodys = [line for line in lines if line.genre_id not in GENDERS.values()]
            reasons: list[str] = []
            yield {
                "trimestre_id": quarter_id,
                **_summary(lines, reasons),
                **_bounded("part_demandeurs_emploi", seekers, others, strange, lines, reasons, "situations inconnues"),
                **_weights("nb_dossiers_de_situation_connue", known, strange),
                **_bounded("part_femmes", women, men, nobodys, lines, reasons, "genres inconnus"),
                **_weights("nb_dossiers_de_genre_connu", women + men, nobodys),
                **_rates(lines, reasons),
                "motifs_vides": " ; ".join(reasons) or None,
                "release_id_debut_etat": since,
            }

    def mart_region(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            for (region,), lines in _groups(quarter.lines, "region_id"):
                rest = [line for line in quarter.lines if line.region_id != region]
                reasons: list[str] = []
                yield {
                    "trimestre_id": quarter_id,
                    "region_id": region,
                    **_summary(lines, reasons),
                    **_bounded("part_dossiers", lines, rest, [], lines, reasons),
                    **_amount_share(lines, rest, reasons),
                    **_rates(lines, reasons),
                    "motifs_vides": " ; ".join(reasons) or None,
                    "release_id_debut_etat": since,
                }

    def mart_profil(self) -> Iterator[Row]:
        yield from self._by("genre_id", "classe_age_id", "situation_id")

    def mart_region_situation(self) -> Iterator[Row]:
        yield from self._by("region_id", "situation_id")

    def _by(self, *names: str) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            for ids, lines in _groups(quarter.lines, *names):
                reasons: list[str] = []
                yield {
                    "trimestre_id": quarter_id,
                    **dict(zip(names, ids, strict=True)),
                    **_summary(lines, reasons),
                    "motifs_vides": " ; ".join(reasons) or None,
                    "release_id_debut_etat": since,
                }

    def mart_financement(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            for row in _financers(quarter.lines):
                yield {"trimestre_id": quarter_id, **row, "release_id_debut_etat": since}

    def mart_region_financement(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            for (region,), lines in _groups(quarter.lines, "region_id"):
                for row in _financers(lines):
                    yield {"trimestre_id": quarter_id, "region_id": region, **row, "release_id_debut_etat": since}

    def mart_statut(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            for (status,), lines in _groups(quarter.lines, "statut_id"):
                rest = [line for line in quarter.lines if line.statut_id != status]
                reasons: list[str] = []
                yield {
                    "trimestre_id": quarter_id,
                    "statut_id": status,
                    **_summary(lines, reasons),
                    **_bounded("part_dossiers", lines, rest, [], lines, reasons),
                    **_rates(quarter.lines, reasons),
                    "motifs_vides": " ; ".join(reasons) or None,
                    "release_id_debut_etat": since,
                }

    def mart_qualite(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            lines = quarter.lines
            by_parts = list(_differences(lines, _minus_parts))
            by_price = list(_differences(lines, _price_minus_amount))
            profiles = [
                sum(line.est_masque for line in of) / len(of)
                for _, of in _groups(lines, "region_id", "genre_id", "classe_age_id", "situation_id")
            ]
            unknown = {
                name: _at_most(lost) / _at_least(lines)
                for name, lost in (
                    ("part_regions_inconnues", [line for line in lines if line.region_id not in REGIONS.values()]),
                    ("part_genres_inconnus", [line for line in lines if line.genre_id not in GENDERS.values()]),
                    ("part_classes_age_inconnues", [x for x in lines if x.classe_age_id not in AGES.values()]),
                    ("part_situations_inconnues", [x for x in lines if x.situation_id not in SITUATIONS.values()]),
                    ("part_statuts_inconnus", [line for line in lines if line.family is None]),
                )
            }
            reasons = [
                f"{figures} : trop de {what}"
                for column, figures, what in (
                    ("part_statuts_inconnus", "maturite, taux_realisation, taux_abandon", "statuts inconnus"),
                    ("part_situations_inconnues", "part_demandeurs_emploi", "situations inconnues"),
                    ("part_genres_inconnus", "part_femmes", "genres inconnus"),
                )
                if unknown[column] > MOST_UNKNOWN
            ]
            yield {
                "trimestre_id": quarter_id,
                "nb_lignes_recues": len(lines) + quarter.rejected,
                "nb_lignes_valides": len(lines),
                "nb_lignes_rejetees": quarter.rejected,
                "nb_lignes_masquees": sum(line.est_masque for line in lines),
                "nb_lignes_dossiers_masques": sum(line.nb_dossiers is None for line in lines),
                "nb_lignes_titulaires_masques": sum(line.nb_titulaires is None for line in lines),
                "nb_lignes_montants_masques": sum(line.montant_engage is None for line in lines),
                "plus_petit_nb_titulaires": min((x.nb_titulaires for x in lines if x.nb_titulaires), default=None),
                "nb_profils_masques": sum(share == 1 for share in profiles),
                "nb_profils_masques_en_partie": sum(0 < share < 1 for share in profiles),
                "nb_prix_connus": sum(line.prix_moyen is not None for line in lines),
                "nb_durees_connues": sum(line.duree_moyenne is not None for line in lines),
                "ecart_parts_montant": _total(gap for _, gap in by_parts),
                "nb_lignes_ecart_parts": sum(
                    abs(gap) > max(Decimal(1), line.montant_engage / 100) for line, gap in by_parts
                ),
                "ecart_prix_montant": _total(gap for _, gap in by_price),
                "nb_lignes_ecart_prix": sum(abs(gap) > line.montant_engage / 20 for line, gap in by_price),
                **{name: min(share, Decimal(1)) for name, share in unknown.items()},
                "motifs_vides": " ; ".join(reasons) or None,
                "release_id_debut_etat": since,
            }

    def mart_revisions(self) -> Iterator[Row]:
        for quarter_id, states in self.states.items():
            for state in states:
                before = state.before.lines if state.before else []
                after = state.quarter.lines if state.quarter else []
                old, new = ({line.ids: line for line in lines} for lines in (before, after))
                both = old.keys() & new.keys()
                changed = sum(_differs(old[ids], new[ids]) or _funded(old[ids], new[ids]) for ids in both)
                rank = self.ids.index(state.since)
                yield {
                    "trimestre_id": quarter_id,
                    "release_id": state.since,
                    "release_precedente_id": self.ids[rank - 1] if rank else None,
                    "nature": "revision" if old and new else "ajout" if new else "disparition",
                    "lignes_ajoutees": len(new.keys() - old.keys()),
                    "lignes_supprimees": len(old.keys() - new.keys()),
                    "lignes_modifiees": changed,
                    "lignes_modifiees_financeurs": sum(
                        _funded(old[ids], new[ids]) and not _differs(old[ids], new[ids]) for ids in both
                    ),
                    "lignes_identiques": len(both) - changed,
                    "lignes_demasquees": sum(
                        line.nb_dossiers is None and ids in new and new[ids].nb_dossiers is not None
                        for ids, line in old.items()
                    ),
                    "lignes_nouvellement_masquees": sum(
                        line.nb_dossiers is None and ids in old and old[ids].nb_dossiers is not None
                        for ids, line in new.items()
                    ),
                    **_moves("dossiers", old, new, lambda line: [line.nb_dossiers]),
                    **_moves("montant", old, new, lambda line: [line.montant_engage]),
                    **_moves("parts", old, new, lambda line: list(line.amounts)),
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
            yield {
                "trimestre_id": quarter_id,
                "libelle": f"{'1er' if number == '1' else f'{number}e'} trimestre {year}",
                "annee": int(year),
                "nb_dossiers": row["nb_dossiers"],
                "nb_dossiers_min": row["nb_dossiers_min"],
                "nb_dossiers_max": row["nb_dossiers_max"],
                "nb_dossiers_un_an_avant": before.get("nb_dossiers"),
                **_evolution("dossiers", row, before, ("nb_dossiers", "nb_dossiers_min", "nb_dossiers_max")),
                "nb_dossiers_cumul_annuel": _total(r["nb_dossiers"] for r in so_far),
                "nb_dossiers_cumul_annuel_min": _total(r["nb_dossiers_min"] for r in so_far),
                "nb_dossiers_cumul_annuel_max": _total(r["nb_dossiers_max"] for r in so_far),
                "montant_engage": row["montant_engage"],
                "montant_un_an_avant": before.get("montant_engage"),
                **_evolution("montant", row, before, ("montant_engage", "montant_engage_min", "montant_engage_max")),
                "montant_cumul_annuel": _total(r["montant_engage"] for r in so_far),
                "prix_moyen": row["prix_moyen"],
                **_evolution(
                    "prix",
                    {**row, "prix_moyen": _cents(row["prix_moyen"])},
                    {**before, "prix_moyen": _cents(before.get("prix_moyen"))},
                    ("prix_moyen", "prix_moyen_bas", "prix_moyen_haut"),
                ),
                "nb_lignes_masquees": row["nb_lignes_masquees"],
                "nb_lignes_masquees_un_an_avant": before.get("nb_lignes_masquees"),
            }

    def v_annee(self) -> Iterator[Row]:
        """What adds up; the means' bounds and the index are held by tests of their own."""
        years: dict[str, list[Row]] = defaultdict(list)
        for row in self._national:
            years[str(row["trimestre_id"])[:4]].append(row)
        added = (
            "nb_lignes",
            "nb_lignes_masquees",
            "nb_dossiers",
            "nb_dossiers_min",
            "nb_dossiers_max",
            "montant_engage",
            "montant_engage_min",
            "nb_dossiers_a_prix_connu",
            "nb_dossiers_a_duree_connue",
        )
        for year, rows in years.items():
            yield {
                "annee": int(year),
                "nb_trimestres": len(rows),
                "est_complete": len(rows) == 4,
                **{name: _total(row[name] for row in rows) for name in added},
            }


def _evolution(name: str, now: Row, before: Row, columns: tuple[str, str, str]) -> Row:
    """A change on a year, its bounds, and the change itself only where they hold it closely."""
    value, least, most = columns
    low, high = _change(now[least], before.get(most)), _change(now[most], before.get(least))
    change = _change(now[value], before.get(value))
    if change is None or low is None or high is None or not low <= change <= high or high - low > NARROW * (1 + high):
        change = None
    return {f"evolution_{name}": change, f"evolution_{name}_bas": low, f"evolution_{name}_haut": high}


MOST = 5
"""Dossiers of a masked line, at most."""
NARROW = Decimal("0.05")
MATURE = Decimal("0.9")
MOST_UNKNOWN = Decimal("0.01")
CENT = Decimal("0.01")


def _summary(lines: list[Line], reasons: list[str]) -> Row:
    hidden = sum(line.nb_titulaires is None for line in lines)
    amounts = [_amounts(line) for line in lines]
    prices = [(_price(x), x.nb_dossiers, _least(x), _most(x)) for x in lines if _price(x) is not None]
    hours = [(x.duree_moyenne, x.nb_dossiers_a_duree_connue, *_known(x)) for x in lines if x.duree_moyenne is not None]
    return {
        "nb_lignes": len(lines),
        "nb_lignes_masquees": sum(line.est_masque for line in lines),
        "nb_dossiers": _sum(lines, "nb_dossiers"),
        "nb_dossiers_min": _at_least(lines),
        "nb_dossiers_max": _at_most(lines),
        "nb_titulaires_max": _sum(lines, "nb_titulaires"),
        "nb_titulaires_lignes_masquees_min": hidden,
        "nb_titulaires_lignes_masquees_max": 4 * hidden,
        "nb_titulaires_toutes_lignes_max": (_sum(lines, "nb_titulaires") or 0) + 4 * hidden,
        "montant_engage": _sum(lines, "montant_engage"),
        "montant_engage_min": _down(sum((low for low, _ in amounts), Decimal(0))),
        "montant_engage_max": None
        if any(high is None for _, high in amounts)
        else _up(sum((high for _, high in amounts), Decimal(0))),
        **_bounded_mean("prix_moyen", prices, reasons),
        "nb_dossiers_a_prix_connu": _total(weight for _, weight, _, _ in prices),
        "nb_dossiers_a_prix_connu_min": sum(low for _, _, low, _ in prices),
        "nb_dossiers_a_prix_connu_max": sum(high for _, _, _, high in prices),
        "montant_a_prix_connu": _total(price * weight for price, weight, _, _ in prices if weight is not None),
        **_bounded_mean("duree_moyenne", hours, reasons),
        "nb_dossiers_a_duree_connue": _total(weight for _, weight, _, _ in hours),
        "nb_dossiers_a_duree_connue_min": sum(low for _, _, low, _ in hours),
        "nb_dossiers_a_duree_connue_max": sum(high for _, _, _, high in hours),
        "heures_a_duree_connue": _total(length * weight for length, weight, _, _ in hours if weight is not None),
    }


def _least(line: Line) -> Decimal:
    return Decimal(1) if line.nb_dossiers is None else line.nb_dossiers


def _most(line: Line) -> Decimal:
    return Decimal(MOST) if line.nb_dossiers is None else line.nb_dossiers


def _known(line: Line) -> tuple[Decimal, Decimal]:
    """The fewest and the most dossiers of known duration that a line with a mean duration can have."""
    if line.nb_dossiers_a_duree_connue is not None:
        return line.nb_dossiers_a_duree_connue, line.nb_dossiers_a_duree_connue
    return min(Decimal(1), _least(line)), _most(line)


def _price(line: Line) -> Decimal | None:
    if line.prix_moyen is not None:
        return line.prix_moyen
    price = _ratio(line.montant_engage, line.nb_dossiers)
    return None if price is None else price.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def _amounts(line: Line) -> tuple[Decimal, Decimal | None]:
    if line.montant_engage is not None:
        return line.montant_engage, line.montant_engage
    price = _price(line)
    if price is None:
        return Decimal(0), None
    half = CENT / 2
    return max(price - half, Decimal(0)) * _least(line), (price + half) * _most(line)


def _down(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_FLOOR)


def _up(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_CEILING)


def _bounded_mean(name: str, lines: list[tuple[Decimal, Decimal | None, Decimal, Decimal]], reasons: list[str]) -> Row:
    """A weighted mean and the least and most it can be; of each line: value, weight, fewest and most of it."""
    given = [(value, weight) for value, weight, _, _ in lines if weight is not None]
    mean = _ratio(_total(v * w for v, w in given), _total(w for _, w in given))
    found = []
    for rising in (True, False):
        ordered = sorted(lines, key=lambda line: line[0], reverse=not rising)
        total = sum((value * low for value, _, low, _ in ordered), Decimal(0))
        weight = sum((low for _, _, low, _ in ordered), Decimal(0))
        means = [_ratio(total, weight)]
        for value, _, low, high in ordered:
            total, weight = total + value * (high - low), weight + high - low
            means.append(_ratio(total, weight))
        means = [m for m in means if m is not None]
        found.append((min if rising else max)(means) if means else None)
    low, high = found
    # What is beyond the fourth decimal of a cent is the rounding of a division.
    tiny = Decimal("0.000001")
    low = None if low is None else _down(low.quantize(tiny))
    high = None if high is None else _up(high.quantize(tiny))
    return _quoted(name, mean, low, high, reasons)


def _quoted(name: str, value: Decimal | None, low: Decimal | None, high: Decimal | None, reasons: list[str]) -> Row:
    """A figure beside its bounds; left out, with the reason, where it cannot be quoted."""
    reason = None
    if value is None:
        reason = "rien qui ne soit masqué"
    elif low is None or high is None:
        reason = "sans bornes"
    elif not low <= value <= high:
        reason = "hors de ses bornes"
    elif high - low > NARROW * high:
        reason = "bornes trop larges"
    if reason:
        reasons.append(f"{name} : {reason}")
    return {name: None if reason else value, f"{name}_bas": low, f"{name}_haut": high}


def _bounded(
    name: str,
    part: list[Line],
    rest: list[Line],
    strange: list[Line],
    everything: list[Line],
    reasons: list[str],
    what: str = "",
) -> Row:
    """A share of dossiers; lines that may be either are in both extremes."""
    either = _at_most(strange)
    low = _ratio(_at_least(part), _at_least(part) + _at_most(rest) + either)
    high = _ratio(_at_most(part) + either, _at_most(part) + either + _at_least(rest))
    value = _ratio(_sum(part, "nb_dossiers"), (_sum(part + rest, "nb_dossiers")))
    if what and value is None and _sum(part + rest, "nb_dossiers"):
        value = Decimal(0)
    if either > MOST_UNKNOWN * _at_least(everything):
        reasons.append(f"{name} : trop de {what}")
        return {name: None, f"{name}_bas": low, f"{name}_haut": high}
    return _quoted(name, value, low, high, reasons)


def _weights(name: str, lines: list[Line], strange: list[Line]) -> Row:
    return {
        name: _sum(lines, "nb_dossiers") or 0,
        f"{name}_min": _at_least(lines),
        f"{name}_max": _at_most(lines) + _at_most(strange),
    }


def _amount_share(lines: list[Line], rest: list[Line], reasons: list[str]) -> Row:
    ours, theirs = (_summary(some, []) for some in (lines, rest))
    low_of, high_of = "montant_engage_min", "montant_engage_max"
    low = high = None
    if ours[high_of] is not None and theirs[high_of] is not None:
        low = _ratio(ours[low_of], ours[low_of] + theirs[high_of])
    if ours[high_of] is not None:
        high = _ratio(ours[high_of], ours[high_of] + theirs[low_of])
    value = _ratio(_sum(lines, "montant_engage"), _sum(lines + rest, "montant_engage"))
    return _quoted("part_montant", value, low, high, reasons)


def _rates(lines: list[Line], reasons: list[str]) -> Row:
    closed = [line for line in lines if line.family in {"realise", "partiel", "annule", "rejete"}]
    opened = [line for line in lines if line.family == "en_cours"]
    strange = [line for line in lines if line.family is None]
    abandoned = {"realisation_partielle", "annule_titulaire", "annule_of"}
    groups = {
        "taux_realisation": [line for line in closed if line.family == "realise"],
        "taux_abandon": [line for line in closed if line.statut_id in abandoned],
    }
    of_maturity: list[str] = []
    found = _bounded("maturite", closed, opened, strange, lines, of_maturity, "statuts inconnus")
    least = found["maturite_bas"]
    is_mature = least is not None and least >= MATURE
    of_rates: list[str] = []
    for name, part in groups.items():
        if is_mature:
            rest = [line for line in closed if line not in part]
            found |= _bounded(name, part, rest, strange, lines, of_rates, "statuts inconnus")
        else:
            found |= {name: None, f"{name}_bas": None, f"{name}_haut": None}
    if _at_most(strange) > MOST_UNKNOWN * _at_least(lines):
        reasons.append("maturite, taux_realisation, taux_abandon : trop de statuts inconnus")
    else:
        immature = [] if is_mature else ["taux_realisation, taux_abandon : trimestre immature"]
        reasons += [*of_maturity, *immature, *of_rates]
    return found


def _financers(lines: list[Line]) -> Iterator[Row]:
    """What each financer pays; a line hides its whole amount, or of one that is given the part that is empty."""
    masked = [line for line in lines if line.est_masque]
    amounts = [_hidden(line) for line in masked]
    everything = _total(amount for line in lines for amount in line.amounts)
    rows = []
    for i, financer in enumerate(FINANCERS):
        parts = [(line, line.amounts[i], line.counts[i]) for line in lines]
        amount, count = _total(a for _, a, _ in parts), _total(c for _, _, c in parts)
        has_amounts = amount is not None or all(line.est_masque for line in lines)
        has_counts = count is not None or all(line.est_masque for line in lines)
        most = None
        if has_amounts:
            whole = _total(amounts) if None not in amounts else None
            no_part = [line for line, a, _ in parts if line.est_masque and a is None]
            hidden = whole if no_part else Decimal(0)
            alone = sum((x.montant_engage for x, a, _ in parts if not x.est_masque and a is None), Decimal(0))
            most = None if hidden is None else hidden + alone
        fewest = None
        if has_counts:
            no_count = [line for line, _, c in parts if line.est_masque and c is None]
            fewest = sum(map(_most, masked), Decimal(0)) if no_count else Decimal(0)
            fewest += sum((x.nb_dossiers for x, _, c in parts if not x.est_masque and c is None), Decimal(0))
        rows.append((financer, parts, amount, count, most, fewest))
    bounded = all(most is not None or amount is None for _, _, amount, _, most, _ in rows)
    most_hidden = max((most for *_, most, _ in rows if most is not None), default=None)
    for financer, parts, amount, count, most, extra in rows:
        reasons: list[str] = []
        low = high = None
        if bounded and most is not None and everything is not None:
            low = _ratio(amount or Decimal(0), everything + most_hidden)
            high = _ratio((amount or Decimal(0)) + most, everything + most)
        share = _ratio(amount, everything)
        both = [(a, c) for _, a, c in parts if a is not None and c is not None]
        paid, helped = _total(a for a, _ in both), _total(c for _, c in both)
        quoted = (
            _quoted("part_montant", share, low, high, reasons)
            if most is not None
            else {
                "part_montant": None,
                "part_montant_bas": None,
                "part_montant_haut": None,
            }
        )
        mean_low, mean_high = _mean_of_a_financer(parts, paid, helped, most, extra, amounts)
        means = _quoted("montant_moyen_par_dossier", _ratio(paid, helped), mean_low, mean_high, of_mean := [])
        if most is not None and extra is not None:
            reasons += of_mean
        yield {
            "financeur_id": financer,
            "nb_lignes": len(parts),
            "nb_lignes_masquees": sum(line.est_masque for line, _, _ in parts),
            "montant": amount,
            "montant_min": None if most is None else amount or Decimal(0),
            "montant_max": None if most is None else _up((amount or Decimal(0)) + most),
            **quoted,
            "nb_dossiers_finances": count,
            "nb_dossiers_finances_min": None if extra is None else count or Decimal(0),
            "nb_dossiers_finances_max": None if extra is None else (count or Decimal(0)) + extra,
            **means,
            "montant_a_dossiers_connus": paid,
            "nb_dossiers_finances_a_montant_connu": helped,
            "motifs_vides": " ; ".join(reasons) or None,
        }


def _hidden(line: Line) -> Decimal | None:
    if line.montant_engage is not None:
        return line.montant_engage
    return None if line.prix_moyen is None else (line.prix_moyen + CENT / 2) * _most(line)


def _mean_of_a_financer(
    parts: list[tuple[Line, Decimal | None, Decimal | None]],
    paid: Decimal | None,
    helped: Decimal | None,
    most: Decimal | None,
    extra: Decimal | None,
    amounts: list[Decimal | None],
) -> tuple[Decimal | None, Decimal | None]:
    if paid is None or helped is None or extra is None:
        return None, None
    low = _ratio(paid, helped + extra)
    if most is None:
        return None if low is None else _down(low), None
    hiding = sum(line.est_masque and amount is None for line, amount, _ in parts)
    odd = any(not line.est_masque and (amount is None or count is None) for line, amount, count in parts)
    smallest = min((amount for amount in amounts if amount is not None), default=None)
    high = _ratio(paid + most, helped)
    if most == 0 and extra == 0:
        high = _ratio(paid, helped)
    elif not odd and smallest is not None:
        spread = _ratio(paid + most, helped + hiding)
        if spread is not None and smallest >= spread:
            high = spread
    return None if low is None else _down(low), None if high is None else _up(high)


def _funded(old: Line, new: Line) -> bool:
    return (old.amounts, old.counts) != (new.amounts, new.counts)


def _moves(
    name: str,
    old: dict[tuple[str, ...], Line],
    new: dict[tuple[str, ...], Line],
    cells: Callable[[Line], list[Decimal | None]],
) -> Row:
    """What a release changed, by what became of each cell."""
    found = dict.fromkeys(("visibles", "demasques", "masques", "apparus", "disparus"), Decimal(0))
    for ids in old.keys() | new.keys():
        before = cells(old[ids]) if ids in old else []
        after = cells(new[ids]) if ids in new else []
        for place in range(max(len(before), len(after))):
            was = before[place] if before else None
            now = after[place] if after else None
            if not before:
                found["apparus"] += now or 0
            elif not after:
                found["disparus"] -= was or 0
            elif was is not None and now is not None:
                found["visibles"] += now - was
            elif now is not None:
                found["demasques"] += now
            elif was is not None:
                found["masques"] -= was
    return {f"{name}_ecart": sum(found.values()), **{f"{name}_ecart_{part}": moved for part, moved in found.items()}}


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


def _at_most(lines: list[Line]) -> Decimal:
    """The dossiers of all lines, each masked one taken for as many as it can stand for."""
    return (_sum(lines, "nb_dossiers") or Decimal(0)) + MOST * sum(line.nb_dossiers is None for line in lines)


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
            ("annules", "annule"),
            ("rejetes", "rejete"),
        ):
            found[f"{name}_{side}"] = _sum([line for line in lines if line.family == family], "nb_dossiers")
    return found
