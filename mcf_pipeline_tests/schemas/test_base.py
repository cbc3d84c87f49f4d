"""`describe` reads a model back, and refuses one that leaves something unsaid."""

from __future__ import annotations

from typing import Annotated

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest

from mcf_pipeline.schemas.base import ColumnSpec, Count, Table, Text, column, describe
from mcf_pipeline.schemas.warehouse import DIMENSIONS, FctDossiers
from mcf_pipeline_tests.schemas.rows import EXPECTED

MODELS = [pytest.param(model, id=describe(model).name) for model in EXPECTED]


@pytest.mark.parametrize("model", MODELS)
def test_the_table_and_every_column_are_described_in_a_sentence(model):
    spec = describe(model)
    texts = [spec.description, *(column.comment for column in spec.columns)]
    assert [text for text in texts if len(text) < 5 or not text.rstrip().endswith((".", ")"))] == []


@pytest.mark.parametrize("model", MODELS)
def test_a_reference_names_a_dimension_and_its_key(model):
    keys = {describe(dimension).name: describe(dimension).key[0] for dimension in DIMENSIONS}
    referring = {c.name: c.references for c in describe(model).columns if c.references}
    releases = {"valide_depuis", "valide_jusqua", "release_precedente_id", "release_id_debut_etat"}
    assert {n: keys.get(r) for n, r in referring.items()} == {
        name: "release_id" if name in releases else name for name in referring
    }


@pytest.mark.parametrize("model", MODELS)
def test_every_figure_has_a_unit(model):
    identifying = {"numero_ligne", "annee", "trimestre", "ordre", "rang", "nb_trimestres", "annee_base"}
    # What is published by others has its unit beside it, in a column.
    identifying |= {"valeur", "valeur_bas", "valeur_haut"}
    bare = {
        c.name
        for c in describe(model).columns
        if c.duckdb_type not in ("VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP")
        and not c.unit
        and not c.name.endswith("_ordre")
    }
    assert bare <= identifying


def test_a_column_says_what_it_is():
    spec = {c.name: c for c in describe(FctDossiers).columns}
    assert spec["montant_engage"] == ColumnSpec(
        name="montant_engage",
        duckdb_type="DECIMAL(18,2)",
        nullable=True,
        description="Montant engagé.",
        unit="euros",
        computed=None,
        masking="vide quand la ligne est masquée (moins de 5 personnes) ; jamais zéro, jamais estimé.",
        references=None,
    )
    assert (spec["region_id"].nullable, spec["region_id"].references) == (False, "dim_region")


def test_a_comment_says_all_there_is_in_one_text():
    spec = ColumnSpec("part", "DOUBLE", True, "Part.", "ratio", "a / b.", "sans les masquées.", None)
    assert spec.comment == "Part. Unité : ratio. Calcul : a / b. Masquage : sans les masquées."


def test_a_column_without_a_description_is_refused():
    class Silent(Table):
        muet: Text = pandera.Field()

        class Config:
            name = "silent"
            description = "Une table."

    with pytest.raises(ValueError, match=r"silent\.muet has no description"):
        describe(Silent)


def test_a_table_without_a_description_is_refused():
    class Bare(Table):
        a: Text = column("A.")

        class Config:
            name = "bare"

    with pytest.raises(ValueError, match="Bare: Config needs a name and a description"):
        describe(Bare)


def test_a_type_without_a_word_in_duckdb_is_refused():
    class Exotic(Table):
        duree: Annotated[pd.ArrowDtype, pa.duration("s")] = column("Une durée.")

        class Config:
            name = "exotic"
            description = "Une table."

    with pytest.raises(ValueError, match=r"exotic\.duree: no DuckDB type for duration"):
        describe(Exotic)


def test_the_key_stands_first_in_its_own_order():
    class Late(Table):
        mesure: Count = column("Une mesure.")
        b: Text = column("B.")
        a: Text = column("A.")

        class Config:
            name = "late"
            description = "Une table."
            unique = ["a", "b"]  # noqa: RUF012

    assert describe(Late).column_names == ("a", "b", "mesure")
