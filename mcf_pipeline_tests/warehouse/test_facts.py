"""Every state that a release told, and what each release said, compared with the lines it was made of."""

from __future__ import annotations

import duckdb
import pytest

from mcf_pipeline_tests.warehouse.builds import published
from mcf_pipeline_tests.warehouse.told import LINES, R1, R2, R3, R4, TELLING, Part, Row, parts, rows

ROW, PART = ", ".join(Row._fields), ", ".join(Part._fields)


def told(space, query: str, *parameters: str) -> list[tuple]:
    return sorted(published(space, query, list(parameters)), key=repr)


def plain(expected: list) -> list[tuple]:
    return sorted(map(tuple, expected), key=repr)


@pytest.mark.parametrize("release", TELLING)
def test_dossiers_au_is_what_the_release_said(story, release):
    assert told(story.space, f"SELECT {ROW} FROM dossiers_au(?)", release) == plain(rows(LINES[release]))


@pytest.mark.parametrize("release", TELLING)
def test_financements_au_is_what_the_release_said(story, release):
    assert told(story.space, f"SELECT {PART} FROM financements_au(?)", release) == plain(parts(LINES[release]))


def test_the_facts_are_what_the_newest_release_said(story):
    assert told(story.space, f"SELECT {ROW} FROM fct_dossiers") == plain(rows(LINES[R4]))
    assert told(story.space, f"SELECT {PART} FROM fct_financements") == plain(parts(LINES[R4]))


@pytest.mark.parametrize("macro", ["dossiers_au", "financements_au"])
@pytest.mark.parametrize(
    "release", [R4, "2025-12-31", "", "zzz"], ids=["one that told nothing", "none", "empty", "text"]
)
def test_a_release_that_is_not_listed_is_an_error_never_an_empty_answer(story, macro, release):
    with pytest.raises(duckdb.InvalidInputException, match=f"publication inconnue : {release}"):
        published(story.space, f"SELECT * FROM {macro}(?)", [release])


def test_without_a_release_there_is_no_answer(story):
    with pytest.raises(duckdb.InvalidInputException):
        published(story.space, "SELECT * FROM dossiers_au(NULL)")


@pytest.mark.parametrize("table", ["fct_dossiers_historique", "fct_financements_historique"])
def test_only_changed_quarters_add_states(story, table):
    states = published(
        story.space, f"SELECT DISTINCT trimestre_id, valide_depuis, valide_jusqua FROM {table} ORDER BY ALL"
    )
    assert states == [
        ("2024-T1", R1, None),
        ("2024-T2", R1, R2),
        ("2024-T2", R2, R3),
        ("2024-T2", R3, None),
        ("2024-T3", R2, R3),
        ("2024-T3", R3, None),
    ]


def test_a_fact_names_the_release_since_when_it_stands(story):
    found = published(story.space, "SELECT DISTINCT trimestre_id, release_id FROM fct_dossiers ORDER BY ALL")
    assert found == [("2024-T1", R1), ("2024-T2", R3), ("2024-T3", R3)]


def test_each_release_does_its_own_quarters_and_no_other(story):
    assert story.done == {
        R1: ["2024-T1", "2024-T2"],
        R2: ["2024-T2", "2024-T3"],
        R3: ["2024-T2", "2024-T3"],
        R4: [],
    }


def test_the_releases_that_told_something_are_listed_in_time_order(story):
    found = published(
        story.space, "SELECT release_id, rang, est_courante, nb_lignes, nb_trimestres FROM dim_release ORDER BY rang"
    )
    assert found == [(R1, 1, False, 8, 2), (R2, 2, False, 11, 3), (R3, 3, True, 10, 3)]


def test_a_modality_of_a_past_state_alone_keeps_its_row(story):
    """Atlantis stands in the second release only; its history would have no region without it."""
    found = published(
        story.space, "SELECT libelle, code_insee, est_connue FROM dim_region WHERE region_id = 'atlantide'"
    )
    assert found == [("Atlantide", None, False)]
