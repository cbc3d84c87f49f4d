"""The table of columns is complete, and no name in it means two columns."""

from __future__ import annotations

import pytest

from mcf_pipeline.contract.columns import COLUMNS, PART_COLUMNS, column_key, kind_of, names_by_key
from mcf_pipeline.contract.financers import FINANCER_ROWS, FINANCERS


def test_the_columns_of_the_design_are_there():
    required = {name for name, rule in COLUMNS.items() if rule.required}
    assert required == {
        "trimestre",
        "region",
        "genre",
        "classe_age",
        "situation",
        "statut_dossier",
        "nb_dossiers",
        "nb_titulaires",
        "montant_engage",
    }
    assert set(FINANCERS) == {
        "france_competences",
        "titulaire",
        "etat",
        "france_travail",
        "regions",
        "opco",
        "entreprises",
        "cec",
        "autres",
    }
    for financer in FINANCERS:
        assert kind_of(f"part_{financer}") == "amount"
        assert kind_of(f"nb_dossiers_finances_par_{financer}") == "count"
    assert PART_COLUMNS[0] == "part_france_competences"
    assert [row["ordre"] for row in FINANCER_ROWS] == list(range(1, 10))
    with pytest.raises(KeyError):
        kind_of("inconnue")


def test_every_column_is_described():
    assert all(rule.description.endswith(".") for rule in COLUMNS.values())


def test_no_name_means_two_columns():
    owners: dict[str, str] = {}
    for rule in COLUMNS.values():
        for name in (rule.name.replace("_", " "), *rule.synonyms, *rule.fallbacks):
            assert owners.setdefault(column_key(name), rule.name) == rule.name, name
            assert len(column_key(name)) >= 2, name


@pytest.mark.parametrize(
    ("name", "canonical"),
    [
        ("Trimestre d'entrée en formation", "trimestre"),
        ("Région de résidence", "region"),
        ("REGION", "region"),
        ("region_residence_titulaire", "region"),
        ("Sexe", "genre"),
        ("Tranche d’âge", "classe_age"),
        ("classeAge", "classe_age"),
        ("Âge du stagiaire", "classe_age"),
        ("CSP", "situation"),
        ("Catégorie socio-professionnelle", "situation"),
        ("Statut du dossier", "statut_dossier"),
        ("Nombre de dossiers", "nb_dossiers"),
        ("Nb dossier", "nb_dossiers"),
        ("Nombre de stagiaires", "nb_titulaires"),
        ("nb_usagers", "nb_titulaires"),
        ("Montant engagé (€)", "montant_engage"),
        ("Montants engagés en euros", "montant_engage"),
        ("Prix moyen d'une formation", "prix_moyen"),
        ("Durée moyenne (h)", "duree_moyenne"),
        ("Durée moyenne d'une formation (en heures)", "duree_moyenne"),
        ("Nombre de dossiers à durée connue", "nb_dossiers_a_duree_connue"),
        ("Montant financé par France Travail", "part_france_travail"),
        ("part_pole_emploi", "part_france_travail"),
        ("montant_opco", "part_opco"),
        ("Part de l'État", "part_etat"),
        ("part_region", "part_regions"),
        ("Reste à charge", "part_titulaire"),
        ("Reste à charge du titulaire (€)", "part_titulaire"),
        ("Abondement employeurs", "part_entreprises"),
        ("nb_dossiers_finances_par_titulaires", "nb_dossiers_finances_par_titulaire"),
        ("Nombre de dossiers financés par Pôle emploi", "nb_dossiers_finances_par_france_travail"),
        ("Nombre de dossiers financés par l’État", "nb_dossiers_finances_par_etat"),
    ],
)
def test_names_are_known(name, canonical):
    assert names_by_key()[column_key(name)] == canonical


@pytest.mark.parametrize(
    "name",
    [
        "Montant engagé (k€)",
        "Montant engagé (M€)",
        "montant_engage_centimes",
        "Part titulaire (%)",
        "Durée moyenne (jours)",
        "Durée moyenne (s)",
        "Nombre de dossiers par titulaire",
        "region_lieu_formation",
        "date validation",
        "taux_part_etat",
        "",
        "€",
        "x" * 100_000,
    ],
)
def test_other_units_and_other_things_are_not(name):
    assert column_key(name) not in names_by_key()
