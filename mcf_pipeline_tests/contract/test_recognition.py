"""Columns of a file are recognised by any name that is known, or the refusal says what to write."""

from __future__ import annotations

import itertools
import random
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcf_pipeline.contract.lines import given_financers
from mcf_pipeline.contract.recognition import RecognitionError, fields_of, recognise
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline.quarter import Quarter
from mcf_pipeline_tests.contract.hostile import HOSTILE

SIBLING = [
    "date_chargement",
    "trimestre",
    "region",
    "genre",
    "classe_age",
    "situation",
    "statut_dossier",
    "nb_dossiers",
    "nb_titulaires",
    "prix_moyen",
    "nb_dossiers_a_duree_connue",
    "duree_moyenne",
    "montant_engage",
    "part_france_competences",
    "nb_dossiers_finances_par_titulaires",
    "part_titulaire",
    "nb_dossiers_finances_par_etat",
    "part_etat",
    "nb_dossiers_finances_par_pole_emploi",
    "part_pole_emploi",
    "nb_dossiers_finances_par_regions",
    "part_region",
    "nb_dossiers_finances_par_opco",
    "part_opco",
    "nb_dossiers_finances_par_entreprises",
    "part_entreprise",
    "nb_dossiers_finances_par_cec",
    "part_cec",
]
LABELS = [
    "Trimestre d'entrée en formation",
    "Région de résidence",
    "Sexe",
    "Tranche d'âge",
    "CSP",
    "Statut du dossier",
    "Nombre de dossiers",
    "Nombre de stagiaires",
    "Montant engagé (€)",
    "Montant financé par France Travail",
    "Reste à charge",
    "Prix moyen d'une formation",
    "Durée moyenne (h)",
]
LABELS_MEAN = [
    "trimestre",
    "region",
    "genre",
    "classe_age",
    "situation",
    "statut_dossier",
    "nb_dossiers",
    "nb_titulaires",
    "montant_engage",
    "part_france_travail",
    "part_titulaire",
    "prix_moyen",
    "duree_moyenne",
]
MINIMAL = [
    "trimestre",
    "region",
    "genre",
    "classe_age",
    "situation",
    "statut_dossier",
    "nb_dossiers",
    "nb_titulaires",
    "montant_engage",
    "part_titulaire",
]


def fields(names):
    return [SourceField(name) for name in names]


def without(*names):
    return [name for name in MINIMAL if name not in names]


def refused(names, source_map=None, samples=None):
    with pytest.raises(RecognitionError) as caught:
        recognise(fields(names), source_map, samples)
    error = caught.value
    assert "\n" not in str(error)
    assert len(str(error)) < 4_000
    tomllib.loads(error.toml)
    return error


def test_the_siblings_names():
    found = recognise(fields(SIBLING))
    assert len(found.columns) == len(SIBLING)
    assert found.unused == ()
    assert found.source_of("part_france_travail") == "part_pole_emploi"
    assert found.columns["part_france_travail"].rule == "synonym"
    assert found.source_of("part_regions") == "part_region"
    assert found.columns["region"].rule == "technical name"
    assert found.quarter.columns == ("trimestre",)
    assert "demandeur_emploi" not in found.columns
    assert "opco" in given_financers(found.columns)
    assert "autres" not in given_financers(found.columns)


def test_french_labels():
    found = recognise(fields(LABELS))
    assert {name: column.source for name, column in found.columns.items()} == dict(
        zip(LABELS_MEAN, LABELS, strict=True)
    )


@given(st.randoms(use_true_random=False))
@settings(max_examples=30, deadline=None)
def test_order_and_case_mean_nothing(rng: random.Random):
    names = [name.upper() if rng.random() < 0.5 else name.replace("_", " ").title() for name in SIBLING]
    rng.shuffle(names)
    found = recognise(fields(names))
    assert list(found.columns) == list(recognise(fields(SIBLING)).columns)


def test_labels_and_descriptions_of_the_portal():
    described = [
        *fields(without("region", "genre")),
        SourceField("c1", "Région de résidence"),
        SourceField("c2", None, "Sexe du titulaire. Déclaré par la personne."),
    ]
    found = recognise(described)
    assert (found.source_of("region"), found.columns["region"].rule) == ("c1", "label")
    assert (found.source_of("genre"), found.columns["genre"].rule) == ("c2", "description")


