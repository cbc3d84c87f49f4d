"""The table of rules is whole, and the page is made from it."""

from __future__ import annotations

import re
from pathlib import Path

import mcf_pipeline
from mcf_pipeline.contract.page import contract_page
from mcf_pipeline.contract.rules import RULES, severity_of

ROOT = Path(mcf_pipeline.__file__).parent


def test_the_page_is_what_the_code_says():
    page = ROOT.parent / "docs" / "contract.md"
    assert page.read_text(encoding="utf-8") == contract_page(), (
        "regenerate it: python -c 'from mcf_pipeline.contract.page import contract_page; "
        'print(contract_page(), end="")\' > docs/contract.md'
    )


def test_every_rule_that_the_code_names_is_in_the_table():
    named = {
        name
        for path in ROOT.rglob("*.py")
        # What checks of our own work are called is no rule for the source.
        if not {"checks", "quality"} & set(path.parts)
        for name in re.findall(r'\brule="([a-z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert named <= set(RULES)


def test_names_and_texts():
    assert len(RULES) == len(set(RULES))
    for name, rule in RULES.items():
        assert re.fullmatch(r"[a-z]+(?:_[a-z]+)*", name)
        assert rule.meaning.endswith(".")
        assert rule.action.endswith(".")
    assert {rule.severity for rule in RULES.values()} == {"refuse", "quarantine", "warn"}
    assert severity_of("nombre_negatif") == "quarantine"


def test_every_table_row_of_the_page_has_its_cells():
    tables = [line for line in contract_page().splitlines() if line.startswith("|")]
    assert len(tables) > 60
    assert not any("\n" in line or "||" in line for line in tables)


def test_a_threshold_that_a_check_shows_is_told_in_both_languages():
    for rule in RULES.values():
        if rule.severity == "warn":
            assert bool(rule.seuil) == bool(rule.threshold), rule.name
