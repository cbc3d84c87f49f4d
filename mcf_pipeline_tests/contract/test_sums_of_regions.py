"""Lines that add up some regions, in files of few quarters: known by their names, or by their figures alone."""

from __future__ import annotations

import random

import pytest

from mcf_pipeline.contract.modalities import DIMENSIONS, sum_of_regions
from mcf_pipeline_tests.contract import damages
from mcf_pipeline_tests.contract.looking import figures, look, proposed
from mcf_pipeline_tests.contract.made_up import REGIONS, Style, release

OVERSEAS = ("Guadeloupe", "Martinique", "Guyane", "La Réunion", "Mayotte")
COUNTRY = release(random.Random(8), Style(quarters=1, regions=18))
"""One quarter: most groups hold a masked line, for small regions are small in each of them."""


def some(regions, text, lines=COUNTRY):
    return damages.with_sums(lines, ("region",), text, where=lambda line: line["region"] in regions)


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("Métrop.", tuple(region for region in REGIONS if region not in OVERSEAS)),
        ("Outre-mer", OVERSEAS),
        ("DROM", OVERSEAS),
        ("Antilles", ("Guadeloupe", "Martinique")),
        ("Grand Sud", ("Occitanie", "Nouvelle-Aquitaine", "Provence-Alpes-Côte d'Azur")),
    ],
)
def test_a_sum_of_some_regions_in_a_file_of_one_quarter(text, regions):
    assert not look(COUNTRY).problems
    lines = some(regions, text)
    found = look(lines)
    assert repr(text) in found.problems[0]
    again = look(lines, proposed(found))
    assert again.is_ready, again.problems
    assert figures(again) == figures(look(COUNTRY))


def test_both_halves_of_the_country_at_once():
    lines = some(OVERSEAS, "Outre-mer")
    lines += damages.sums(COUNTRY, ("region",), "Métropole", where=lambda line: line["region"] not in OVERSEAS)
    found = look(lines)
    assert all(text in found.problems[0] for text in ("'Outre-mer'", "'Métropole'"))
    assert figures(look(lines, proposed(found))) == figures(look(COUNTRY))


def test_in_a_file_of_very_few_lines_one_group_is_enough():
    lines = [line for line in COUNTRY if line["situation"] == "Employés" and line["genre"] == "Femme"]
    lines = [line for line in lines if line["classe_age"] == "25 à 39 ans"]
    found = look(some(OVERSEAS, "Outre-mer", lines))
    assert "'Outre-mer' in region" in found.problems[0]


def test_regions_that_are_given_together_and_not_by_themselves_are_a_modality():
    grouped = [line | {"region": "Outre-mer"} for line in COUNTRY if line["region"] == "La Réunion"]
    lines = [*(line for line in COUNTRY if line["region"] not in OVERSEAS), *grouped]
    found = look(lines)
    assert found.is_ready, found.problems


def test_what_is_called_so_and_adds_up_nothing_is_a_modality():
    """The collectivities overseas, say, beside the five regions."""
    small = release(random.Random(3), Style(quarters=1, regions=1))
    others = [line | {"region": "Outre-mer", "trimestre": COUNTRY[0]["trimestre"]} for line in small]
    keys = {tuple(line[name] for name in ("region", "genre", "classe_age", "situation")) for line in others}
    assert keys
    found = look([*COUNTRY, *others])
    assert found.is_ready, found.problems


def test_names_of_sums_of_regions():
    known = {region.id for region in DIMENSIONS["region"].modalities}
    assert set(sum_of_regions("OUTRE MER")) | set(sum_of_regions("france métrop")) == known
    assert sum_of_regions("Bretagne") == ()
