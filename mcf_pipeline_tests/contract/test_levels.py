"""Quarters that hold too much, or their year so far, are refused; what only resembles that is said, or nothing."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from decimal import Decimal

import pytest

from mcf_pipeline.commands.status import overview
from mcf_pipeline.contract.levels import judge_levels, level_notes
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.errors import ContractError
from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.contract import damages
from mcf_pipeline_tests.contract.looking import look
from mcf_pipeline_tests.contract.made_up import DIMENSIONS, Line, Style, csv, release
from mcf_pipeline_tests.exports import sender, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all

REAL = {
    2020: (164, 135, 282, 391),
    2021: (423, 493, 532, 522),
    2022: (496, 439, 511, 447),
    2023: (344, 303, 358, 344),
    2024: (448, 351, 308, 296),
}
"""Thousands of entries, about as Dares counts them: the crisis, the boom, and the share of the titulaire."""


def in_thousands(years, *, factor=1000, cumulated=False):
    found = {}
    for year, figures in years.items():
        for number, figure in enumerate(itertools.accumulate(figures) if cumulated else figures, start=1):
            found[f"{year}-T{number}"] = {"11": figure * factor // 4, "84": figure * factor - figure * factor // 4}
    return found


def rules(found):
    return [problem.rule for problem in found]


def test_a_crisis_a_boom_and_seasons_are_no_error():
    assert judge_levels(in_thousands(REAL), ()) == []
    assert level_notes(in_thousands(REAL)) == []
    for year in REAL:
        assert level_notes(in_thousands({year: REAL[year]})) == []
    assert judge_levels({}, ()) == []


@pytest.mark.parametrize("last", [3, 4])
@pytest.mark.parametrize("first", [2020, 2021, 2023])
def test_quarters_that_hold_their_year_so_far(first, last):
    """Also where the last year is not over."""
    years = {year: figures for year, figures in REAL.items() if year >= first}
    years[2024] = years[2024][:last]
    quarters = in_thousands(years, factor=200, cumulated=True)
    (problem,) = judge_levels(quarters, ())
    assert problem.rule == "trimestres_cumules"
    assert f"2024-T3 {200 * sum(REAL[2024][:3]):,}" in str(problem)
    assert judge_levels(quarters, ("trimestres_cumules",)) == []


def test_a_single_year_is_only_said():
    quarters = in_thousands({2024: REAL[2024]}, cumulated=True)
    assert judge_levels(quarters, ()) == []
    (note,) = level_notes(quarters)
    assert "2024-T1 448,000, 2024-T2 799,000" in note


def test_years_that_grow_and_go_on_growing_do_not_begin_again():
    years = {2024: (100, 150, 220, 300), 2025: (310, 500, 700, 900)}
    assert judge_levels(in_thousands(years), ()) == []


@pytest.mark.parametrize("factor", [10_000, 1_000_000])
def test_a_country_that_is_too_large(factor):
    (problem, *_) = judge_levels(in_thousands(REAL, factor=factor), ())
    assert problem.rule == "niveau_invraisemblable"
    assert f"2021-T3 has {532 * factor:,} dossiers" in str(problem)
    assert judge_levels(in_thousands(REAL, factor=factor), ("niveau_invraisemblable",)) == []


def test_a_year_that_is_too_large_though_no_quarter_is():
    (problem,) = judge_levels(in_thousands({2021: REAL[2021]}, factor=2_600), ())
    assert "2021 has 5,122,000 dossiers" in str(problem)


def test_regions_that_nobody_knows_do_not_count():
    """The sample is made larger so."""
    assert judge_levels({"2024-T1": {"11": 300_000, "region_fictive_001": 30_000_000}}, ()) == []


# -- whole files -------------------------------------------------------------------------------------------


def cumulated(lines: list[Line]) -> list[Line]:
    """A release in which each quarter holds its year so far."""
    keys = dict.fromkeys(tuple(line[name] for name in DIMENSIONS) for line in lines)
    by_key = {(line["trimestre"], *(line[name] for name in DIMENSIONS)): line for line in lines}
    found = []
    for quarter in sorted({line["trimestre"] for line in lines}):
        for key in keys:
            so_far = [
                line
                for number in range(1, int(quarter[-1]) + 1)
                if (line := by_key.get((f"{quarter[:-1]}{number}", *key))) and line["nb_dossiers"]
            ]
            if so_far:
                total = {n: str(sum(damages.number(line[n]) for line in so_far)) for n in damages.SUMMED}
                price = damages.number(total["montant_engage"]) / Decimal(total["nb_dossiers"])
                found.append(so_far[-1] | {"trimestre": quarter, **total, "prix_moyen": f"{price:.2f}"})
    return found


YEARS = release(random.Random(5), Style(quarters=8, regions=2))


def test_a_file_whose_quarters_hold_their_year_so_far_is_refused(tmp_path):
    assert look(YEARS).is_ready
    lines = cumulated(YEARS)
    found = look(lines)
    assert any("each quarter seems to hold its year so far" in problem for problem in found.problems)
    assert look(lines, SourceMap(accepted=("trimestres_cumules",))).is_ready
    with pytest.raises(ContractError, match="each quarter seems to hold its year so far") as error:
        workspace_in(tmp_path).archive.ingest(sender(csv(lines)))
    assert error.value.rule == "trimestres_cumules"


def test_a_single_such_year_is_said_by_run_status_and_doctor(tmp_path):
    lines = [line for line in cumulated(YEARS) if line["trimestre"] < "2025"]
    assert any("as if each held its year so far" in note for note in look(lines).notes)
    space = workspace_in(tmp_path)
    space.archive.ingest(sender(csv(lines)))
    build_all(space)
    said, bare = overview(space, space.snapshot()).suspect
    assert "2024-T4" in said
    assert "no quarter holds a masked line" in bare  # so are those of `cumulated`
    assert f"Suspect: {said[:40]}" in mcf_here("status", "--data-dir", tmp_path).out
    path = tmp_path / "again.csv"
    path.write_bytes(csv(lines))
    assert f"Suspect: {said[:40]}" in mcf_here("run", "--source", path, "--data-dir", tmp_path / "data").out


# -- what is a copy, and what is not there -----------------------------------------------------------------

FOUR = release(random.Random(7), Style(quarters=4, regions=4))
LAST = max(line["trimestre"] for line in FOUR)
BEFORE = sorted({line["trimestre"] for line in FOUR})[-2]
LARGEST = [name for name, _ in Counter(x["region"] for x in FOUR if x["nb_dossiers"]).most_common(2)]


@pytest.mark.parametrize(
    ("column", "kept", "copy", "says"),
    [
        ("trimestre", BEFORE, LAST, f"quarters {BEFORE} and {LAST} have the same dossiers in every region"),
        ("region", LARGEST[0], LARGEST[1], "have the same dossiers in every quarter"),
    ],
)
def test_a_quarter_or_a_region_that_is_a_copy_of_another_is_refused(column, kept, copy, says):
    assert look(FOUR).is_ready
    lines = [line for line in FOUR if line[column] != copy]
    lines += [line | {column: copy} for line in FOUR if line[column] == kept]
    found = look(lines)
    assert any(says in problem for problem in found.problems)
    assert '# rules = ["chiffres_recopies"]' in found.toml
    assert look(lines, SourceMap(accepted=("chiffres_recopies",))).is_ready


def test_small_or_few_figures_are_alike_by_chance():
    small = {f"2020-T{n}": {"11": 5, "84": 7, "93": 9} for n in range(1, 5)}
    assert judge_levels(small, ()) == []
    few = {f"2020-T{n}": {"11": 500_000, "84": 70_000 + n} for n in range(1, 3)}
    assert judge_levels(few, ()) == []


def test_a_missing_quarter_and_a_missing_region_are_said():
    whole = {f"2020-T{n}": {"11": 5_000 + n, "84": 900 + n, "06": 9 + n} for n in range(1, 5)}
    assert level_notes(whole) == []
    (said,) = level_notes({q: regions for q, regions in whole.items() if q != "2020-T2"})
    assert said == "the release has no lines of 2020-T2, between quarters that it has"
    (said,) = level_notes(whole | {"2020-T4": {"11": 5_004}})
    assert said.startswith("2020-T4 has no lines of region 84, and 2020-T3 has")


def test_lines_that_were_left_out_instead_of_masked_are_said(tmp_path):
    assert not any("leaves out" in note for note in look(FOUR).notes)
    shown = [line for line in FOUR if line["nb_dossiers"]]
    assert any(note.startswith("no quarter holds a masked line") for note in look(shown).notes)
    lines = [line for line in FOUR if line["nb_dossiers"] or line["trimestre"] != LAST]
    assert any(note.startswith(f"none of the lines of {LAST} is masked") for note in look(lines).notes)
    space = workspace_in(tmp_path)
    space.archive.ingest(sender(csv(shown)))
    build_all(space)
    (said,) = overview(space, space.snapshot()).suspect
    assert said.startswith("no quarter holds a masked line")


# -- what is no quarter, and what is no region ---------------------------------------------------------------


def half_years(lines: list[Line], form: str) -> list[Line]:
    """A release by semesters: the first two quarters of each year, called so."""
    return [
        line | {"trimestre": form.format(year=line["trimestre"][:4], half=line["trimestre"][-1])}
        for line in lines
        if line["trimestre"][-1] in "12"
    ]


@pytest.mark.parametrize("form", ["{year}-{half}", "{year}{half}", "{year}_{half}"])
def test_semesters_that_could_be_quarters(form):
    lines = half_years(YEARS, form)
    found = look(lines)
    assert "they may be semesters" in found.problems[0]
    assert look(lines, SourceMap(accepted=("semestres",))).is_ready


def test_semesters_in_two_columns(tmp_path):
    lines = [
        {"annee": line["trimestre"][:4], "numero_trimestre": line["trimestre"][-1]}
        | {name: value for name, value in line.items() if name != "trimestre"}
        for line in half_years(YEARS, "{year}-T{half}")
    ]
    assert "they may be semesters" in look(lines).problems[0]


def test_semesters_that_say_so():
    for form in ("{year}-S{half}", "S{half} {year}", "Semestre {half} {year}", "{year}H{half}"):
        found = look(half_years(YEARS, form))
        assert "they look like semesters; this dataset is by quarter" in found.problems[0], found.problems


def test_quarters_that_are_no_semesters():
    assert look(half_years(YEARS, "{year}-T{half}")).is_ready
    assert look(half_years([line for line in YEARS if line["trimestre"] < "2025"], "{year}-{half}")).is_ready
    assert look([line | {"trimestre": line["trimestre"].replace("T", "")} for line in YEARS]).is_ready


SHORT = release(random.Random(5), Style(quarters=1, regions=5))


def by(codes):
    regions = dict(zip(dict.fromkeys(line["region"] for line in SHORT), codes, strict=True))
    return [line | {"region": regions[line["region"]]} for line in SHORT]


@pytest.mark.parametrize(
    ("codes", "what"),
    [
        (("75", "11", "35", "22", "2A"), "like those of départements (22, 2A, 35…)"),
        (("200027217", "200046977", "244400404", "200054781", "241300391"), "EPCI"),
        (("35238", "75056", "13055", "69123", "2A004"), "communes"),
    ],
)
def test_codes_that_are_none_of_regions(codes, what):
    lines = by(codes)
    found = look(lines)
    assert what in found.problems[0]
    assert look(lines, SourceMap(accepted=("regions_autres",))).is_ready


def test_codes_of_regions_and_one_mistake():
    assert look(by(("75", "11", "53", "94", "01"))).is_ready
    assert look(by(("75", "11", "53", "94", "35"))).is_ready
