"""The published file documents itself: comments, `dictionnaire`, readable views; nothing in it goes undescribed."""

from __future__ import annotations

import duckdb
import pytest

from mcf_pipeline.schemas.base import Count, Table, column, describe
from mcf_pipeline.schemas.documentation import DOCUMENTATION
from mcf_pipeline.schemas.macros import MACROS
from mcf_pipeline.warehouse.assembly import PUBLISHED, PUBLISHED_VIEWS
from mcf_pipeline_tests.package.handmade import UNKNOWN_REGION, publish_handmade

ALL = (*PUBLISHED, *DOCUMENTATION, *PUBLISHED_VIEWS)


@pytest.fixture(scope="module")
def data_dir(handmade):
    return handmade


@pytest.fixture
def con(data_dir):
    with duckdb.connect(data_dir.published_database, read_only=True) as opened:
        yield opened


def test_a_column_without_description_breaks_the_build():
    class Undescribed(Table):
        nb: Count = column("", ge=0)

        class Config:
            name = "mart_sans_description"
            description = "Une table."
            unique = ("nb",)

    with pytest.raises(ValueError, match=r"mart_sans_description\.nb has no description"):
        describe(Undescribed)


def test_a_table_without_description_breaks_the_build():
    class Undescribed(Table):
        nb: Count = column("Un nombre.")

        class Config:
            name = "mart_sans_description"

    with pytest.raises(ValueError, match="needs a name and a description"):
        describe(Undescribed)


def test_everything_in_the_file_has_a_comment(con):
    tables = con.execute(
        "SELECT table_name, comment FROM duckdb_tables() UNION ALL "
        "SELECT view_name, comment FROM duckdb_views() WHERE NOT internal"
    ).fetchall()
    assert {name for name, _ in tables} == {describe(model).name for model in ALL}
    assert [name for name, comment in tables if not comment or "Licence Ouverte 2.0" not in comment] == []
    columns = con.execute("SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal").fetchall()
    assert {(table, name): comment for table, name, comment in columns} == {
        (describe(model).name, spec.name): spec.comment for model in ALL for spec in describe(model).columns
    }


def test_every_macro_has_its_arguments_and_its_comment(con):
    found = con.execute(
        "SELECT function_name, parameters, comment, function_type = 'table_macro' FROM duckdb_functions() "
        "WHERE NOT internal AND function_type LIKE '%macro'"
    ).fetchall()
    assert sorted(found) == sorted((m.name, list(m.arguments), m.comment, m.is_table) for m in MACROS)


@pytest.mark.parametrize("macro", MACROS, ids=lambda macro: macro.name)
def test_the_example_of_a_macro_works(con, macro):
    assert f"{macro.name}(" in macro.example
    assert con.execute(macro.example).fetchall()


def test_the_dictionary_has_a_row_for_each_column_a_user_sees(con):
    reported = con.execute("SELECT nom_table, nom_colonne, rang, type FROM dictionnaire").fetchall()
    documentation = tuple(describe(model).name for model in DOCUMENTATION)
    seen = con.execute(
        "SELECT table_name, column_name, column_index, data_type FROM duckdb_columns() "
        f"WHERE NOT internal AND table_name NOT IN {documentation}"
    ).fetchall()
    assert sorted(reported) == sorted(seen)


def test_the_dictionary_tells_unit_computation_masking_and_key(con):
    row = con.execute(
        "SELECT unite, calcul, masquage, est_cle, est_facultative, reference FROM dictionnaire "
        "WHERE nom_table = 'mart_region' AND nom_colonne = 'nb_titulaires_lignes_masquees_max'"
    ).fetchone()
    assert row is not None
    assert row[0] == "personnes"
    assert "4 ×" in row[1]
    assert "1 à 4 personnes" in row[2]
    assert row[3:] == (False, False, None)
    key = con.execute(
        "SELECT est_cle, reference FROM dictionnaire WHERE nom_table = 'mart_region' AND nom_colonne = 'region_id'"
    ).fetchone()
    assert key == (True, "dim_region")


