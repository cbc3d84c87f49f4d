"""Names composed from the grammar are recognised for every canonical column; names of other things never are."""

from __future__ import annotations

import random
import tomllib
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcf_pipeline.contract.columns import COLUMNS
from mcf_pipeline.contract.grammar import read_name
from mcf_pipeline.contract.recognition import RecognitionError, recognise
from mcf_pipeline.contract.source import SourceField
from mcf_pipeline.contract.source_map import SourceMap
from mcf_pipeline_tests.contract.test_recognition import MINIMAL, fields

PERSON = ("", "du titulaire", "du stagiaire", "de l'usager", "de la personne", "du bénéficiaire")
EURO = ("", "(€)", "(en euros)", "en euros", "[EUR]")
BEFORE = ("", "Libellé", "Libellé de", "Nom de la", "Intitulé")
FINANCERS = {
    "france_competences": ("France compétences",),
    "titulaire": ("le titulaire", "les titulaires"),
    "etat": ("l'État", "l’État"),
    "france_travail": ("France Travail", "Pôle emploi"),
    "regions": ("la région", "les régions", "les conseils régionaux"),
    "opco": ("les OPCO", "l'opérateur de compétences"),
    "entreprises": ("les entreprises", "l'employeur"),
    "cec": ("le CEC", "le compte d'engagement citoyen"),
    "autres": ("les autres financeurs",),
}
COMPOSED = {
    "trimestre": (("",), ("Trimestre", "Année et trimestre", "Période"), ("", "d'entrée", "d'entrée en formation")),
    "region": (BEFORE, ("Région",), ("", "de résidence", "de domicile", "de domiciliation", "d'habitation"), PERSON),
    "genre": (BEFORE, ("Genre", "Sexe", "Civilité"), ("", "(H/F)", "déclaré"), PERSON),
    "classe_age": (
        BEFORE,
        ("Classe d'âge", "Tranche d'âge", "Groupe d'âge", "Âge"),
        ("", "à l'entrée en formation"),
        PERSON,
    ),
    "situation": (
        BEFORE,
        ("Situation", "CSP", "PCS", "Catégorie socio-professionnelle", "Situation professionnelle"),
        ("", "déclarée", "à l'entrée en formation"),
        PERSON,
    ),
    "statut_dossier": (BEFORE, ("Statut", "État"), ("du dossier", "du dossier de formation")),
    "nb_dossiers": (("Nombre", "Nb", "Nombre total", "Nbre"), ("de dossiers", "dossiers de formation")),
    "nb_titulaires": (
        ("Nombre", "Nb", "Nombre total"),
        ("de stagiaires", "de titulaires", "de personnes", "d'usagers"),
        ("", "distincts", "uniques"),
    ),
    "montant_engage": (("Montant", "Somme", "Montant total", "Total"), ("engagé", "engagée"), EURO),
    "prix_moyen": (("Prix", "Coût"), ("moyen",), ("", "d'une formation", "par dossier", "des dossiers"), EURO),
    "duree_moyenne": (("Durée",), ("moyenne",), ("", "d'une formation", "des formations"), ("", "(h)", "en heures")),
    "nb_dossiers_a_duree_connue": (("Nombre", "Nb"), ("de dossiers",), ("à durée connue", "dont la durée est connue")),
    "date_chargement": (("Date",), ("de chargement", "d'extraction", "de mise à jour"), ("", "des données")),
    **{
        f"part_{id_}": (
            ("Part", "Montant", "Financement", "Montant financé", "Montant engagé", "Prise en charge"),
            ("par", "de", ""),
            names,
            EURO,
        )
        for id_, names in FINANCERS.items()
    },
    **{
        f"nb_dossiers_finances_par_{id_}": (
            ("Nombre de dossiers", "Nb dossiers"),
            ("financés par", "cofinancés par", "abondés par", "pris en charge par"),
            names,
        )
        for id_, names in FINANCERS.items()
    },
}
OTHERS = (
    "region_lieu_formation",
    "Région de l'organisme de formation",
    "Région de l'employeur",
    "Région de formation",
    "Part titulaire (%)",
    "Part de l'État en pourcentage",
    "Taux de financement OPCO",
    "Montant engagé (k€)",
    "Montant engagé (M€)",
    "Montant engagé en milliers d'euros",
    "montant_engage_centimes",
    "Montant engagé cumulé",
    "Durée moyenne (jours)",
    "Durée moyenne en minutes",
    "Prix médian",
    "Prix horaire moyen",
    "Nombre de dossiers par titulaire",
    "Nombre de dossiers cumulés",
    "Évolution du nombre de dossiers",
    "dont nombre de dossiers",
    "Numéro de dossier",
    "Type de dossier",
    "id_dossier",
    "Âge moyen",
    "Trimestre de validation",
    "Trimestre de sortie de formation",
    "Année de sortie",
    "date validation",
    "departement_lieu_formation",
    "Code Officiel Département",
    "code_rncp",
    "domaine_formation_nsf",
    "libelle_formacode_principal",
    "modalite_presence",
)


