"""Every line of the warehouse stands in the page, with its figures to the cent."""

import duckdb
import pytest

from mcf_pipeline.site.writing import page_of
from mcf_pipeline_tests.site.unpacking import lines_of, meta_of

KEY = ("trimestre", "region", "genre", "classe_age", "situation", "statut")
IDS = [f"{name}_id" for name in KEY]


@pytest.fixture
def con(three_releases):
    with duckdb.connect(three_releases.published_database, read_only=True) as con:
        yield con


def test_every_line_is_there_with_every_figure(con):
    page = page_of(con, "mark")
    scales = meta_of(page)["scales"]
    expected = con.execute(
        f"SELECT {', '.join(IDS)}, nb_dossiers, nb_titulaires, nb_dossiers_a_duree_connue, "
        f"(montant_engage * 100)::BIGINT, (prix_moyen * {scales['prix']})::BIGINT, "
        f"(duree_moyenne * {scales['duree']})::BIGINT FROM fct_dossiers ORDER BY ALL"
    ).fetchall()
    measures = ("nb_dossiers", "nb_titulaires", "duree_connue", "montant", "prix", "duree")
    found = [tuple(line[name] for name in (*KEY, *measures)) for line in lines_of(page)]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert {line["lignes"] for line in lines_of(page)} == {1}


def test_every_financing_is_there(con):
    expected = con.execute(
        f"SELECT {', '.join(IDS)}, financeur_id, (montant * 100)::BIGINT FROM fct_financements"
    ).fetchall()
    page = page_of(con, "mark")
    found = [
        (*(line[name] for name in KEY), row["id"], line[f"part_{row['id']}"])
        for line in lines_of(page)
        for row in meta_of(page)["financers"]
    ]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    payers = con.execute(
        "SELECT sum(nb_dossiers_finances)::BIGINT FROM fct_financements WHERE financeur_id = 'titulaire'"
    ).fetchall()
    assert payers == [(sum(line["dossiers_titulaire"] or 0 for line in lines_of(page)),)]


def test_a_masked_figure_is_missing_and_a_zero_is_zero(con):
    lines = lines_of(page_of(con, "mark"))
    masked = [line for line in lines if line["nb_dossiers"] is None]
    assert masked
    assert all(line["part_etat"] is None and line["montant"] is None for line in masked)
    assert all(line["prix"] is not None for line in masked)
    assert any(line["part_etat"] == 0 for line in lines)


def test_too_many_lines_are_summed_up_and_the_page_says_so(con):
    full = lines_of(page_of(con, "mark"))
    page = page_of(con, "mark", max_lines=len(full) // 2)
    lines, dimensions = lines_of(page), meta_of(page)["dimensions"]
    assert dimensions["classe_age"] == []
    assert len(lines) < len(full)

    def sums(lines, name):
        return sum(line[name] or 0 for line in lines)

    for name in ("nb_dossiers", "montant", "nb_titulaires", "duree_connue", "part_titulaire", "part_etat"):
        assert sums(lines, name) == sums(full, name), name

    def masked(lines):
        return sum(line["lignes"] for line in lines if line["nb_dossiers"] is None)

    assert masked(lines) == masked(full)


@pytest.mark.parametrize("half", [False, True])
def test_a_line_is_masked_as_the_warehouse_says_whatever_is_hidden_of_it(copy_of_three, half):
    """Counts may be given where the amount is not; such a line is masked, and its counts count."""
    with duckdb.connect(copy_of_three.published_database) as con:
        con.execute(
            "UPDATE fct_dossiers SET montant_engage = NULL, est_masque = true "
            "WHERE NOT est_masque AND trimestre_id = (SELECT max(trimestre_id) FROM fct_dossiers)"
        )
        full = lines_of(page_of(con, "mark"))
        lines = lines_of(page_of(con, "mark", max_lines=len(full) // 2)) if half else full
        expected = con.execute(
            "SELECT count(*) FILTER (WHERE est_masque), sum(nb_dossiers)::BIGINT, (sum(montant_engage) * 100)::BIGINT, "
            "count(*) - count(nb_dossiers), count(*) - count(montant_engage) FROM fct_dossiers"
        ).fetchall()
    assert expected[0][0] > expected[0][3]
    found = (
        sum(line["lignes"] for line in lines if line["masque"]),
        sum(line["nb_dossiers"] or 0 for line in lines),
        sum(line["montant"] or 0 for line in lines),
        sum(line["lignes"] for line in lines if line["nb_dossiers"] is None),
        sum(line["lignes"] for line in lines if line["montant"] is None),
    )
    assert [found] == expected


def test_prices_of_four_decimals_keep_them(copy_of_three):
    with duckdb.connect(copy_of_three.published_database) as con:
        con.execute("UPDATE fct_dossiers SET prix_moyen = prix_moyen + 0.0042")
        page = page_of(con, "mark")
        assert meta_of(page)["scales"]["prix"] == 10_000
        expected = con.execute(
            "SELECT sum(montant_engage * 100)::BIGINT, sum(prix_moyen * 10000)::BIGINT FROM fct_dossiers"
        )
        lines = lines_of(page)
        assert expected.fetchall() == [
            (sum(line["montant"] or 0 for line in lines), sum(line["prix"] for line in lines))
        ]


def test_the_hypothesis_on_masked_lines_is_the_files_own(copy_of_three):
    with duckdb.connect(copy_of_three.published_database) as con:
        con.execute("DROP MACRO IF EXISTS dossiers_max_par_ligne_masquee")
        assert meta_of(page_of(con, "mark"))["most"] == 5
        con.execute("CREATE MACRO dossiers_max_par_ligne_masquee() AS 7")
        assert meta_of(page_of(con, "mark"))["most"] == 7
