"""The checks as they are declared: what blocks, what is judged quarter by quarter; and a sample that is no markup."""

from __future__ import annotations

from mcf_pipeline import markdown
from mcf_pipeline.contract.rules import RULES
from mcf_pipeline.orchestration.checks import staging
from mcf_pipeline.orchestration.partitions import QUARTERS
from mcf_pipeline_tests.orchestration.checks.evaluating import SPECS


def test_severity_says_what_blocks():
    blocking = {key for key, spec in SPECS.items() if spec.blocking}
    assert {name for asset, name in SPECS if (asset, name) not in blocking} == {
        "trimestre_invalide",
        # Its asset blocks, by raising.
        "lignes_rejetees",
        "colonne_non_reconnue",
        "donnees_synthetiques",
        "modalite_inconnue",
        "montants_incoherents",
        "effectifs_incoherents",
        "trimestre_absent",
        "release_en_retard",
    }


def test_every_warning_of_the_contract_is_checked():
    warned = {name for name, rule in RULES.items() if rule.severity == "warn"}
    checked = {name for _, name in SPECS} | {rule for rules in staging.GROUPS.values() for rule in rules}
    assert warned <= checked


def test_what_concerns_a_quarter_is_partitioned():
    partitioned = {name for (asset, name), spec in SPECS.items() if spec.partitions_def == QUARTERS}
    assert partitioned == {"lignes_rejetees", "modalite_inconnue", *staging.GROUPS}


def test_every_check_has_a_french_description():
    for spec in SPECS.values():
        assert spec.description
        assert spec.description.endswith(".")


def test_a_sample_is_no_markup():
    rows = [("x|y\n`z`", None), ("<script>\\|[l](u)", "é" * 500)]
    shown = markdown.table(("a", "b"), [[markdown.text(cell) for cell in row] for row in rows])
    head, rule, first, second = shown.split("\n")
    assert (head, rule) == ("| a | b |", "| --- | --- |")
    assert first == "| x&#124;y &#96;z&#96; |  |"
    assert "<script>" not in second
    assert second.count("|") == 3
    assert second.endswith("…" + " |")
