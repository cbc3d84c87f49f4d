"""What ties the marts to each other and to the facts, and what no mart may show."""

import pytest

from mcf_pipeline.quality import marts as marts_quality
from mcf_pipeline.schemas.base import describe
from mcf_pipeline_tests.exports import line, masked, take_in, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all, copy_of

MARTS = {describe(model).name: model for model in marts_quality.MART_TIES}


@pytest.mark.parametrize(
    ("mart", "column"), [(describe(m).name, c) for m, ties in marts_quality.MART_TIES.items() for c in ties.sums]
)
def test_a_mart_that_does_not_tie(space, mart, column):
    with space.build() as con:
        assert marts_quality.mart_findings(con, MARTS[mart])["egal_aux_faits"].holds
        con.execute(f"UPDATE {mart} SET {column} = coalesce({column}, 0) + 1 WHERE trimestre_id = '2024-T2'")
        finding = marts_quality.mart_findings(con, MARTS[mart])["egal_aux_faits"]
        assert finding.count > 0
        assert finding.quarters == ("2024-T2",)
        con.execute("UPDATE meta_marque SET empreinte = 'x' WHERE actif LIKE 'fct%' AND trimestre_id = '2024-T2'")
        assert marts_quality.mart_findings(con, MARTS[mart])["egal_aux_faits"].holds, "the quarter waits for its run"


@pytest.mark.parametrize("mart", MARTS)
def test_a_mart_that_lacks_a_row(space, mart):
    with space.build() as con:
        con.execute(f"DELETE FROM {mart} WHERE trimestre_id = '2024-T1'")
        assert not marts_quality.mart_findings(con, MARTS[mart])["egal_aux_faits"].holds


@pytest.fixture(scope="module")
def everything_masked(tmp_path_factory):
    """A quarter of which nothing is given, beside one of which all is."""
    space = workspace_in(tmp_path_factory.mktemp("everything_masked"))
    take_in(space.archive, [masked(prix_moyen="", duree_moyenne=""), line("2024-T2")])
    build_all(space)
    return space


@pytest.mark.parametrize(
    ("mart", "column"), [(describe(m).name, c) for m, ties in marts_quality.MART_TIES.items() for c in ties.given]
)
def test_a_masked_value_shown_as_zero(everything_masked, tmp_path, mart, column):
    space = copy_of(everything_masked, tmp_path / "copy")
    with space.build() as con:
        assert marts_quality.mart_findings(con, MARTS[mart])["masque_jamais_zero"].holds
        con.execute(f"UPDATE {mart} SET {column} = 0 WHERE trimestre_id = '2024-T1'")
        finding = marts_quality.mart_findings(con, MARTS[mart])["masque_jamais_zero"]
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
def test_revisions_that_do_not_tie(space, column):
    with space.build() as con:
        found = marts_quality.revision_findings(con)
        assert found["egal_aux_faits"].holds
        assert found["egal_aux_faits"].total == 3, "two quarters added, one revised"
        assert found["masque_jamais_zero"].holds
        con.execute(f"UPDATE mart_revisions SET {column} = coalesce({column}, 0) + 1 WHERE nature = 'revision'")
        assert marts_quality.revision_findings(con)["egal_aux_faits"].count == 1


def test_revisions_of_what_is_masked(space):
    with space.build() as con:
        con.execute("UPDATE mart_revisions SET dossiers_avant = 0 WHERE nature = 'ajout'")
        assert marts_quality.revision_findings(con)["masque_jamais_zero"].count == 2