def spelt(name: str, rng: random.Random) -> str:
    """The same name in another case, with other separators, accents or plurals."""
    if rng.random() < 0.3:
        name = "".join(c for c in unicodedata.normalize("NFD", name) if unicodedata.category(c) != "Mn")
    if rng.random() < 0.3:
        name = name.replace("'", "_").replace(" ", "_").replace("(", "").replace(")", "")
    if rng.random() < 0.2:
        name = unicodedata.normalize("NFD", name)
    return rng.choice([str, str.upper, str.lower, str.capitalize])(name)


@pytest.mark.parametrize("canonical", COMPOSED)
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_composed_name_is_its_column(canonical, data):
    parts = [data.draw(st.sampled_from(choices)) for choices in COMPOSED[canonical]]
    name = spelt(" ".join(part for part in parts if part), random.Random(data.draw(st.integers(0, 10_000))))
    required = MINIMAL if canonical not in MINIMAL else [n for n in MINIMAL if n != canonical]
    found = recognise(fields([*required, name]))
    assert found.source_of(canonical) == name
    # The portal may say it as a label, or as a description, of a column that it calls anything.
    for described in (SourceField("c1", name), SourceField("c1", None, f"{name}. Selon la déclaration.")):
        assert recognise([*fields(required), described]).source_of(canonical) == "c1"


@given(st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_a_whole_header_of_composed_names_is_recognised(rng):
    names = {
        canonical: spelt(" ".join(part for choices in parts if (part := rng.choice(choices))), rng)
        for canonical, parts in COMPOSED.items()
    }
    order = list(names.values())
    rng.shuffle(order)
    found = recognise(fields(order))
    assert {canonical: column.source for canonical, column in found.columns.items()} == names
    assert found.unused == ()


@pytest.mark.parametrize("name", OTHERS)
@given(st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_a_name_of_another_thing_is_never_taken(name, rng):
    told = spelt(name, rng)
    values = {told: ["12", "13"]}
    assert recognise(fields([*MINIMAL, told]), None, values).unused == (told,)
    reading = read_name(told)
    assert reading is None or not reading.is_certain


@pytest.mark.parametrize("name", OTHERS)
def test_a_name_of_another_thing_does_not_fill_a_gap(name):
    for missing in ("region", "montant_engage", "nb_dossiers", "trimestre", "part_titulaire"):
        with pytest.raises(RecognitionError):
            recognise(fields([*(n for n in MINIMAL if n != missing), name]), None, {name: ["12.5", "13.25"]})


VALUES = {"region": ["Bretagne", "Corse"], "nb_dossiers": ["12", "5"], "trimestre": ["2024-01-01", "2024-04-01"]}


@pytest.mark.parametrize(
    ("canonical", "name"),
    [
        ("region", "Région MCF"),
        ("region", "Région (nomenclature 2016)"),
        ("nb_dossiers", "Nombre de dossiers MCF"),
        ("trimestre", "date_entree"),
        ("trimestre", "Trimestre MCF"),
    ],
)
def test_an_unknown_word_counts_where_the_values_agree_and_is_said(canonical, name):
    rest = [n for n in MINIMAL if n != canonical]
    found = recognise(fields([*rest, name]), None, {name: VALUES[canonical]})
    assert found.source_of(canonical) == name
    assert found.columns[canonical].rule == "name and values"
    assert any(name in flag for flag in found.flags)
    with pytest.raises(RecognitionError):
        recognise(fields([*rest, name]))
    with pytest.raises(RecognitionError):
        recognise(fields([*rest, name]), None, {name: ["x", "y"]})
    # A column that is sure of its name is not competed with.
    assert recognise(fields([*MINIMAL, name]), None, {name: VALUES[canonical]}).unused == (name,)


def test_two_columns_that_compete_by_their_values_are_refused():
    rest = [n for n in MINIMAL if n != "region"]
    names = ["Région MCF", "Région CPF"]
    with pytest.raises(RecognitionError):
        recognise(fields([*rest, *names]), None, dict.fromkeys(names, VALUES["region"]))


QUARTERS = {"annee_trimestre": ["2024-T1", "2024-T2"], "annee": ["2024"], "trimestre": ["1", "2"]}


def three(rows):
    rest = [n for n in MINIMAL if n != "trimestre"]
    return recognise(fields([*QUARTERS, *rest]), None, QUARTERS, together=lambda columns: rows)


def test_of_three_quarter_columns_that_agree_the_whole_one_wins():
    found = three([("2024-T1", "2024", "1"), ("2024-T2", "2024", "2"), (None, "2024", "2")])
    assert found.quarter.columns == ("annee_trimestre",)
    assert found.unused == ("annee", "trimestre")
    assert "whole one is used" in found.flags[0]


def test_three_quarter_columns_that_disagree_are_refused_and_the_lines_are_accepted():
    with pytest.raises(RecognitionError) as caught:
        three([("2024-T1", "2024", "2")])
    assert "2024-T1 against 2024-T2" in caught.value.problems[0]
    settled = SourceMap.from_toml(tomllib.loads(caught.value.toml))
    rest = [n for n in MINIMAL if n != "trimestre"]
    found = recognise(
        fields([*QUARTERS, *rest]), settled, QUARTERS, together=lambda columns: [("2024-T1", "2024", "2")]
    )
    assert found.quarter.columns == ("annee_trimestre",)


def test_a_column_that_is_none_of_the_grammar_has_no_reading():
    assert set(COMPOSED) <= set(COLUMNS)
    for name in ("", "€", "x" * 100_000, "le la les"):
        assert read_name(name) is None
