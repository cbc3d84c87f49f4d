"""``doctor``: one look at a live portal or a file, the page it ends in, and that nothing is written."""

import csv
import json
import re
import tomllib
from pathlib import Path

import pytest

from mcf_pipeline.contract.columns import COLUMNS
from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.exports import listing
from mcf_pipeline_tests.orchestration.assets import small
from mcf_pipeline_tests.portal import SimulatedPortal


@pytest.fixture(scope="module")
def portal():
    with SimulatedPortal([small.FIRST]) as found:
        yield found


def renamed(release, target, **names):
    """A release under other names of its columns."""
    header, rest = release.read_text(encoding="utf-8-sig").split("\n", 1)
    for name, other in names.items():
        assert name in header
        header = re.sub(rf"\b{name}\b", other, header)
    target.write_text(f"{header}\n{rest}", encoding="utf-8-sig")
    return target


def test_a_live_portal_is_looked_at_and_nothing_is_written(portal, tmp_path):
    answer = mcf_here("doctor", "--data-dir", tmp_path / "data", MCF_PORTAL_URL=portal.url)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[-1] == "ready"
    for said in ("reachable", "quota left", "licence", "Licence Ouverte", "data_processed", "2021-01-08", "lines read"):
        assert said in answer.out
    assert list(tmp_path.iterdir()) == []


def test_it_says_how_the_file_masks(small_releases):
    """What the publisher's description leaves open; held against the CSV itself."""
    with small_releases[0].open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file, delimiter=";"))
    profiles = {}
    for line in lines:
        key = tuple(line[name] for name in ("trimestre", "region", "genre", "classe_age", "situation"))
        profiles.setdefault(key, []).append(line["nb_dossiers"] == "")
    reported = json.loads(mcf_here("doctor", "--source", small_releases[0], "--json").out)["masking"]
    assert reported == {
        "lines": len(lines),
        "masked": sum(line["nb_dossiers"] == "" for line in lines),
        "fewest_persons": min(int(line["nb_titulaires"]) for line in lines if line["nb_titulaires"]),
        "fewest_dossiers": min(int(line["nb_dossiers"]) for line in lines if line["nb_dossiers"]),
        "whole_profiles": sum(all(masked) for masked in profiles.values()),
        "partial_profiles": sum(any(masked) and not all(masked) for masked in profiles.values()),
    }
    said = " ".join(mcf_here("doctor", "--source", small_releases[0]).out.split())
    assert f"smallest figures shown: {reported['fewest_persons']} persons" in said


def test_every_column_of_the_source_is_there_with_what_it_became_and_why(small_releases):
    answer = mcf_here("doctor", "--source", small_releases[0], "--json")
    reported = json.loads(answer.out)
    header = small_releases[0].read_text(encoding="utf-8-sig").splitlines()[0].split(";")
    assert [column["source"] for column in reported["columns"]] == header
    assert {column["canonical"] for column in reported["columns"]} <= COLUMNS.keys()
    assert all(column["rule"] for column in reported["columns"])
    assert {modality["dimension"] for modality in reported["modalities"]} == {
        "region",
        "genre",
        "classe_age",
        "situation",
        "statut",
    }
    assert reported["quarters"] == ["2020-T1", "2020-T2", "2020-T3", "2020-T4"]
    assert reported["formats"]["nb_dossiers"].keys() == {"1234", "empty"}
    assert reported["ready"] is True


def test_the_lines_that_it_shows_make_an_unknown_column_known(small_releases, tmp_path):
    """First contact with a header that nobody guessed: one page, its lines pasted, and it works."""
    release = renamed(small_releases[0], tmp_path / "odd.csv", region="territoire", statut_dossier="avancement_bis")
    answer = mcf_here("doctor", "--source", release)
    assert answer.code == 4
    assert "error: the source is not understood" in answer.err
    page = answer.out
    assert page.splitlines()[-1] == "not ready"
    lines = page[page.index("[columns]") : page.rindex("not ready")]
    assert tomllib.loads(lines)["columns"] == {"region": "territoire", "statut_dossier": "avancement_bis"}
    source_map = tmp_path / "source-map.toml"
    source_map.write_text(lines, encoding="utf-8")
    mapped = {"MCF_SOURCE_MAP": str(source_map)}
    assert mcf_here("doctor", "--source", release, **mapped).out.splitlines()[-1] == "ready"
    assert mcf_here("run", "--source", release, "--data-dir", tmp_path / "data", **mapped).code == 0


