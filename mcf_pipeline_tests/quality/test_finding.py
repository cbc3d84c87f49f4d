"""Findings, grouped and summed up."""

from mcf_pipeline.quality import Finding, grouped, total_of


def test_grouping_and_totals():
    one = Finding("a", 1, 10, columns=("numero_ligne", "x"), sample=((3, None),), quarters=("2024-T1",))
    two = Finding("b", 0, 12, columns=("numero_ligne", "y"), quarters=("2024-T1",))
    group = grouped("ensemble", [one, two])
    assert (group.count, group.total, group.sample) == (1, 12, (("a", 3, "x = "),))
    total = total_of("ensemble", [group, Finding("ensemble", 0, 5, quarters=("2024-T2",))])
    assert (total.count, total.total, total.quarters) == (1, 17, ("2024-T1",))
