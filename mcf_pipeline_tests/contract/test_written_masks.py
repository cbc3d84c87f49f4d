"""Masked cells that say so, separators between thousands, and words of totals: cell by cell."""

from __future__ import annotations

import json
import random

import duckdb
import pytest

from mcf_pipeline.contract.doctor import SourceFacts, diagnose
from mcf_pipeline.contract.modalities import is_total_word
from mcf_pipeline.contract.parsing import MASKS, decimal_sql, integer_sql, is_mask_sql, without_groups_sql
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline_tests.contract.looking import figures, look
from mcf_pipeline_tests.contract.made_up import AMOUNTS, COUNTS, Style, release

CONNECTION = duckdb.connect()


def ask(sql: str, text: str | None):
    return CONNECTION.execute(f"SELECT {sql} FROM (SELECT ?::VARCHAR AS x)", [text]).fetchall()[0][0]


@pytest.mark.parametrize("marker", MASKS)
def test_each_marker_is_masked_in_any_case_and_is_no_number(marker):
    for text in (marker, marker.upper(), f" {marker}\u00a0"):
        assert ask(is_mask_sql("x"), text) is True
        assert ask(integer_sql("x"), text) is None
        assert ask(decimal_sql("x", 18, 2), text) is None


@pytest.mark.parametrize("text", [None, "", "12", "0", "-1", "douze", "15 €", "conf.", "s5"])
def test_what_is_no_marker_is_not_masked(text):
    assert ask(is_mask_sql("x"), text) is False


@pytest.mark.parametrize("marker", ["s", "nd", "n.d.", "c", "<5", "NaN", "null", "-", "NA", "Secret statistique"])
def test_a_release_whose_masked_cells_say_so_reads_as_one_whose_are_empty(marker):
    plain, said = (release(random.Random(8), Style(quarters=1, mask=mask)) for mask in ("", marker))
    assert any(line["nb_dossiers"] == marker for line in said)
    found = look(said)
    assert found.is_ready, found.problems
    assert found.lines.rejets.empty
    assert figures(found) == figures(look(plain))


def test_another_marker_is_rejected_until_the_map_names_it():
    plain, said = (release(random.Random(8), Style(quarters=1, mask=mask)) for mask in ("", "conf."))
    assert not look(said).is_ready
    found = look(said, SourceMap(masks=(" CONF. ",)))
    assert found.is_ready, found.problems
    assert figures(found) == figures(look(plain))


def test_the_doctor_says_how_many_cells_are_masked_by_what():
    values = {"nb_dossiers": {"12": 5, "s": 3, "S": 1, None: 2, "conf.": 4}}
    found = diagnose(SourceFacts("x"), [SourceField("nb_dossiers")], values, SourceMap(masks=("Conf.",)))
    assert found.formats["nb_dossiers"] == {
        "1234": 5,
        "masked as 's'": 3,
        "masked as 'S'": 1,
        "empty": 2,
        "masked as 'conf.'": 4,
    }
    assert json.dumps(found.to_json())


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("95,093", "95093"),
        ("95.093", "95093"),
        ("1,490,580", "1490580"),
        ("1.490.580", "1490580"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("-1,234", "-1234"),
        ("785", "785"),
        ("0.5", "0.5"),
        ("12,34", "12,34"),
        ("1234,567", "1234,567"),
        ("1,23,456", "1,23,456"),
        ("s", "s"),
    ],
)
def test_groups_of_thousands_are_taken_out_and_nothing_else(text, read):
    assert ask(without_groups_sql("x"), text) == read


@pytest.mark.parametrize("text", ["Total", "TOTAUX", "Ensemble des salariés", "Toutes régions", "tous âges", "H+F"])
def test_words_of_totals(text):
    assert is_total_word(text)


@pytest.mark.parametrize("text", ["Bretagne", "Clos - Réalisation Totale", "Étranger", "", "Autres", "Sous-traitant"])
def test_other_words(text):
    assert not is_total_word(text)


def test_a_mark_that_the_map_calls_decimals_is_one():
    lines = [
        line | {"prix_moyen": "785.125", "montant_engage": f"{int(line['nb_dossiers'] or 0) * 785}"}
        for line in release(random.Random(9), Style(quarters=1, masks=0.0, without=(*AMOUNTS[2:], COUNTS[2])))
    ]
    found = look(lines, SourceMap(numbers={"prix_moyen": "decimals"}, accepted=("relation_parts_montant",)))
    assert found.lines is not None, found.problems
    assert str(found.lines.usagers.prix_moyen.iloc[0]) == "785.1250"
