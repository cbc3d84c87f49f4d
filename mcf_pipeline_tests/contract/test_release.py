"""A release that is silently wrong is refused with the lines that put it right; one that only resembles it is not."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mcf_pipeline.contract.release import MIN_ZEROS
from mcf_pipeline.contract.rules import RULES
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.contract.thresholds import MIN_JUDGED
from mcf_pipeline_tests.contract import damages
from mcf_pipeline_tests.contract.looking import figures, look, proposed
from mcf_pipeline_tests.contract.made_up import AMOUNTS, DIMENSIONS, PARTS, REGIONS, Style, any_style, release

GOOD = release(random.Random(11), Style(quarters=2))
TRUTH = figures(look(GOOD))
WHOLE = release(random.Random(1), Style(decimals=0, price_decimals=2))
SMALL = [line for line in WHOLE if damages.number(line["montant_engage"]) < 1_000_000]

EMPLOYEES = ("Employés", "Demandeur d'emploi")
SUMS = {
    "a region": (("region",), "Ensemble", {}),
    "an unknown word": (("region",), "Hexagone et outre-mer", {}),
    "an empty region": (("region",), "", {}),
    "a known word": (("region",), "-", {}),
    "a gender": (("genre",), "Ensemble", {}),
    "an age": (("classe_age",), "Tous âges", {}),
    "a status, empty": (("statut_dossier",), "", {}),
    "some of the situations": (
        ("situation",),
        "Ensemble des salariés",
        {"where": lambda line: line["situation"] in EMPLOYEES},
    ),
    "some of the situations, by another word": (
        ("situation",),
        "Actifs",
        {"where": lambda line: line["situation"] in EMPLOYEES},
    ),
    "all at once": (DIMENSIONS, "Total", {}),
    "all at once, empty": (DIMENSIONS, "", {}),
    "all but the region": (DIMENSIONS[1:], "Total", {}),
    "all but the region, empty": (DIMENSIONS[1:], "", {}),
}


def refused(lines, rule, truth=TRUTH):
    """It is refused by a rule, and what is proposed puts it right at once."""
    found = look(lines)
    assert not found.is_ready
    assert found.problems
    assert rule in RULES
    assert found.opens, (found.problems, found.toml)
    again = look(lines, proposed(found))
    assert again.is_ready, again.problems
    assert figures(again) == truth
    return found


@pytest.mark.parametrize("kind", SUMS)
def test_lines_that_are_sums_of_others(kind):
    over, text, options = SUMS[kind]
    found = refused(damages.with_sums(GOOD, over, text, **options), "lignes_de_total")
    assert (repr(text) if text else "an empty cell") in found.problems[0]
    assert "(lines " in found.problems[0]


@pytest.mark.parametrize("text", ["", "Total", "ENSEMBLE"])
def test_all_lines_of_a_rollup_and_of_a_cube(text):
    refused(damages.rollup(GOOD, text), "lignes_de_total")
    refused(damages.cube(GOOD, text), "lignes_de_total")


def test_a_sum_over_masked_lines_is_known_by_its_name():
    masked = release(random.Random(2), Style(quarters=2, regions=3))
    lines = [*masked, *damages.sums(masked, ("region",), "Total")]
    for line in lines[len(masked) :]:
        line["nb_dossiers"] = str(int(line["nb_dossiers"]) + 3)
    found = look(lines)
    assert "'Total' in region" in found.problems[0]
    assert look(lines, proposed(found)).is_ready


def test_what_is_dropped_is_kept_as_rejected_and_counts_for_no_bound():
    lines = damages.with_sums(GOOD, ("region",), "Ensemble")
    found = look(lines, SourceMap(totals={"region": ("ensemble",)}))
    assert found.is_ready
    assert set(found.lines.rejets["regle"]) == {"ligne_de_total"}
    assert found.lines.rejected.total() == 0
    assert found.lines.dropped.total() == len(lines) - len(GOOD)


def test_a_sum_that_somebody_accepts_is_counted():
    lines = damages.with_sums(GOOD, ("region",), "Ensemble")
    found = look(lines, SourceMap(accepted=("lignes_de_total",)))
    assert found.is_ready
    assert figures(found)[0] == 2 * TRUTH[0]


def test_a_region_that_is_the_sum_of_two_others_in_one_quarter_is_a_region():
    """By chance, or because two regions were one: it is in one quarter, and in the others it is not."""
    one, two, three, *_ = dict.fromkeys(line["region"] for line in GOOD)
    rest = [line for line in GOOD if (line["trimestre"], line["region"]) != ("2024-T2", three)]
    twins = damages.sums(
        rest, ("region",), three, where=lambda li: li["trimestre"] == "2024-T2" and li["region"] in (one, two)
    )
    assert len(twins) > 20
    found = look([*rest, *twins])
    assert found.is_ready, found.problems


def test_women_and_men_who_are_as_many_are_no_sums():
    found = look(release(random.Random(3), Style(even=True)))
    assert found.is_ready, found.problems


def test_not_given_in_several_dimensions_is_no_sum():
    style = Style(not_given=dict.fromkeys(DIMENSIONS[1:], ("", 0.2)))
    found = look(release(random.Random(4), style))
    assert found.is_ready, found.problems


@pytest.mark.parametrize(
    ("columns", "factor", "says"),
    [
        (AMOUNTS, "0.001", "amounts look like thousands of euros"),
        (("montant_engage",), "0.001", "amounts look like thousands of euros"),
        (AMOUNTS, "100", "amounts look like cents"),
        (("prix_moyen",), "0.001", "mean prices look like thousands of euros"),
        (("prix_moyen",), "100", "mean prices look like cents"),
        ((*AMOUNTS, "prix_moyen"), "0.001", "amounts look like thousands of euros and mean prices look like"),
        (PARTS, "0.001", "the parts look like thousands of euros"),
        (PARTS, "100", "the parts look like cents"),
    ],
)
def test_another_unit_everywhere(columns, factor, says):
    found = refused(damages.scaled(GOOD, columns, factor), "relation_prix_montant")
    assert says in found.problems[0]


LARGEST = Counter(line["region"] for line in GOOD if line["nb_dossiers"]).most_common(1)[0][0]
MONEY = ("montant_engage", "prix_moyen", *PARTS)


@pytest.mark.parametrize(("column", "of"), [("trimestre", "quarter 2024-T2"), ("region", f"region {LARGEST}")])
@pytest.mark.parametrize(
    ("columns", "rule"),
    [(MONEY, "the median cost of a dossier"), (("montant_engage", *PARTS), "mean price x dossiers")],
)
def test_another_unit_in_one_quarter_or_one_region(column, of, columns, rule):
    """Price, amount and parts go together, so no line breaks a rule; and elsewhere all is as it should be."""
    part = of.split(" ", 1)[1]
    lines = [
        *(line for line in GOOD if line[column] != part),
        *damages.scaled([line for line in GOOD if line[column] == part], columns, "0.001"),
    ]
    found = look(lines)
    assert not found.is_ready
    assert f"in {of}, unlike elsewhere" in found.problems[0]
    assert rule in found.problems[0]
    assert look(lines, SourceMap(accepted=("relation_prix_montant", "prix_hors_du_jeu"))).is_ready


@pytest.mark.parametrize(("of", "says"), [(100, "percentages"), (1, "shares of 1")])
def test_parts_that_are_shares(of, says):
    found = refused(damages.as_percentages(GOOD, of), "relation_parts_montant")
    assert f"the parts look like {says}" in found.problems[0]


def test_parts_in_another_unit_by_their_names():
    names = {name: f"{name.replace('_', ' ').capitalize()} (%)" for name in PARTS[1:]}
    shares = damages.as_percentages(GOOD)
    lines = [
        {names.get(n, n): (v if n == PARTS[0] else share[n]) for n, v in line.items()}
        for line, share in zip(GOOD, shares, strict=True)
    ]
    found = refused(lines, "relation_parts_montant")
    assert "'Part titulaire (%)'" in found.problems[0]


def test_amounts_in_thousands_by_their_name():
    lines = [
        {("Montant engagé (k€)" if n == "montant_engage" else n): v for n, v in line.items()}
        for line in damages.scaled(GOOD, ("montant_engage",), "0.001")
    ]
    refused(lines, "colonne_manquante")


def test_without_a_price_the_usual_prices_tell():
    lines = [{n: v for n, v in line.items() if n != "prix_moyen"} for line in GOOD]
    found = refused(damages.scaled(lines, AMOUNTS, "0.001"), "prix_hors_du_jeu")
    assert "amounts look like thousands of euros" in found.problems[0]


def test_a_relation_that_no_unit_explains_can_only_be_let_pass_knowingly():
    lines = damages.scaled(GOOD, ("prix_moyen",), "1.5")
    found = look(lines)
    assert "mean price x dossiers does not equal the amount" in found.problems[0]
    assert not found.opens
    assert '# rules = ["relation_prix_montant"]' in found.toml
    assert look(lines, SourceMap(accepted=("relation_prix_montant",))).is_ready


@pytest.mark.parametrize("share", [0.2, 0.6])
def test_lines_that_break_a_relation_are_no_error_of_the_release(share):
    found = look(release(random.Random(5), Style(broken=share)))
    assert found.is_ready, found.problems


def test_a_file_without_some_financers_is_told():
    lines = [{n: v for n, v in line.items() if n != PARTS[0]} for line in GOOD]
    found = look(lines)
    assert found.is_ready
    assert any("does not give the part of every financer" in note for note in found.notes)


@pytest.mark.parametrize("mark", [",", "."])
def test_thousands_are_settled_by_price_and_dossiers(mark):
    truth = figures(look(SMALL))
    found = look(damages.separated(SMALL, AMOUNTS, mark))
    assert found.is_ready, found.problems
    assert figures(found) == truth
    assert any("thousands" in note for note in found.notes)


@pytest.mark.parametrize("mark", [",", "."])
def test_thousands_that_nothing_settles_are_refused(mark):
    dear = [line for line in SMALL if damages.number(line["prix_moyen"]) >= 1000]
    truth = figures(look(dear))
    lines = damages.separated(dear, (*AMOUNTS, "prix_moyen"), mark)
    found = refused(lines, "separateur_ambigu", truth)
    assert "no other column settles it" in found.problems[0]


def test_thousands_of_counts():
    many = damages.scaled(WHOLE, ("nb_dossiers", "nb_titulaires", "nb_dossiers_a_duree_connue", *AMOUNTS), "101", 0)
    truth = figures(look(many))
    found = look(damages.separated(many, damages.COUNTS, ","))
    assert found.is_ready, found.problems
    assert figures(found) == truth


def test_what_no_other_column_confirms_is_said_to_be_so():
    many = damages.scaled(WHOLE, (*damages.COUNTS, *AMOUNTS), "101", 0)
    without = [{n: v for n, v in line.items() if n != "prix_moyen"} for line in many]
    for lines, why in ((many, "as the other columns confirm"), (without, "since a count has no decimals")):
        found = look(damages.separated(lines, damages.COUNTS, ","))
        assert found.is_ready, found.problems
        assert any(note.startswith("nb_") and note.endswith(why) for note in found.notes), found.notes


def test_genuine_prices_of_three_decimals_are_prices():
    lines = release(random.Random(6), Style(price_decimals=3))
    low = damages.scaled(lines, ("prix_moyen", *AMOUNTS), "0.3", 3)
    found = look([line for line in low if not line["prix_moyen"] or damages.number(line["prix_moyen"]) < 1000])
    assert found.is_ready, found.problems
    assert found.lines.usagers.prix_moyen.max() < 1000


def test_scientific_notation_is_read_exactly():
    largest = max(GOOD, key=lambda line: damages.number(line["montant_engage"]))
    written = [
        line | {"montant_engage": "4,53E+06", "nb_dossiers": "3E+3"} if line is largest else line for line in GOOD
    ]
    found = look(written)
    assert found.is_ready, found.problems
    read = found.lines.usagers
    assert Decimal("4530000.00") in set(read.montant_engage.dropna())
    assert 3000 in set(read.nb_dossiers.dropna())


def test_masks_that_are_written_as_zero():
    lines = damages.masked_as_zero(GOOD)
    found = refused(lines, "zeros_masques")
    assert "zero_dossiers = true" in found.toml


def test_real_zeros_are_zeros():
    found = look(release(random.Random(7), Style(zeros=20)))
    assert found.is_ready, found.problems
    assert (found.lines.usagers.nb_dossiers == 0).sum() > 10
    assert not found.lines.rejected


def test_masks_that_are_written_as_zero_throughout():
    """Price and duration included: what tells is that no line of the quarter is masked."""
    masked = release(random.Random(2), Style(quarters=2, regions=18))
    zeroed = [
        line | {"prix_moyen": "0"} if line["nb_dossiers"] == "0" else line for line in damages.masked_as_zero(masked)
    ]
    assert sum(line["nb_dossiers"] == "0" for line in zeroed) > 2 * MIN_ZEROS
    found = look(zeroed)
    assert not found.is_ready
    assert "have 0 dossiers (line" in found.problems[0]
    assert look(zeroed, proposed(found)).is_ready


def test_a_few_zeros_with_a_price_are_rejected_one_by_one():
    lines = [dict(line) for line in GOOD]
    for line in [line for line in lines if not line["nb_dossiers"]][:2]:
        line["nb_dossiers"] = "0"
    found = look(lines)
    assert found.is_ready
    assert list(found.lines.rejets["regle"]) == ["zero_dossiers_avec_prix"] * 2


def test_the_bound_counts_dossiers_and_amounts():
    """Under 1 % of the lines, and most of what there is."""
    lines = sorted((dict(line) for line in GOOD), key=lambda line: -damages.number(line["montant_engage"]))
    lines[0]["montant_engage"] = "beaucoup"
    found = look(lines)
    assert not found.is_ready
    assert "of its dossiers" in found.problems[0]
    small = min((line for line in lines if line["nb_dossiers"]), key=lambda line: int(line["nb_dossiers"]))
    lines[0]["montant_engage"] = max(GOOD, key=lambda li: damages.number(li["montant_engage"]))["montant_engage"]
    small["montant_engage"] = "peu"
    assert look(lines).is_ready


def test_two_spellings_of_not_given_that_contradict_each_other_are_kept_apart():
    regions = list(dict.fromkeys(line["region"] for line in GOOD))[:2]
    as_ = dict(zip(regions, ("", "Inconnue"), strict=True))
    lines = [line | {"region": as_.get(line["region"], line["region"])} for line in GOOD]
    found = refused(lines, "doublons_en_conflit")
    assert 'Inconnue = "a_part"' in found.toml


def test_lines_that_contradict_each_other_cannot_be_mapped():
    doubled = next(line for line in GOOD if line["nb_dossiers"])
    found = look([*GOOD, doubled | {"nb_dossiers": "77777"}])
    assert not found.opens
    assert found.toml == ""
    assert "only the publisher" in found.problems[0]


@given(st.integers(0, 10_000), st.data())
@settings(max_examples=6, deadline=None)
def test_what_is_proposed_the_next_run_accepts(seed, data):
    """Several damages at once: one page names them all, and its lines are accepted as they are."""
    rng = random.Random(seed)
    lines = release(rng, Style(quarters=3, regions=4))
    assume(sum(bool(line["nb_dossiers"]) for line in lines) > 2 * MIN_JUDGED)
    truth = figures(look(lines))
    chosen = data.draw(st.sets(st.sampled_from(("sums", "unit", "shares", "zeros", "names")), min_size=1))
    if "sums" in chosen:
        lines = damages.with_sums(lines, data.draw(st.sampled_from([("region",), ("genre",), DIMENSIONS])), "Ensemble")
    if "shares" in chosen:
        lines = damages.as_percentages(lines)
    if "unit" in chosen:
        lines = damages.scaled(lines, ("montant_engage",) if "shares" in chosen else AMOUNTS, "0.001")
    if "zeros" in chosen:
        lines = damages.masked_as_zero(lines)
    if "names" in chosen:
        names = {"region": "zone", "trimestre": "quand"}
        lines = [{names.get(n, n): v for n, v in line.items()} for line in lines]
    found = look(lines)
    assert len(found.problems) >= len(chosen)
    assert found.opens, (chosen, found.problems, found.toml)
    again = look(lines, proposed(found))
    assert again.is_ready, (chosen, again.problems)
    assert figures(again)[0] == truth[0]
    assert figures(again)[2] == truth[2]


@given(st.integers(0, 1_000_000))
@settings(max_examples=8, deadline=None)
def test_a_good_release_is_not_refused(seed):
    rng = random.Random(seed)
    found = look(release(rng, any_style(rng)))
    assert found.is_ready, found.problems


def test_the_regions_are_those_of_the_contract():
    assert len(set(REGIONS)) == 18
