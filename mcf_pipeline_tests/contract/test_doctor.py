"""The doctor says what everything became, and ends in "ready" or in lines to paste."""

from __future__ import annotations

import datetime as dt
import io
import json
import tomllib
from dataclasses import replace

import pytest
from rich.console import Console

from mcf_pipeline.commands.doctor_page import render
from mcf_pipeline.contract.doctor import SourceFacts, diagnose
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline_tests.contract.hostile import HOSTILE

TODAY = dt.date(2026, 10, 8)
FACTS = SourceFacts(
    "https://portal.example/usagers",
    quota_left=4_900,
    licence="Licence Ouverte 2.0",
    data_processed=dt.datetime(2026, 10, 8, 6, 0, tzinfo=dt.UTC),
    records_count=10,
    lines_read=10,
)
VALUES = {
    "trimestre": {"2024T1": 5, "2024T2": 5},
    "region": {"Bretagne": 6, "Ile de France": 3, "Lune": 1},
    "genre": {"F": 5, "H": 5},
    "classe_age": {"25-39 ans": 10},
    "situation": {"Cadres": 9, None: 1},
    "statut_dossier": {"Validé": 10},
    "nb_dossiers": {"12": 8, "": 2},
    "nb_titulaires": {"12": 8, "": 2},
    "montant_engage": {"1 234,50": 4, "1234.5": 6},
    "part_titulaire": {"100": 8, "x1": 1, "NaN": 1},
}


def look(values=VALUES, source_map=None, facts=FACTS, **options):
    return diagnose(facts, [SourceField(name) for name in values], values, source_map, today=TODAY, **options)


def page(diagnosis):
    console = Console(file=io.StringIO(), width=140)
    render(diagnosis, console)
    return console.file.getvalue()


def renamed(old, new):
    return {new if name == old else name: found for name, found in VALUES.items()}


def test_a_source_that_is_ready():
    found = look()
    assert found.ready
    assert {c.source: c.canonical for c in found.columns} == {name: name for name in VALUES}
    assert found.quarters == ("2024-T1", "2024-T2")
    assert found.formats["montant_engage"] == {"1 234,5": 4, "1234.5": 6}
    assert found.formats["nb_dossiers"] == {"1234": 8, "empty": 2}
    assert found.problems == ()
    assert "1 values of part_titulaire are not numbers: 'x1'" in found.notes
    assert found.formats["part_titulaire"] == {"1234": 8, "unreadable": 1, "masked as 'NaN'": 1}
    met = {(m.dimension, m.text): (m.id, m.known) for m in found.modalities}
    assert met["region", "Ile de France"] == ("11", True)
    assert met["region", "Lune"] == ("lune", False)
    assert met["situation", ""] == ("non_renseigne", True)
    shown = page(found)
    assert shown.rstrip().endswith("ready")
    assert "not ready" not in shown
    for text in (
        "4900",
        "Licence Ouverte",
        "2026-10-08",
        "technical name",
        "Lune",
        "from 2024-T1 to 2024-T2",
    ):
        assert text in shown


def test_a_source_that_must_be_mapped_ends_in_its_toml():
    found = look(renamed("region", "zone"))
    assert not found.ready
    assert tomllib.loads(found.toml)["columns"]["region"] == "zone"
    shown = page(found)
    assert 'region = "zone"' in shown
    assert shown.rstrip().endswith("not ready")
    mapped = SourceMap.from_toml(tomllib.loads(found.toml))
    assert look(renamed("region", "zone"), mapped).ready


def test_unknown_modalities_come_with_lines_to_fill_in():
    found = look()
    assert '# Lune = "identifier of a modality"' in found.toml
    uncommented = "\n".join(line.removeprefix("# ") for line in found.toml.splitlines())
    told = uncommented.replace("identifier of a modality", "53")
    assert look(source_map=SourceMap.from_toml(tomllib.loads(told))).toml == ""


def test_lines_for_unknown_modalities_join_the_section_of_the_map():
    found = look(source_map=SourceMap.from_toml({"modalities": {"region": {"Mars": "11"}}}))
    uncommented = found.toml.replace("# ", "").replace("identifier of a modality", "53")
    assert tomllib.loads(uncommented) == {"modalities": {"region": {"Mars": "11", "Lune": "53"}}}


