"""Bounds hold the truth, depend on nothing but the number of masked lines, and are there where they are honest.

What else is published of a masked line, and that nothing hidden can be taken out of it: `test_disclosure`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRevisions
from mcf_pipeline.schemas.views import VAnnee, VTrimestreEvolution
from mcf_pipeline_tests.package.handmade import Line, publish_handmade
from mcf_pipeline_tests.warehouse.masking import CELLS, KEY, QUARTERS, Told, derive, sources, value

DERIVED = (*QUARTERLY_MARTS, MartRevisions, VTrimestreEvolution, VAnnee)
SPECS = {describe(model).name: describe(model) for model in DERIVED}
QUICK = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
STAYS = ("prix_moyen", "duree_moyenne")
COUNTS_OF_LINES = {
    "nb_lignes",
    "nb_lignes_masquees",
    "nb_lignes_masquees_un_an_avant",
    "nb_lignes_masquees_apres",
    "nb_lignes_recues",
    "nb_lignes_valides",
    "nb_dossiers_masques",
    "nb_titulaires_masques",
    "nb_montants_masques",
    "nb_prix_connus",
    "nb_durees_connues",
    "lignes_ajoutees",
    "nb_trimestres",
    "est_complete",
}
BOUNDS = {
    "nb_dossiers_min",
    "nb_titulaires_lignes_masquees_min",
    "nb_titulaires_lignes_masquees_max",
    "nb_titulaires_toutes_lignes_max",
}
OF_THE_NEIGHBOURS = {
    # Of the whole quarter, on each of its statuses; of other quarters, beside this one.
    "taux_realisation",
    "taux_abandon",
    "maturite",
    "nb_dossiers_un_an_avant",
    "montant_un_an_avant",
    "nb_dossiers_cumul_annuel",
    "montant_cumul_annuel",
}


@st.composite
def truths(draw: Callable[..., Any]) -> list[Told]:
    """What the publisher knows: every line with all its figures."""
    lines = []
    for line in draw(sources()):
        people = draw(st.integers(1, 12))
        given = {cell: value(cell, number + 1) for number, cell in enumerate(CELLS)}
        lines.append(line.but({**given, "nb_titulaires": people, "nb_dossiers": people + draw(st.integers(0, 2))}))
    return lines


def publisher(lines: list[Told]) -> list[Told]:
    """The rule of the source: a line of fewer than 5 persons is emptied; its means stay."""
    emptied = {cell: None for cell in CELLS if cell not in STAYS}
    return [line.but(emptied) if line.cells["nb_titulaires"] < 5 else line for line in lines]


@pytest.fixture(scope="module")
def con(tmp_path_factory):
    """A published file with its dimensions, whose facts each example replaces."""
    data_dir = publish_handmade(tmp_path_factory.mktemp("bounds"), [Line(quarter=quarter) for quarter in QUARTERS])
    with duckdb.connect(data_dir.published_database) as opened:
        opened.execute("DELETE FROM stg_rejets")
        yield opened


@QUICK
@given(truth=truths())
def test_masked_lines_enter_nothing_but_counts_of_lines(con, truth):
    lines = publisher(truth)
    whole = derive(con, lines, models=DERIVED)
    without = derive(con, [line for line in lines if not line.is_masked], models=DERIVED)
    for name, rows in whole.items():
        for key, row in rows.items():
            rest = without[name].get(key)
            figures = set(row) - COUNTS_OF_LINES - BOUNDS
            if rest is not None:
                assert {f: row[f] for f in figures} == {f: rest[f] for f in figures}, (name, key)
                continue
            # A row that only masked lines make: no figure of its own stands in it.
            own = {c.name for c in SPECS[name].columns if c.unit and c.name in figures} - OF_THE_NEIGHBOURS
            assert {f for f in own if row[f] not in (None, 0)} == set(), (name, key)


GROUPS = {
    "mart_trimestre": ("trimestre_id",),
    "mart_region": ("trimestre_id", "region_id"),
    "mart_profil": ("trimestre_id", "genre_id", "classe_age_id", "situation_id"),
    "mart_statut": ("trimestre_id", "statut_id"),
}


@QUICK
@given(truth=truths())
def test_bounds_hold_the_truth_and_depend_on_the_count_alone(con, truth):
    derived = derive(con, publisher(truth), models=DERIVED)
    for name, names in GROUPS.items():
        for key, row in derived[name].items():
            members = [line for line in truth if tuple(line.key[KEY.index(n)] for n in names) == key]
            masked = [line for line in members if line.cells["nb_titulaires"] < 5]
            shown = [line for line in members if line.cells["nb_titulaires"] >= 5]
            assert row["nb_lignes_masquees"] == len(masked)
            assert row["nb_dossiers"] == (total(shown, "nb_dossiers") if shown else None)
            assert row["nb_dossiers_min"] == total(shown, "nb_dossiers") + len(masked)
            assert row["nb_dossiers_min"] <= total(members, "nb_dossiers")
            if "nb_titulaires_max" not in row:
                continue
            assert row["montant_engage"] == (total(shown, "montant_engage") if shown else None)
            assert row["nb_titulaires_max"] == (total(shown, "nb_titulaires") if shown else None)
            assert row["nb_titulaires_lignes_masquees_min"] == len(masked)
            assert row["nb_titulaires_lignes_masquees_max"] == 4 * len(masked)
            assert len(masked) <= total(masked, "nb_titulaires") <= 4 * len(masked)
            # Distinct persons are at most the sum over lines; the bound is at least that sum.
            assert row["nb_titulaires_toutes_lignes_max"] == total(shown, "nb_titulaires") + 4 * len(masked)
            assert row["nb_titulaires_toutes_lignes_max"] >= total(members, "nb_titulaires")


def total(lines: list[Told], cell: str) -> Any:
    return sum(line.cells[cell] for line in lines)


# -- names -----------------------------------------------------------------------------------------------


def test_no_upper_bound_is_invented_for_dossiers_or_amounts():
    for model in DERIVED:
        for column in describe(model).columns:
            if column.unit in ("dossiers", "euros"):
                assert not column.name.endswith("_max"), column.name


def test_every_sum_of_persons_says_so_in_its_name():
    for model in DERIVED:
        for column in describe(model).columns:
            if column.unit == "personnes":
                assert column.name.endswith(("_min", "_max")), column.name
                assert column.masking, column.name


def test_nothing_of_more_than_a_quarter_counts_persons():
    over_quarters = [model for model in DERIVED if "trimestre_id" not in describe(model).key]
    assert over_quarters == [VAnnee]
    for model in (VAnnee, VTrimestreEvolution):
        assert not [c.name for c in describe(model).columns if "titulaire" in c.name or c.unit == "personnes"]


SUM_OF_PERSONS = re.compile(r"\bsum\((?=[^()]*titulaires)[^()]*\)", re.IGNORECASE)
QUESTIONS = (Path(__file__).parents[2] / "docs" / "questions.md").read_text(encoding="utf-8")
SQL = {
    **{f.name: f.read_text(encoding="utf-8") for f in resources.files("mcf_pipeline").joinpath("sql").iterdir()},
    "questions.md": "\n".join(re.findall(r"```sql\n(.*?)```", QUESTIONS, re.DOTALL)),
}


@pytest.mark.parametrize("name", SQL)
def test_no_query_of_ours_sums_persons_under_a_name_that_hides_it(name):
    for line in SQL[name].splitlines():
        if SUM_OF_PERSONS.search(line):
            assert re.search(r"\bAS \w+(_max|_au_plus)\b", line), line


def test_sums_of_persons_are_recognised_where_there_are_some():
    assert {name for name, text in SQL.items() if SUM_OF_PERSONS.search(text)} == {
        "mart_trimestre.sql",
        "mart_region.sql",
        "mart_profil.sql",
        "questions.md",
    }


def test_every_sum_over_lines_that_can_be_masked_has_their_number_beside_it():
    for model in DERIVED:
        spec = describe(model)
        sums = [c.name for c in spec.columns if c.unit in ("dossiers", "personnes") and c.nullable]
        beside = {"nb_lignes_masquees"}
        if model is MartRevisions:
            beside = {"nb_lignes_masquees_avant", "nb_lignes_masquees_apres"}
        assert not sums or beside <= set(spec.column_names), spec.name
