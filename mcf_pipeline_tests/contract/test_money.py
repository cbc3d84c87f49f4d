"""Amounts with marks between thousands and others before decimals, and with a currency: read exactly, or not at all."""

from __future__ import annotations

import random

import pytest

from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline_tests.contract import damages
from mcf_pipeline_tests.contract.looking import figures, look
from mcf_pipeline_tests.contract.made_up import AMOUNTS, Style, release

GOOD = release(random.Random(11), Style(quarters=2))
TRUTH = figures(look(GOOD))
MONEY = (*AMOUNTS, "prix_moyen")


def english(text):
    return f"{damages.number(text):,}"


def german(text):
    return english(text).translate({ord(","): ".", ord("."): ","})


def french(text):
    return english(text).replace(",", "\u202f").replace(".", ",")


def written(how, columns=MONEY, lines=GOOD):
    return [{n: how(v) if n in columns and v else v for n, v in line.items()} for line in lines]


@pytest.mark.parametrize(
    "how",
    [
        english,
        german,
        lambda text: f"{text} €",
        lambda text: f"{french(text)}\u00a0€",
        lambda text: f"{english(text)} €",
        lambda text: f"{german(text)} EUR",
        lambda text: f"{text.replace('.', ',')} euros",
    ],
    ids=["1,234.50", "1.234,50", "1234.50 €", "1 234,50 €", "1,234.50 €", "1.234,50 EUR", "1234,50 euros"],
)
def test_what_a_column_writes_in_one_way_is_read_exactly(how):
    found = look(written(how))
    assert found.is_ready, found.problems
    assert figures(found) == TRUTH
    assert not found.lines.rejected


@pytest.mark.parametrize("how", [english, german])
def test_three_digits_behind_the_mark_of_thousands_are_thousands(how):
    """Cells without decimals beside others with some: ``1,234`` beside ``1,234.50``."""

    whole = [
        line | {name: f"{round(damages.number(line[name]))}.00" for name in MONEY if line[name] and place % 2}
        for place, line in enumerate(GOOD)
    ]
    truth = figures(look(whole))
    found = look(written(lambda text: how(text.removesuffix(".00")), lines=whole))
    assert found.is_ready, found.problems
    assert figures(found) == truth


def test_both_ways_in_one_column_are_refused_with_what_to_write():
    """In ``1,234`` the comma could be either then."""
    lines = [(written(english if place % 2 else german, lines=[line]))[0] for place, line in enumerate(GOOD)]
    found = look(lines)
    assert "no other column settles it" in found.problems[0]
    assert "[numbers]" in found.toml
    again = look(lines, SourceMap(numbers=dict.fromkeys((*MONEY, "part_france_travail"), "thousands")))
    assert again.is_ready, again.problems
    assert figures(again) == TRUTH


def test_a_currency_behind_three_digits_settles_nothing():
    """``1.234 €`` in a cell alone is 1,234 or 1.234: it is rejected, and the refusal says how numbers are read."""
    lines = [dict(line) for line in GOOD]
    last = [line for line in lines if len(line["montant_engage"]) > 7][:1]
    last[0]["montant_engage"] = "1.234 €"
    found = look(lines)
    assert found.lines is None or list(found.lines.rejets["regle"]) == ["nombre_illisible"]


def test_one_odd_cell_refuses_no_release():
    lines = [dict(line) for line in GOOD]
    smallest = min((line for line in lines if line["nb_dossiers"]), key=lambda li: int(li["nb_dossiers"]))
    smallest["part_titulaire"] = "1.234,5"
    found = look(lines)
    assert list(found.lines.rejets["regle"]) == ["nombre_illisible"]


@pytest.mark.parametrize("text", ["12 k€", "12 %", "$12", "€", "1,23,4.5", "12 € 50"])
def test_other_signs_are_no_numbers(text):
    lines = [dict(line) for line in GOOD]
    smallest = min((line for line in lines if line["nb_dossiers"]), key=lambda li: int(li["nb_dossiers"]))
    smallest["part_titulaire"] = text
    found = look(lines)
    assert list(found.lines.rejets["regle"]) == ["nombre_illisible"]


def test_a_count_has_no_currency():
    lines = [dict(line) for line in GOOD]
    smallest = min((line for line in lines if line["nb_dossiers"]), key=lambda li: int(li["nb_dossiers"]))
    smallest["nb_titulaires"] += " €"
    assert list(look(lines).lines.rejets["colonne"]) == ["nb_titulaires"]