def test_a_header_of_labels_is_matched_with_the_portals_fields():
    described = [
        SourceField(name, label) for name, label in zip(LABELS_MEAN, ["Colonne " + n for n in LABELS], strict=True)
    ]
    header = [field.label for field in described]
    found = recognise(fields_of(header, described))
    assert found.source_of("region") == "Colonne Région de résidence"
    assert fields_of(["autre"], described) == (SourceField("autre"),)
    assert fields_of(["region"], described)[0].label == "Colonne Région de résidence"


@pytest.mark.parametrize(
    ("year", "number"),
    [
        ("annee", "numero_trimestre"),
        ("Année", "Trimestre"),
        ("annee", "N° trimestre"),
        ("Année d'entrée", "trim"),
    ],
)
def test_year_and_quarter_in_two_columns(year, number):
    found = recognise(fields([year, number, *without("trimestre")]))
    assert found.quarter.is_pair
    assert found.quarter.columns == (year, number)
    assert found.quarter.read(["2024", "3"]) == Quarter(2024, 3)
    assert found.quarter.read(["2024", "2024-T3"]) == Quarter(2024, 3)
    assert "trimestre" not in found.columns


def test_a_whole_quarter_beside_year_and_number_is_used():
    found = recognise(fields(["annee", "numero_trimestre", *MINIMAL]))
    assert found.quarter.columns == ("trimestre",)
    assert found.unused == ("annee", "numero_trimestre")
    assert found.flags


def test_a_job_seeker_flag_beside_a_csp():
    found = recognise(fields(["Demandeur d'emploi (oui/non)", "CSP", *without("situation")]))
    assert "demandeur_emploi" in found.columns
    assert found.source_of("situation") == "CSP"
    assert "job seeker" in found.flags[0]


def test_a_flag_alone_is_no_situation():
    assert "situation" in refused(["demandeur_emploi", *without("situation")]).problems[0]


def test_unknown_columns_are_left():
    found = recognise(fields([*MINIMAL, "region_lieu_formation", "code_rncp", ""]))
    assert found.unused == ("region_lieu_formation", "code_rncp", "")


def test_a_code_beside_its_label_is_no_ambiguity():
    found = recognise(fields([*MINIMAL, "Code Officiel Région"]))
    assert found.source_of("region") == "region"
    found = recognise(fields([*without("region"), "code_region"]))
    assert (found.source_of("region"), found.columns["region"].rule) == ("code_region", "fallback")
    assert refused([*without("region"), "code_region", "Nom Officiel Région"]).rule == "colonne_ambigue"


@pytest.mark.parametrize(
    ("more", "canonical"),
    [
        ("csp", "situation"),
        ("sexe", "genre"),
        ("part_titulaires", "part_titulaire"),
        ("Reste à charge", "part_titulaire"),
        ("nb_stagiaires", "nb_titulaires"),
        ("Région de résidence", "region"),
    ],
)
def test_two_candidates_are_refused_and_a_map_settles_it(more, canonical):
    error = refused([*MINIMAL, more])
    assert error.rule == "colonne_ambigue"
    assert canonical in error.problems[0]
    assert canonical in tomllib.loads(error.toml)["columns"]
    settled = SourceMap.from_toml({"columns": {canonical: more}})
    found = recognise(fields([*MINIMAL, more]), settled)
    assert (found.source_of(canonical), found.columns[canonical].rule) == (more, "source_map")
    ignored = SourceMap.from_toml({"ignore": {"columns": [more]}})
    assert recognise(fields([*MINIMAL, more]), ignored).source_of(canonical) == canonical


@pytest.mark.parametrize("name", MINIMAL)
def test_a_missing_required_column_is_refused(name):
    error = refused(without(name))
    assert error.rule == "colonne_manquante"
    assert name in str(error) or "part_<financeur>" in str(error)
    assert "MCF_SOURCE_MAP" in str(error) or not error.toml.replace("#", "").strip() or error.toml.startswith("[")