def test_an_unreachable_source():
    found = look(facts=SourceFacts("https://portal.example", reachable=False, error="no answer in 10 s"))
    assert (found.ready, found.problems) == (False, ("no answer in 10 s",))
    assert "no answer in 10 s" in page(found)


def test_no_line_is_not_ready():
    facts = SourceFacts("x", records_count=4_000, lines_read=0)
    found = look({name: {} for name in VALUES}, facts=facts)
    assert not found.ready
    assert "announces 4000 lines" in found.problems[0]


@pytest.mark.parametrize("told", ["x", "2019T4", "2031T1"])
def test_no_valid_quarter_is_not_ready(told):
    found = look({**VALUES, "trimestre": {told: 10}})
    assert not found.ready
    assert "no valid quarter in 'trimestre'" in found.problems


def test_year_and_number():
    values = {"annee": {"2024": 5, "2027": 5}, "numero_trimestre": {"1": 5, "2": 5}, **VALUES}
    del values["trimestre"]
    assert look(values).quarters == ("2024-T1", "2024-T2")
    found = look(values, pairs={("2024", "2"): 5, ("2027", "1"): 5})
    assert found.quarters == ("2024-T2",)
    assert "after 2026-T4" in found.problems[0] or "after 2026-T4" in found.problems[1]


def test_a_job_seeker_flag():
    found = look({**VALUES, "demandeur_emploi": {"oui": 3, "non": 6, "?": 1}})
    assert found.ready
    met = {m.text: m.id for m in found.modalities if m.dimension == "situation"}
    assert met["oui"] == "demandeur_emploi"
    assert any("job seeker" in note for note in found.notes)


def test_a_page_of_five_problems_fits_a_terminal():
    """In the order in which one would mend them, and with the lines to paste."""
    problems = tuple(f"problem {number}: " + "the figures do not fit together, " * 20 for number in range(1, 6))
    toml = "[columns]\n" + "".join(f'part_{n} = "Part {n}"\n' for n in range(8)) + '[units]\nparts = "pourcent"\n'
    found = replace(look(), ready=False, problems=problems, notes=("a note " * 30,) * 6, toml=toml, opens=True)
    shown = page(found).splitlines()
    assert len(shown) <= 40
    assert max(map(len, shown)) <= 140
    places = [next(i for i, line in enumerate(shown) if f"{n}. problem {n}" in line) for n in range(1, 6)]
    assert places == sorted(places)
    assert shown.index("[columns]") > places[-1]
    assert "tried: no other problem stops a run" in shown[shown.index("[columns]") - 1]
    assert shown[-1] == "not ready"


def test_json_is_plain():
    data = json.loads(json.dumps(look().to_json()))
    assert data["ready"] is True
    assert data["facts"]["data_processed"] == "2026-10-08T06:00:00+00:00"


@pytest.mark.parametrize("text", [*(h for h in HOSTILE if "\ud800" not in h), "[bold red]x[/bold red]", "[/]"])
def test_hostile_texts_are_shown_as_plain_text(text):
    values = {**VALUES, "region": {text: 10}, "nb_dossiers": {text: 10}, text: {"x": 1}}
    found = look(values)
    shown = page(found)
    assert "\x1b" not in shown
    assert "\x00" not in shown
    tomllib.loads(found.toml)
    json.dumps(found.to_json())


def test_a_source_whose_export_is_of_no_use_is_not_ready_however_well_it_describes_itself():
    facts = SourceFacts("https://portal.example/usagers", error="the export is truncated; download it again")
    found = look({name: {} for name in VALUES}, facts=facts)
    assert not found.ready
    assert found.problems == ("the export is truncated; download it again",)
    assert len(found.columns) == len(VALUES)
    assert page(found).rstrip().endswith("not ready")


def test_of_several_long_problems_both_ends_are_shown():
    """What it is, and what to do."""
    problems = tuple(f"problem {number}: " + "too long, " * 60 + f"do this: {number}" for number in range(1, 4))
    shown = " ".join(page(replace(look(), ready=False, problems=problems)).split())
    for number in range(1, 4):
        assert f"{number}. problem {number}: too long" in shown
        assert f"do this: {number}" in shown
