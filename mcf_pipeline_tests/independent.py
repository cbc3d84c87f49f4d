"""The figures of every mart, computed a second time, straight from the CSV files of the releases.

It shares nothing with the pipeline: no import, no SQL, no table of modalities. It knows the columns as the
sample writes them, reads them with `csv`, and adds up exact decimals in plain loops; what each figure is, it
takes from the French descriptions of the columns. A figure that both get wrong would have to be
misunderstood twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from mcf_pipeline_tests.independent_figures import (
    MOST_UNKNOWN,
    amount_share_of,
    at_least_of,
    at_most_of,
    before_and_after_of,
    bounded_of,
    cents_of,
    differences_of,
    differs_of,
    evolution_of,
    funded_of,
    groups_of,
    minus_parts_of,
    moves_of,
    price_minus_amount_of,
    rates_of,
    summary_of,
    total_of,
    weights_of,
)
from mcf_pipeline_tests.independent_financers import financers_of
from mcf_pipeline_tests.independent_lines import (
    AGES,
    FINANCERS,
    GENDERS,
    KEY,
    KNOWN_SITUATIONS,
    MEASURES,
    REGIONS,
    SITUATIONS,
    Quarter,
    Row,
    read_release,
)


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
            reported = release.get(quarter)
            same = reported is current or (reported and current and reported.content == current.content)
            if same:
                continue
            if since is not None:
                yield State(since, release_id, before, current)
            since, before, current = release_id, current, reported
        if since is not None:
            yield State(since, None, before, current)

    def current(self) -> Iterator[tuple[str, str, Quarter]]:
        """Each quarter as it stands: its id, the release since which it says this, its lines."""
        for quarter, states in self.states.items():
            if states[-1].quarter:
                yield quarter, states[-1].since, states[-1].quarter

    def at(self, release_id: str) -> Iterator[tuple[str, str, Quarter]]:
        """The same as one release reported it."""
        for quarter, states in self.states.items():
            reported = [s for s in states if self.ids.index(s.since) <= self.ids.index(release_id)]
            if reported and reported[-1].quarter:
                yield quarter, reported[-1].since, reported[-1].quarter

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
                **summary_of(lines, reasons),
                **bounded_of(
                    "part_demandeurs_emploi", seekers, others, strange, lines, reasons, "situations inconnues"
                ),
                **weights_of("nb_dossiers_de_situation_connue", known, strange),
                **bounded_of("part_femmes", women, men, nobodys, lines, reasons, "genres inconnus"),
                **weights_of("nb_dossiers_de_genre_connu", women + men, nobodys),
                **rates_of(lines, reasons),
                "motifs_vides": " ; ".join(reasons) or None,
                "release_id_debut_etat": since,
            }

    def mart_region(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            regions = {region: lines for (region,), lines in groups_of(quarter.lines, "region_id")}
            for region, lines in regions.items():
                others = [other for name, other in regions.items() if name != region]
                rest = [line for other in others for line in other]
                reasons: list[str] = []
                yield {
                    "trimestre_id": quarter_id,
                    "region_id": region,
                    **summary_of(lines, reasons),
                    **bounded_of("part_dossiers", lines, rest, [], lines, reasons),
                    **amount_share_of(lines, others, reasons),
                    **rates_of(lines, reasons),
                    "motifs_vides": " ; ".join(reasons) or None,
                    "release_id_debut_etat": since,
                }

    def mart_profil(self) -> Iterator[Row]:
        yield from self._by("genre_id", "classe_age_id", "situation_id")

    def mart_region_situation(self) -> Iterator[Row]:
        yield from self._by("region_id", "situation_id")

    def _by(self, *names: str) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            for ids, lines in groups_of(quarter.lines, *names):
                reasons: list[str] = []
                yield {
                    "trimestre_id": quarter_id,
                    **dict(zip(names, ids, strict=True)),
                    **summary_of(lines, reasons),
                    "motifs_vides": " ; ".join(reasons) or None,
                    "release_id_debut_etat": since,
                }

    def mart_financement(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            for row in financers_of(quarter.lines):
                yield {"trimestre_id": quarter_id, **row, "release_id_debut_etat": since}

    def mart_region_financement(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            for (region,), lines in groups_of(quarter.lines, "region_id"):
                for row in financers_of(lines):
                    yield {"trimestre_id": quarter_id, "region_id": region, **row, "release_id_debut_etat": since}

    def mart_statut(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            of_rates: list[str] = []
            rates = rates_of(quarter.lines, of_rates)
            for (status,), lines in groups_of(quarter.lines, "statut_id"):
                rest = [line for line in quarter.lines if line.statut_id != status]
                reasons: list[str] = []
                yield {
                    "trimestre_id": quarter_id,
                    "statut_id": status,
                    **summary_of(lines, reasons),
                    **bounded_of("part_dossiers", lines, rest, [], lines, reasons),
                    **rates,
                    "motifs_vides": " ; ".join([*reasons, *of_rates]) or None,
                    "release_id_debut_etat": since,
                }

    def mart_qualite(self) -> Iterator[Row]:
        for quarter_id, since, quarter in self.current():
            lines = quarter.lines
            by_parts = list(differences_of(lines, minus_parts_of))
            by_price = list(differences_of(lines, price_minus_amount_of))
            profiles = [
                sum(line.est_masque for line in of) / len(of)
                for _, of in groups_of(lines, "region_id", "genre_id", "classe_age_id", "situation_id")
            ]
            unknown = {
                name: at_most_of(lost) / at_least_of(lines)
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
                "ecart_parts_montant": total_of(gap for _, gap in by_parts),
                "nb_lignes_ecart_parts": sum(
                    abs(gap) > max(Decimal(1), line.montant_engage / 100) for line, gap in by_parts
                ),
                "ecart_prix_montant": total_of(gap for _, gap in by_price),
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
                changed = sum(differs_of(old[ids], new[ids]) or funded_of(old[ids], new[ids]) for ids in both)
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
                        funded_of(old[ids], new[ids]) and not differs_of(old[ids], new[ids]) for ids in both
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
                    **moves_of("dossiers", old, new, lambda line: [line.nb_dossiers]),
                    **moves_of("montant", old, new, lambda line: [line.montant_engage]),
                    **moves_of("parts", old, new, lambda line: list(line.amounts)),
                    "nb_lignes_masquees_avant": sum(line.est_masque for line in before),
                    "nb_lignes_masquees_apres": sum(line.est_masque for line in after),
                    **before_and_after_of(before, after),
                }

    def v_trimestre_evolution(self) -> Iterator[Row]:
        quarters = {str(row["trimestre_id"]): row for row in self._national}
        for quarter_id, row in quarters.items():
            year, number = quarter_id[:4], quarter_id[-1]
            before = quarters.get(f"{int(year) - 1}-T{number}", {})
            so_far = [quarters[q] for q in quarters if q[:4] == year and q <= quarter_id]
            if len(so_far) < int(number):
                so_far = []
            yield {
                "trimestre_id": quarter_id,
                "libelle": f"{'1er' if number == '1' else f'{number}e'} trimestre {year}",
                "annee": int(year),
                "nb_dossiers": row["nb_dossiers"],
                "nb_dossiers_min": row["nb_dossiers_min"],
                "nb_dossiers_max": row["nb_dossiers_max"],
                "nb_dossiers_un_an_avant": before.get("nb_dossiers"),
                **evolution_of("dossiers", row, before, ("nb_dossiers", "nb_dossiers_min", "nb_dossiers_max")),
                "nb_dossiers_cumul_annuel": total_of(r["nb_dossiers"] for r in so_far),
                "nb_dossiers_cumul_annuel_min": total_of(r["nb_dossiers_min"] for r in so_far),
                "nb_dossiers_cumul_annuel_max": total_of(r["nb_dossiers_max"] for r in so_far),
                "montant_engage": row["montant_engage"],
                "montant_un_an_avant": before.get("montant_engage"),
                **evolution_of("montant", row, before, ("montant_engage", "montant_engage_min", "montant_engage_max")),
                "montant_cumul_annuel": total_of(r["montant_engage"] for r in so_far),
                "prix_moyen": row["prix_moyen"],
                **evolution_of(
                    "prix",
                    {**row, "prix_moyen": cents_of(row["prix_moyen"])},
                    {**before, "prix_moyen": cents_of(before.get("prix_moyen"))},
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
                **{name: total_of(row[name] for row in rows) for name in added},
            }
