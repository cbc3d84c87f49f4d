"""Views that say the same thing give the same figures, and those of a finer level add up to those above."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_CEILING, Decimal
from itertools import combinations

import pytest
from hypothesis import given

from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.marts import MartFinancement
from mcf_pipeline.schemas.periods import (
    VAnnee,
    VAnneePerimetre,
    VAnneeRegion,
    VAnneeRegionSituation,
    VAnneeRegionTaux,
    VAnneeSituation,
    VAnneeTaux,
)
from mcf_pipeline.schemas.views import VRegionSituationEvolution, VSituationEvolution, VTrimestreEvolution
from mcf_pipeline_tests.warehouse.masking import (
    FINANCERS,
    QUICK,
    derive,
    empty_publication,
    publisher,
    sources,
    true_line,
    truths,
)

SUMS = ("nb_lignes", "nb_lignes_masquees", "nb_dossiers_min", "nb_dossiers_max")


@pytest.fixture(scope="module")
def con():
    return empty_publication()


@QUICK
@given(lines=sources())
def test_all_dossiers_of_a_year_are_the_same_in_both_views(con, lines):
    found = derive(con, lines, models=(VAnnee, VAnneePerimetre))
    shared = set(describe(VAnnee).column_names) & set(describe(VAnneePerimetre).column_names)
    assert "prix_moyen_bas" in shared
    for (year,), row in found["v_annee"].items():
        other = found["v_annee_perimetre"][year, "tous"]
        assert {name: row[name] for name in shared} == {name: other[name] for name in shared}


@QUICK
@given(truth=truths())
def test_a_finer_level_adds_up_to_the_one_above(con, truth):
    found = derive(con, publisher(truth), models=(VAnneeRegion, VAnneeSituation, VAnneeRegionSituation))
    for name, place in (("v_annee_region", 1), ("v_annee_situation", 2)):
        sums: dict = defaultdict(lambda: dict.fromkeys(SUMS, 0))
        for key, row in found["v_annee_region_situation"].items():
            for column in SUMS:
                sums[key[0], key[place]][column] += row[column]
        assert {key: {c: row[c] for c in SUMS} for key, row in found[name].items()} == dict(sums)


def line_of(quarter, region, situation, people):
    return true_line(
        (quarter, region, "femme", "25_a_39_ans", situation, "realisation_totale"), people, 0, 100_000, 1000, 5, 0
    )


def test_nothing_is_cumulated_over_a_quarter_that_is_missing():
    """The year so far is not the sum of the quarters that happen to be there."""
    quarters = ("2023-T1", "2023-T2", "2023-T4", "2024-T1")
    lines = [line_of(quarter, "53", "demandeur_emploi", 10) for quarter in quarters]
    con = empty_publication(quarters)
    found = derive(con, publisher(lines), models=(VTrimestreEvolution,))["v_trimestre_evolution"]
    so_far = ("nb_dossiers_cumul_annuel", "nb_dossiers_cumul_annuel_min", "nb_dossiers_cumul_annuel_max")
    assert {key[0]: [row[name] for name in so_far] for key, row in found.items()} == {
        "2023-T1": [10, 10, 10],
        "2023-T2": [20, 20, 20],
        "2023-T4": [None, None, None],
        "2024-T1": [10, 10, 10],
    }
    assert [row["montant_cumul_annuel"] is None for row in found.values()] == [False, False, True, False]


def test_the_job_seekers_of_a_region_beside_a_year_before(con):
    """11 dossiers after 10, and a masked line of 1 to 5 beside them after 20 alone."""
    lines = [
        line_of("2023-T1", "53", "demandeur_emploi", 10),
        line_of("2024-T1", "53", "demandeur_emploi", 11),
        line_of("2023-T1", "11", "demandeur_emploi", 20),
        line_of("2024-T1", "11", "demandeur_emploi", 3),
        line_of("2024-T1", "11", "employes", 8),
    ]
    found = derive(con, publisher(lines), models=(VSituationEvolution, VRegionSituationEvolution))
    one = found["v_region_situation_evolution"]["2024-T1", "53", "demandeur_emploi"]
    assert one["evolution_dossiers"] == pytest.approx(0.1)
    assert (one["region"], one["situation"]) == ("Bretagne", "Demandeur d'emploi")
    masked = found["v_region_situation_evolution"]["2024-T1", "11", "demandeur_emploi"]
    assert masked["evolution_dossiers"] is None
    assert (masked["evolution_dossiers_bas"], masked["evolution_dossiers_haut"]) == pytest.approx((-0.95, -0.75))
    everywhere = found["v_situation_evolution"]["2024-T1", "demandeur_emploi"]
    assert (everywhere["evolution_dossiers_bas"], everywhere["evolution_dossiers_haut"]) == pytest.approx(
        (12 / 30 - 1, 16 / 30 - 1)
    )
    assert found["v_situation_evolution"]["2024-T1", "employes"]["evolution_dossiers_bas"] is None


def test_a_years_rates_are_those_of_its_dossiers(con):
    common = ("53", "femme", "25_a_39_ans", "employes")
    lines = [
        true_line((quarter, *common, status), people, 0, 100_000, 1000, 5, 0)
        for quarter, status, people in (
            ("2024-T1", "realisation_totale", 90),
            ("2024-T1", "realisation_partielle", 10),
            ("2024-T2", "realisation_totale", 20),
            ("2024-T2", "realisation_partielle", 30),
            ("2023-T1", "valide", 9),
        )
    ]
    found = derive(con, lines, models=(VAnneeTaux, VAnneeRegionTaux))
    for row in (found["v_annee_taux"][2024,], found["v_annee_region_taux"][2024, "53"]):
        assert (row["taux_realisation"], row["taux_abandon"]) == pytest.approx((110 / 150, 40 / 150))
        assert (row["maturite"], row["nb_trimestres"], row["est_complete"]) == (1, 2, False)
        assert row["motifs_vides"] is None
    young = found["v_annee_taux"][2023,]
    assert (young["taux_realisation_bas"], young["taux_realisation_haut"]) == (None, None)
    assert "année immature" in young["motifs_vides"]


@QUICK
@given(lines=sources())
def test_the_highest_mean_of_a_financer_is_the_one_of_some_choice_of_lines(con, lines):
    """Every choice of the lines that may count is tried; each one that does brings one dossier and all it can hold."""
    found = derive(con, lines, models=(MartFinancement,))["mart_financement"]
    for (quarter, financer), row in found.items():
        members = [line.cells for line in lines if line.key[0] == quarter]
        if financer not in FINANCERS or row["montant_moyen_par_dossier_bas"] is None:
            continue
        paid, dossiers, options, is_bounded = Decimal(0), 0, [], True
        for cells in members:
            part, count = cells["montant", financer], cells["nb_dossiers_finances", financer]
            most = cells["montant_engage"]
            is_masked = None in (most, cells["nb_dossiers"], cells["nb_titulaires"])
            if part is None and not is_masked:
                # A given line's blank part is what the others leave, or all of it where they leave much.
                given = sum((cells["montant", name] or Decimal(0) for name in FINANCERS), Decimal(0))
                most = max(most - given, Decimal(0)) if 100 * given >= 99 * most else most
            if most is None and cells["prix_moyen"] is not None:
                most = (cells["prix_moyen"] + Decimal("0.005")) * (
                    5 if cells["nb_dossiers"] is None else cells["nb_dossiers"]
                )
            if part is None and count is None:
                options.append(most)
            elif part is None:
                paid, dossiers = paid + (most or 0) * (count > 0), dossiers + count
                is_bounded = is_bounded and (most is not None or count == 0)
            else:
                paid, dossiers = paid + part, dossiers + ((part > 0) if count is None else count)
        if None in options or not is_bounded or row["montant_moyen_par_dossier_haut"] is None:
            continue
        reached = [
            (paid + sum(chosen)) / (dossiers + len(chosen))
            for size in range(len(options) + 1)
            for chosen in combinations(options, size)
            if dossiers + size
        ]
        highest = max(reached).quantize(Decimal("0.01"), ROUND_CEILING)
        assert abs(row["montant_moyen_par_dossier_haut"] - highest) <= Decimal("0.01")


def test_what_masked_lines_hide_never_makes_a_mean_beyond_their_own(con):
    """1 dossier of 10 euros and 40 masked lines of 100 euros: at most 500 euros a dossier, not 20,010."""
    key = ("2024-T1", "53", "femme", "25_a_39_ans", "employes")
    first = true_line((*key, "realisation_totale"), 9, 0, 1000, 1000, 5, 0)
    given_line = first.but({("montant", "opco"): Decimal(10), ("nb_dossiers_finances", "opco"): 1})
    others = publisher(
        true_line(("2024-T1", f"{region:02}", *key[2:], "annule_of"), 2, 0, 10_000, 500, 5, 0)
        for region in range(60, 100)
    )
    row = derive(con, [given_line, *others], models=(MartFinancement,))["mart_financement"]["2024-T1", "opco"]
    assert row["montant_moyen_par_dossier_haut"] == pytest.approx(
        (Decimal(10) + 40 * 5 * Decimal("100.005")) / 41, abs=Decimal("0.01")
    )
