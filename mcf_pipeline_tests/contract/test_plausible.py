"""Figures that fit each other and cannot be this dataset's are refused; those that only resemble them are not."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal

import pytest

from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline_tests.contract import damages
from mcf_pipeline_tests.contract.looking import figures, look, proposed
from mcf_pipeline_tests.contract.made_up import AMOUNTS, COUNTS, PARTS, Style, release

GOOD = release(random.Random(11), Style(quarters=2))
TRUTH = figures(look(GOOD))
LARGEST = Counter(line["region"] for line in GOOD if line["nb_dossiers"]).most_common(1)[0][0]


def hours(found):
    assert found.lines is not None, found.problems
    return Decimal(found.lines.usagers.duree_moyenne.sum())


def only(lines, column, value, changed):
    """A release of which the lines of one quarter or region are replaced by their damaged ones."""
    return [new if new[column] == value else old for old, new in zip(lines, changed, strict=True)]


def refused_unless_accepted(lines, rule, says):
    found = look(lines)
    assert not found.is_ready
    assert says in found.problems[0]
    assert f'# rules = ["{rule}"]' in found.toml
    # Ten thousand times as many dossiers are too many for the country, too.
    assert look(lines, SourceMap(accepted=(rule, "niveau_invraisemblable"))).is_ready
    return found


# -- durations ---------------------------------------------------------------------------------------------


def test_durations_in_minutes_are_read_as_such_by_what_is_proposed():
    lines = damages.scaled(GOOD, ("duree_moyenne",), "60", 4)
    found = look(lines)
    assert "they look like minutes" in found.problems[0]
    again = look(lines, proposed(found))
    assert again.is_ready, again.problems
    assert abs(hours(again) - hours(look(GOOD))) < 1


def test_durations_in_days_can_only_be_left_out():
    lines = damages.scaled(GOOD, ("duree_moyenne",), "0.1428", 4)
    found = refused_unless_accepted(lines, "duree_hors_du_jeu", "they may be days, which cannot be converted")
    assert "[ignore]" in found.problems[0]
    assert look(lines, SourceMap(ignored=("duree_moyenne",))).is_ready


@pytest.mark.parametrize(("column", "of"), [("trimestre", "2024-T2"), ("region", LARGEST)])
@pytest.mark.parametrize("factor", ["60", "0.1428"])
def test_durations_in_another_unit_in_one_quarter_or_region(column, of, factor):
    lines = only(GOOD, column, of, damages.scaled(GOOD, ("duree_moyenne",), factor, 4))
    refused_unless_accepted(lines, "duree_hors_du_jeu", f"{of}, unlike elsewhere in the file, the median of the mean")


@pytest.mark.parametrize("factor", ["0.5", "2"])
def test_short_and_long_trainings_are_trainings(factor):
    assert look(damages.scaled(GOOD, ("duree_moyenne",), factor, 4)).is_ready


# -- counts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["nb_titulaires", "nb_dossiers_a_duree_connue"])
def test_a_column_of_some_dossiers_that_holds_more_than_all(column):
    lines = [line | {column: str(int(line[column]) * 2)} if line[column] else line for line in GOOD]
    refused_unless_accepted(lines, "relation_effectifs", f"{column} is larger than nb_dossiers in")


def test_dossiers_of_a_financer_are_some_of_the_dossiers():
    name = "nb_dossiers_finances_par_titulaires"
    assert look([line | {name: line["nb_dossiers"]} for line in GOOD]).is_ready
    lines = [line | {name: line["nb_dossiers"] and str(int(line["nb_dossiers"]) + 3)} for line in GOOD]
    refused_unless_accepted(lines, "relation_effectifs", "nb_dossiers_finances_par_titulaire is larger than")


def test_a_few_lines_with_more_are_used_and_said(tmp_path):
    lines = [dict(line) for line in GOOD]
    for line in [line for line in lines if line["nb_dossiers"]][:20]:
        line["nb_dossiers_a_duree_connue"] = str(int(line["nb_dossiers"]) + 1)
    assert look(lines).is_ready


@pytest.mark.parametrize("factor", ["2", "3", "7", "10", "100", "1000"])
def test_counts_and_money_that_were_multiplied(factor):
    lines = damages.scaled(GOOD, (*COUNTS, *AMOUNTS), factor, 0)
    refused_unless_accepted(lines, "effectifs_multiplies", f"are multiples of {int(factor):,}, and none is below")


@pytest.mark.parametrize("factor", ["2", "10"])
def test_counts_that_were_multiplied_in_one_quarter(factor):
    lines = only(GOOD, "trimestre", "2024-T2", damages.scaled(GOOD, (*COUNTS, *AMOUNTS), factor, 0))
    refused_unless_accepted(lines, "effectifs_multiplies", "in quarter 2024-T2, nearly all")


def test_dossiers_that_are_even_were_not_doubled():
    """Where the other counts are not: what takes lines twice doubles these, too."""
    lines = [
        line | {"nb_dossiers": str(2 * int(line["nb_dossiers"])), "prix_moyen": ""} if line["nb_dossiers"] else line
        for line in GOOD
    ]
    assert not any("multiples of" in problem for problem in look(lines).problems)


@pytest.mark.parametrize("to", [5, 10])
def test_counts_that_are_rounded_were_not_multiplied(to):
    lines = [
        line | {name: str(-(-int(line[name]) // to) * to) for name in COUNTS if line[name]} | {"prix_moyen": ""}
        for line in GOOD
    ]
    found = look(lines)
    assert found.is_ready, found.problems


# -- financers ---------------------------------------------------------------------------------------------

SMALL = "part_opco"
"""Two in a hundred of the amount, in one line of five: its unit hardly moves the sum."""


@pytest.mark.parametrize(
    ("factor", "unit", "says"),
    [("0.001", "milliers", "in thousands of euros"), ("100", "centimes", "in cents")],
)
@pytest.mark.parametrize("column", [SMALL, "part_titulaire", PARTS[0]])
def test_the_part_of_one_financer_in_another_unit(column, factor, unit, says):
    lines = damages.scaled(GOOD, (column,), factor)
    found = look(lines)
    assert any(says in problem and column in problem for problem in found.problems), found.problems
    assert f'{column} = "{unit}"' in found.toml
    again = look(lines, proposed(found))
    assert again.is_ready, again.problems
    wanted, read = (Decimal(of.lines.usagers[column].sum()) for of in (look(GOOD), again))
    assert abs(read - wanted) < 1


def test_a_part_times_a_thousand_has_no_unit():
    refused_unless_accepted(damages.scaled(GOOD, (SMALL,), "1000"), "part_hors_unite", "if it were not multiplied by")


def test_the_parts_of_all_but_the_largest_in_thousands():
    lines = damages.scaled(GOOD, PARTS[1:], "0.001")
    found = look(lines)
    assert "the parts of all other financers" in found.problems[0]
    again = look(lines, proposed(found))
    assert again.is_ready, again.problems
    assert figures(again) == TRUTH


def test_the_part_of_one_financer_in_another_unit_in_one_quarter():
    lines = only(GOOD, "trimestre", "2024-T2", damages.scaled(GOOD, (SMALL,), "0.001"))
    refused_unless_accepted(lines, "part_hors_unite", "in quarter 2024-T2, part_opco would make")


def test_a_part_that_is_not_in_the_amount_is_no_unit():
    """The parts are then the amount and it: a line that is used, and said (`ecart_parts_montant`)."""
    lines = [
        line | {"part_entreprise": line["montant_engage"] and f"{Decimal(line['montant_engage']) / 100:.2f}"}
        for line in GOOD
    ]
    assert look(lines).is_ready
