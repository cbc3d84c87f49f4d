"""What lines contradict is counted for the command line: rule by rule, over all files."""

import random

import pytest

from mcf_pipeline.commands.status import describe_broken_rule
from mcf_pipeline.contract.line_rules import LINE_RULES, added_up, broken_lines
from mcf_pipeline.duck import scratch
from mcf_pipeline_tests.contract.looking import look
from mcf_pipeline_tests.contract.made_up import Style, release


def staged(lines):
    found = look(lines)
    assert found.lines is not None, found.problems
    return found.lines.usagers


@pytest.fixture
def count():
    def counted(*frames):
        with scratch() as con:
            found = [quarter for frame in frames for quarter in broken_lines(con, frame).values()]
        return {rule: (broken, judged) for rule, broken, judged in added_up(found)}

    return counted


def test_only_what_is_broken_is_told(count):
    lines = [line for line in release(random.Random(1), Style(masks=1.0)) if line["nb_dossiers"]]
    good = [line for line in lines if int(line["nb_titulaires"]) >= 5]
    assert count(staged(good)) == {}
    good[0]["montant_engage"] = "1"
    good[1]["nb_titulaires"] = str(int(good[1]["nb_dossiers"]) + 1)
    frame = staged(good)
    found = count(frame)
    assert {rule: broken for rule, (broken, _) in found.items()} == {
        "ecart_parts_montant": 1,
        "ecart_prix_montant": 1,
        "titulaires_superieurs_aux_dossiers": 1,
    }
    assert found["ecart_prix_montant"][1] == len(good)
    assert count(frame, frame)["ecart_prix_montant"] == (2, 2 * len(good))


def test_zeros_beside_masked_dossiers_are_told(count):
    lines = release(random.Random(1), Style(masks=1.0))
    masked = [line for line in lines if not line["nb_dossiers"]]
    assert "masque_avec_zero" not in count(staged(lines))
    masked[0]["prix_moyen"] = "0"
    masked[1]["duree_moyenne"] = "0.00"
    masked[2]["nb_dossiers_a_duree_connue"] = "0"
    assert count(staged(lines))["masque_avec_zero"] == (3, len(masked))


def test_no_line_is_nothing_to_tell(count):
    assert count() == {}


def test_each_rule_is_told_in_a_line():
    for rule in LINE_RULES:
        line = describe_broken_rule(rule.name, 3, 1_000)
        assert line.startswith("3 of 1,000 lines: ")
        assert rule.name in line
        assert "\n" not in line