def test_examples_are_the_first_values_in_the_order_of_the_key(con):
    told = con.execute("SELECT nom_table, nom_colonne, exemple FROM dictionnaire").fetchall()
    reported = {(table, name): example for table, name, example in told}
    for model in (*PUBLISHED, *PUBLISHED_VIEWS):
        spec = describe(model)
        # Once and in memory: a view would be worked out again for each of its columns.
        con.execute(f"CREATE OR REPLACE TEMP TABLE vue AS FROM {spec.name}")
        for spec_column in spec.columns:
            name = spec_column.name
            first = con.execute(
                f"SELECT CAST({name} AS VARCHAR)[:120] FROM vue WHERE {name} IS NOT NULL "
                f"ORDER BY {', '.join(spec.key)} LIMIT 1"
            ).fetchone()
            assert (reported[spec.name, name],) == (first or (None,)), (spec.name, name)


def test_the_same_data_gives_the_same_dictionary(data_dir, tmp_path):
    def dictionary(path):
        with duckdb.connect(path, read_only=True) as opened:
            return opened.execute("SELECT * FROM dictionnaire").fetchall()

    again = publish_handmade(tmp_path)
    assert dictionary(again.published_database) == dictionary(data_dir.published_database)


def test_the_list_of_tables_counts_their_rows(con):
    listed = con.execute("SELECT nom_table, nature, nb_lignes FROM meta_tables").fetchall()
    assert {name for name, nature, _ in listed if nature == "vue"} == {
        describe(model).name for model in PUBLISHED_VIEWS
    }
    for name, nature, rows in listed:
        found = con.execute(f"SELECT count(*) FROM {name}").fetchone()
        assert rows == (None if nature == "vue" else found[0])


def test_views_show_every_line_with_its_labels(con):
    for view, fact, measure in (
        ("v_dossiers", "fct_dossiers", "montant_engage"),
        ("v_financements", "fct_financements", "montant"),
    ):
        counted = f"SELECT count(*), sum({measure}), count(*) FILTER (WHERE est_masque) FROM "
        assert con.execute(counted + view).fetchall() == con.execute(counted + fact).fetchall()
    rows = con.execute(
        "SELECT trimestre, annee, region, genre, classe_age, situation, statut, nb_dossiers FROM v_dossiers "
        "WHERE trimestre_id = '2024-T1' AND genre = 'Femme' AND region = 'Bretagne'"
    ).fetchall()
    assert rows == [
        ("1er trimestre 2024", 2024, "Bretagne", "Femme", "25 à 39 ans", "Employés", "Clos - Réalisation Totale", 12)
    ]
    unknown = con.execute("SELECT DISTINCT region FROM v_dossiers WHERE code_region IS NULL").fetchall()
    assert unknown == [(UNKNOWN_REGION.libelle,)]


def test_a_year_has_only_what_adds_up(con):
    years = con.execute(
        "SELECT annee, nb_trimestres, est_complete, nb_lignes, nb_lignes_masquees, nb_dossiers, nb_dossiers_min, "
        "CAST(montant_engage AS VARCHAR) FROM v_annee"
    ).fetchall()
    assert years == [
        (2024, 2, False, 4, 1, 64, 65, "96000.10"),
        (2025, 1, False, 2, 1, 13, 14, "20000.10"),
    ]
    for model in PUBLISHED_VIEWS:
        spec = describe(model)
        if "trimestre_id" not in spec.key:
            assert not [c.name for c in spec.columns if "titulaire" in c.name or c.unit == "personnes"]


@pytest.mark.parametrize("synthetic", [False, True])
def test_the_file_says_what_to_cite(tmp_path, synthetic):
    data_dir = publish_handmade(tmp_path, synthetic=synthetic)
    with duckdb.connect(data_dir.published_database, read_only=True) as con:
        (mention, licence, reported, release) = con.execute(
            "SELECT mention, licence, est_synthetique, release_id FROM meta_publication"
        ).fetchone()
        (comment,) = con.execute("SELECT comment FROM duckdb_views() WHERE view_name = 'v_annee'").fetchone()
    assert licence == "Licence Ouverte 2.0"
    assert reported is synthetic
    assert release == "2026-10-08"
    for part in ("Caisse des Dépôts", "08/10/2026", "Licence Ouverte 2.0", "modifiées par mcf_pipeline"):
        assert part in mention
    assert mention.startswith("DONNÉES SYNTHÉTIQUES") is synthetic
    assert mention in comment