def test_an_unknown_modality_is_named_and_stops_nothing(small_releases, tmp_path):
    release = small.rewrite(small_releases[0], tmp_path / "odd.csv", [("2020-T2", {"region": "Atlantide"})])
    answer = mcf_here("doctor", "--source", release)
    assert answer.code == 0
    assert "1 unknown in region: 'Atlantide'" in answer.out
    assert '# Atlantide = "identifier of a modality"' in answer.out


def test_it_looks_beside_a_warehouse_without_touching_it(ready, first_run):
    before = listing(ready)
    assert mcf_here("doctor", "--source", first_run.csv, "--data-dir", ready).code == 0
    assert listing(ready) == before


def test_what_a_run_would_refuse_is_not_ready(small_releases, tmp_path):
    """It ended with "ready" for a file of which a run then refused quarters."""
    edits = [("2020-T3", {"montant_engage": f"n.c.{number}"}) for number in range(9)]
    release = small.rewrite(small_releases[0], tmp_path / "nc.csv", edits)
    answer = mcf_here("doctor", "--source", release)
    assert answer.code == 4
    assert "2020-T3 would be refused: 9 of its" in answer.out
    assert answer.out.splitlines()[-1] == "not ready"
    assert "error: the source cannot be used" in answer.err
    refused = mcf_here("run", "--source", release, "--data-dir", tmp_path / "data")
    assert (refused.code, refused.err.count("2020-T3: 9 of")) == (4, 1)


def test_every_line_is_counted_however_many_figures_there_are(small_releases, monkeypatch):
    from mcf_pipeline.commands import doctor

    monkeypatch.setattr(doctor, "MAX_VALUES", 20)
    reported = json.loads(mcf_here("doctor", "--source", small_releases[0], "--json").out)
    for name, forms in reported["formats"].items():
        assert sum(forms.values()) == reported["facts"]["lines_read"], name


@pytest.mark.parametrize("command", ["doctor", "run"])
def test_an_error_names_the_file_that_was_given(tmp_path, command):
    page = tmp_path / "téléchargement (1).csv"
    page.write_text("<!DOCTYPE html><html><body>503</body></html>")
    answer = mcf_here(command, "--source", page, "--data-dir", tmp_path / "data")
    assert answer.code == 4
    assert f"error: {page} is HTML, not a csv export" in answer.err


def test_the_readmes_examples_are_what_it_prints(small_releases, tmp_path):
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    columns, modalities = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    moved = renamed(small_releases[0], tmp_path / "moved.csv", region="lieu")
    assert columns in mcf_here("doctor", "--source", moved).out
    strange = tmp_path / "strange.csv"
    text = small_releases[0].read_text(encoding="utf-8-sig")
    assert ";Bretagne;" in text
    strange.write_text(text.replace(";Bretagne;", ";Midi et Languedoc;"), encoding="utf-8-sig")
    answer = mcf_here("doctor", "--source", strange)
    assert answer.code == 0
    assert modalities in answer.out


def test_what_to_do_is_not_cut_from_a_problem(tmp_path):
    """An error of the source says at its end what to do."""
    nobody = {"MCF_PORTAL_URL": "http://127.0.0.1:9/" + "x" * 60, "MCF_LIMIT_MAX_ATTEMPTS": "1"}
    answer = mcf_here("doctor", "--data-dir", tmp_path / "data", **nobody)
    assert answer.code != 0
    (problem,) = [line for line in answer.out.splitlines() if line.startswith("  1. ")]
    assert problem.removeprefix("  1. ") == answer.error.removeprefix("error: ")
    assert len(problem) > 240
