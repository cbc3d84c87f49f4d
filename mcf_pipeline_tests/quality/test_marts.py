"""What ties the marts to each other and to the facts, and what no mart may show."""

from __future__ import annotations

import pytest

from mcf_pipeline.quality.marts import MART_TIES, mart_findings, revision_findings
from mcf_pipeline.schemas.base import describe
from mcf_pipeline_tests.exports import ingest, line, masked, workspace_in
from mcf_pipeline_tests.quality.conftest import tables_of
from mcf_pipeline_tests.warehouse.builds import build_all

MARTS = {describe(model).name: model for model in MART_TIES}


def findings(con, mart: str):
    return mart_findings(con, MARTS[mart], mart, MART_TIES[MARTS[mart]].fact)


@pytest.mark.parametrize(
    ("mart", "column"), [(describe(m).name, c) for m, ties in MART_TIES.items() for c in ties.sums]
)
def test_a_mart_that_does_not_tie(con, mart, column):
    assert findings(con, mart)["egal_aux_faits"].holds
    con.execute(f"UPDATE {mart} SET {column} = coalesce({column}, 0) + 1 WHERE trimestre_id = '2024-T2'")
    finding = findings(con, mart)["egal_aux_faits"]
    assert finding.count > 0
    assert finding.quarters == ("2024-T2",)


@pytest.mark.parametrize("mart", MARTS)
def test_a_mart_that_lacks_a_row(con, mart):
    con.execute(f"DELETE FROM {mart} WHERE trimestre_id = '2024-T1'")
    assert not findings(con, mart)["egal_aux_faits"].holds


@pytest.fixture(scope="module")
def everything_masked(tmp_path_factory):
    """A quarter of which nothing is given, beside one of which all is."""
    space = workspace_in(tmp_path_factory.mktemp("everything_masked"))
    ingest(space.archive, [masked(prix_moyen="", duree_moyenne=""), line("2024-T2")])
    build_all(space)
    return space


@pytest.mark.parametrize(
    ("mart", "column"), [(describe(m).name, c) for m, ties in MART_TIES.items() for c in ties.given]
)
def test_a_masked_value_shown_as_zero(everything_masked, mart, column):
    with tables_of(everything_masked) as con:
        assert findings(con, mart)["masque_jamais_zero"].holds
        con.execute(f"UPDATE {mart} SET {column} = 0 WHERE trimestre_id = '2024-T1'")
        finding = findings(con, mart)["masque_jamais_zero"]
    assert finding.quarters == ("2024-T1",)


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
    ],
)
def test_revisions_that_do_not_tie(con, column):
    found = revision_findings(con, "mart_revisions", "fct_dossiers_historique")
    assert found["egal_aux_faits"].holds
    assert found["egal_aux_faits"].total == 3, "two quarters added, one revised"
    assert found["masque_jamais_zero"].holds
    con.execute(f"UPDATE mart_revisions SET {column} = coalesce({column}, 0) + 1 WHERE nature = 'revision'")
    assert revision_findings(con, "mart_revisions", "fct_dossiers_historique")["egal_aux_faits"].count == 1


def test_revisions_of_what_is_masked(con):
    con.execute("UPDATE mart_revisions SET dossiers_avant = 0 WHERE nature = 'ajout'")
    assert revision_findings(con, "mart_revisions", "fct_dossiers_historique")["masque_jamais_zero"].count == 2
