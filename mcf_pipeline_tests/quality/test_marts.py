"""What ties the marts to each other and to the facts, and what no mart may show."""

import pytest

from mcf_pipeline.quality import marts as marts_quality
from mcf_pipeline.schemas.base import describe
from mcf_pipeline_tests.warehouse.masking import Told, derive, empty_publication, publisher, true_line

MARTS = {describe(model).name: model for model in marts_quality.MART_TIES}


def line(quarter: str, people: int, status: str = "realisation_totale", region: str = "53") -> Told:
    return true_line((quarter, region, "femme", "25_a_39_ans", "employes", status), people, 1, 150_000, 2000, 9, 1)


LINES = [line("2024-T1", 40), line("2024-T1", 30, "annule_of"), line("2024-T2", 50), line("2024-T2", 2, region="06")]


@pytest.fixture(scope="module")
def built():
    """Two quarters and their marts, of which one was revised."""
    opened = empty_publication()
    derive(opened, publisher(LINES), publisher([*LINES[:3], line("2024-T2", 20, "valide")]))
    return opened


@pytest.fixture(scope="module")
def built_masked():
    """A quarter of which nothing is given, beside one of which all is."""
    opened = empty_publication()
    masked = line("2024-T1", 2)
    derive(opened, [masked.but(dict.fromkeys(masked.cells)), line("2024-T2", 40)])
    return opened


def spoiling(opened):
    """The publication for one test to change; it is as before afterwards."""
    opened.execute("BEGIN TRANSACTION")
    yield opened
    opened.execute("ROLLBACK")


@pytest.fixture
def con(built):
    yield from spoiling(built)


@pytest.fixture
def masked_con(built_masked):
    yield from spoiling(built_masked)


def findings(con, mart: str) -> dict:
    model = MARTS[mart]
    return marts_quality.mart_findings(con, model, mart, marts_quality.MART_TIES[model].fact)


@pytest.mark.parametrize("mart", MARTS)
def test_a_mart_of_the_facts_ties_and_invents_nothing(con, mart):
    assert all(finding.holds for finding in findings(con, mart).values())


@pytest.mark.parametrize(
    ("mart", "column"), [(describe(m).name, c) for m, ties in marts_quality.MART_TIES.items() for c in ties.sums]
)
def test_a_mart_that_does_not_tie(con, mart, column):
    con.execute(f"UPDATE {mart} SET {column} = coalesce({column}, 0) + 1 WHERE trimestre_id = '2024-T2'")
    finding = findings(con, mart)["egal_aux_faits"]
    assert finding.count > 0
    assert finding.quarters == ("2024-T2",)


@pytest.mark.parametrize("mart", MARTS)
def test_a_mart_that_lacks_a_row(con, mart):
    con.execute(f"DELETE FROM {mart} WHERE trimestre_id = '2024-T1'")
    assert not findings(con, mart)["egal_aux_faits"].holds


@pytest.mark.parametrize(
    ("mart", "column"),
    [(describe(model).name, name) for model in MARTS.values() for name in marts_quality.bounded(model)],
)
def test_a_figure_that_is_out_of_its_own_bounds(con, mart, column):
    con.execute(
        f"UPDATE {mart} SET {column} = 0.5, {column}_bas = 0.6, {column}_haut = 0.7 WHERE trimestre_id = '2024-T1'"
    )
    assert findings(con, mart)["egal_aux_faits"].quarters == ("2024-T1",)


@pytest.mark.parametrize(
    ("mart", "column"), [(describe(m).name, c) for m, ties in marts_quality.MART_TIES.items() for c in ties.given]
)
def test_a_masked_value_shown_as_zero(masked_con, mart, column):
    con = masked_con
    assert findings(con, mart)["masque_jamais_zero"].holds
    con.execute(f"UPDATE {mart} SET {column} = 0 WHERE trimestre_id = '2024-T1'")
    assert findings(con, mart)["masque_jamais_zero"].quarters == ("2024-T1",)


def revisions(con) -> dict:
    return marts_quality.revision_findings(con, "mart_revisions", "fct_dossiers_historique")


@pytest.mark.parametrize(
    "column",
    [
        "lignes_ajoutees",
        "lignes_supprimees",
        "nb_lignes_masquees_apres",
        "nb_lignes_masquees_avant",
        "dossiers_apres",
        "dossiers_avant",
        "montant_apres",
        "montant_avant",
        "dossiers_ecart",
        "montant_ecart_visibles",
        "parts_ecart_masques",
    ],
)
def test_revisions_that_do_not_tie(con, column):
    found = revisions(con)
    assert found["egal_aux_faits"].holds
    assert found["masque_jamais_zero"].holds
    con.execute(
        f"UPDATE mart_revisions SET {column} = coalesce({column}, 0) + 1 "
        "WHERE nature = 'revision' AND trimestre_id = '2024-T2'"
    )
    assert revisions(con)["egal_aux_faits"].count == 1


def test_revisions_of_what_is_masked(con):
    con.execute("UPDATE mart_revisions SET dossiers_avant = 0 WHERE nature = 'ajout'")
    assert revisions(con)["masque_jamais_zero"].count > 0
