"""A text in a dimension is a known modality, not given, or unknown with a safe identifier of its own."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcf_pipeline.contract.modalities import (
    DIMENSIONS,
    KNOWN,
    modality_key,
    parse_ages,
    parse_flag,
    resolve,
    resolve_situation,
)
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline_tests.contract.hostile import HOSTILE


@pytest.mark.parametrize(
    ("dimension", "text", "expected"),
    [
        ("region", "Île-de-France", "11"),
        ("region", "Ile de France", "11"),
        ("region", "ILE-DE-FRANCE", "11"),
        ("region", "Île‑de‑France", "11"),
        ("region", "I\u0302le-de-France", "11"),
        ("region", "11", "11"),
        ("region", "FR-IDF", "11"),
        ("region", "PACA", "93"),
        ("region", "Provence-Alpes-Côte d’Azur", "93"),
        ("region", "Auvergne Rhone Alpes", "84"),
        ("region", "Réunion", "04"),
        ("region", "1", "01"),
        ("region", "01", "01"),
        ("region", "Corse", "94"),
        ("genre", "F", "femme"),
        ("genre", "Hommes", "homme"),
        ("genre", "M", "homme"),
        ("genre", "FÉMININ", "femme"),
        ("classe_age", "Moins de 25 ans", "moins_de_25_ans"),
        ("classe_age", "< 25 ans", "moins_de_25_ans"),
        ("classe_age", "16-24 ans", "moins_de_25_ans"),
        ("classe_age", "25-39", "25_a_39_ans"),
        ("classe_age", "De 25 à 39 ans", "25_a_39_ans"),
        ("classe_age", "de 40 a 49 ans", "40_a_49_ans"),
        ("classe_age", "50 ans et +", "50_ans_et_plus"),
        ("classe_age", "50 ans ou plus", "50_ans_et_plus"),
        ("situation", "Demandeur d’emploi", "demandeur_emploi"),
        ("situation", "DEMANDEURS D'EMPLOI", "demandeur_emploi"),
        ("situation", "Employé(e)s", "employes"),
        ("situation", "Employé", "employes"),
        ("situation", "Cadres", "cadres"),
        ("situation", "Artisans, commerçants, chefs d'entreprise", "artisans_commercants_chefs_entreprise"),
        ("statut", "Clos – Réalisation totale", "realisation_totale"),
        ("statut", "CLOS - NON REALISE ANNULE OF", "annule_of"),
        ("statut", "Annulé par le titulaire", "annule_titulaire"),
        ("statut", "Rejetée", "rejete"),
    ],
)
def test_spellings_meet_the_known_modality(dimension, text, expected):
    found = resolve(dimension, text)
    assert (found.id, found.est_connue) == (expected, True)


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize(
    "text",
    [None, "", "  ", "-1", " -1 ", "NA", "n/a", "ND", "Non renseigné", "Non renseigné(e)", "INCONNU", "null"],
)
def test_not_given_is_known_everywhere(dimension, text):
    found = resolve(dimension, text)
    assert (found.id, found.libelle, found.est_connue) == ("non_renseigne", "Non renseigné", True)


def test_not_given_may_name_its_dimension():
    assert resolve("region", "Région inconnue").id == "non_renseigne"
    assert resolve("genre", "Sexe non renseigné").id == "non_renseigne"
    assert resolve("genre", "Région inconnue").est_connue is False


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_every_known_modality_meets_itself(dimension):
    for modality in KNOWN[dimension]:
        assert resolve(dimension, modality.id) == modality
        assert resolve(dimension, modality.libelle) == modality
    assert len({m.id for m in KNOWN[dimension]}) == len(KNOWN[dimension])


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_no_spelling_means_two_modalities(dimension):
    owners: dict[str, str] = {}
    for known in DIMENSIONS[dimension].modalities:
        for text in (known.id, known.libelle, *known.spellings):
            assert owners.setdefault(modality_key(text), known.id) == known.id, text


def test_attributes_are_the_columns_of_the_dimension():
    assert len(KNOWN["region"]) == 19
    assert resolve("region", "Corse").attributes["iso_3166_2"] == "FR-20R"
    assert resolve("region", "Mayotte").attributes == {
        "code_insee": "06",
        "iso_3166_2": "FR-976",
        "est_outre_mer": True,
        "ordre": 18,
    }
    assert resolve("situation", "Ouvriers").attributes == {
        "ordre": 7,
        "est_demandeur_emploi": False,
        "code_pcs": "6",
    }
    assert resolve("statut", "Rejeté").attributes["famille"] == "rejete"
    for name, dimension in DIMENSIONS.items():
        for modality in (*KNOWN[name], resolve(name, "zzz")):
            assert set(modality.attributes) == set(dimension.unknown)


@pytest.mark.parametrize(
    ("text", "ages", "identifier"),
    [
        ("18-24 ans", (18, 24), "18_a_24_ans"),
        ("De 25 à 34 ans", (25, 34), "25_a_34_ans"),
        (">= 60 ans", (60, None), "60_ans_et_plus"),
        ("60 ans et plus", (60, None), "60_ans_et_plus"),
        ("Moins de 18 ans", (None, 17), "moins_de_18_ans"),
        ("55 à 64 ans", (55, 64), "55_a_64_ans"),
    ],
)
def test_an_unknown_age_class_is_still_read(text, ages, identifier):
    found = resolve("classe_age", text)
    assert (found.id, found.est_connue) == (identifier, False)
    assert (found.attributes["age_min"], found.attributes["age_max"]) == ages
    assert found.attributes["ordre"] == (ages[0] or 0)


@pytest.mark.parametrize("text", ["39-25 ans", "[25;40[", "25", "adulte", "25 ans 30 ans 40", "999-1000", "-5 ans -"])
def test_what_is_no_age_class_has_no_ages(text):
    assert parse_ages(text) is None


def test_look_alike_letters_are_another_modality():
    found = resolve("region", "Соrse")  # Cyrillic С and о
    assert found.est_connue is False
    assert found.id != resolve("region", "Corse").id


def test_an_unknown_modality_keeps_its_text():
    found = resolve("situation", "Autre \x00situation\n")
    assert (found.libelle, found.est_connue) == ("Autre situation", False)
    assert found.attributes["est_demandeur_emploi"] is None


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_unknown_and_harmless(dimension, text):
    found = resolve(dimension, text)
    assert not found.est_connue
    assert re.fullmatch(r"[a-z0-9_]{1,60}", found.id)
    assert len(found.libelle) <= 120
    assert found.id not in {m.id for m in KNOWN[dimension]}


@given(st.sampled_from(list(DIMENSIONS)), st.text())
@settings(deadline=None)
def test_nothing_fails_and_unknown_never_takes_a_known_identifier(dimension, text):
    found = resolve(dimension, text)
    assert found.est_connue == (found.id in {m.id for m in KNOWN[dimension]})


@pytest.mark.parametrize(
    ("flag", "csp", "expected"),
    [
        ("oui", "Cadres", "demandeur_emploi"),
        ("1", "", "demandeur_emploi"),
        ("Non", "Cadres", "cadres"),
        ("0", "-1", "non_renseigne"),
        (None, "Ouvriers", "ouvriers"),
        ("NA", "Ouvriers", "ouvriers"),
        ("peut-être", "Ouvriers", "peut_etre"),
    ],
)
def test_situation_from_a_flag_and_a_csp(flag, csp, expected):
    assert resolve_situation(csp, flag).id == expected


def test_flags():
    assert parse_flag("OUI") is True
    assert parse_flag("false") is False
    assert parse_flag("2") is None


def test_the_source_map_goes_first():
    source_map = SourceMap.from_toml({"modalities": {"region": {"Région X": "11", "Corse": "non_renseigne"}}})
    assert resolve("region", "RÉGION x", source_map).id == "11"
    assert resolve("region", "Corse", source_map).id == "non_renseigne"
    assert resolve("genre", "Région X", source_map).est_connue is False