def test_values_propose_and_never_apply():
    samples = {
        "c1": ["2020T1", "2020T2"],
        "c2": ["Bretagne", "Corse", "-1"],
        "c3": ["Validé", "Rejeté"],
        "c4": ["18-24 ans", "50 ans et plus"],
        "c5": ["H", "F"],
    }
    rest = without("trimestre", "region", "statut_dossier", "classe_age", "genre")
    error = refused([*rest, *samples], samples=samples)
    expected = {"trimestre": "c1", "region": "c2", "statut_dossier": "c3", "classe_age": "c4", "genre": "c5"}
    assert {g.canonical: g.source for g in error.guesses} == expected
    found = recognise(fields([*rest, *samples]), SourceMap.from_toml(tomllib.loads(error.toml)))
    assert {name: found.source_of(name) for name in expected} == expected


def test_values_propose_a_year_and_a_number():
    samples = {"c1": ["2020", "2021"], "c2": ["1", "2", "3", "4"]}
    error = refused([*without("trimestre"), *samples], samples=samples)
    assert tomllib.loads(error.toml)["quarter"] == {"year": "c1", "number": "c2"}
    error = refused([*without("trimestre"), "annee", "c2"], samples=samples)
    assert tomllib.loads(error.toml)["quarter"] == {"year": "annee", "number": "c2"}


def test_what_the_map_says_stays_in_the_proposal():
    source_map = SourceMap.from_toml(
        {
            "columns": {"genre": "g"},
            "modalities": {"region": {"a b": "11"}},
            "units": {"montant_engage": "milliers"},
            "ignore": {"columns": ["z"]},
        }
    )
    error = refused([*without("genre", "region"), "g", "régions x"], source_map)
    proposed = SourceMap.from_toml(tomllib.loads(error.toml))
    assert proposed.columns["genre"] == "g"
    assert proposed.modalities == source_map.modalities
    assert (proposed.units, proposed.ignored) == (source_map.units, source_map.ignored)


def test_a_map_that_names_no_column_is_refused():
    error = refused(MINIMAL, SourceMap.from_toml({"columns": {"genre": "absent"}}))
    assert "'absent' for genre, which is not in the file" in str(error)


def test_a_map_may_spell_a_name_otherwise_or_by_its_label():
    described = [*fields(without("genre")), SourceField("c9", "Le Genre")]
    for wanted in ("C9", "le genre"):
        assert recognise(described, SourceMap.from_toml({"columns": {"genre": wanted}})).source_of("genre") == "c9"


@pytest.mark.parametrize("twice", ["region", "Region", " region "])
def test_a_name_twice_is_refused(twice):
    assert refused([*MINIMAL, twice]).rule == "entete_en_double"


def test_five_thousand_columns_are_refused_shortly():
    error = refused([f"c{i}" for i in range(5_000)])
    assert error.rule == "trop_de_colonnes"
    assert recognise(fields([*MINIMAL, *(f"c{i}" for i in range(190))])).unused[0] == "c0"


@pytest.mark.parametrize("name", [h for h in HOSTILE if "\ud800" not in h])
def test_hostile_names_are_left_or_shown_harmlessly(name):
    assert recognise(fields([*MINIMAL, name])).unused == (name,)
    error = refused([*without("region"), name], samples={name: ["Bretagne", "Corse"]})
    assert tomllib.loads(error.toml)["columns"]["region"] == name


@given(st.lists(st.text(max_size=30), max_size=30, unique_by=lambda s: s.strip().casefold()))
@settings(max_examples=60, deadline=None)
def test_any_header_is_recognised_or_refused(names):
    try:
        found = recognise(fields(names), None, {name: ["1", "x"] for name in names})
    except RecognitionError:
        return
    sources = [column.source for column in found.columns.values()]
    assert len(set(sources)) == len(sources)


def test_no_two_financers_share_a_column():
    for prefix, name in itertools.product(["part_", "montant_", "financement "], ["etat", "opco", "cec", "autres"]):
        found = recognise(fields([*without("part_titulaire"), prefix + name]))
        assert found.source_of(f"part_{name}") == prefix + name
