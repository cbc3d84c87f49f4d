"""The dictionary page holds every published table, view and column, as the models say them now."""

import re
from pathlib import Path

from mcf_pipeline.documentation import dictionary
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.documentation import DOCUMENTATION
from mcf_pipeline.schemas.macros import MACROS
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRegion, MartRevisions, MartStatut, MartTrimestre
from mcf_pipeline.schemas.measures import UNMASKED
from mcf_pipeline.schemas.periods import PERIODS, VAnneeRegionTaux, VAnneeTaux
from mcf_pipeline.warehouse.assembly import PUBLISHED, PUBLISHED_VIEWS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_models_say():
    page = (DOCS / dictionary.FILE_NAME).read_text(encoding="utf-8")
    assert page == dictionary.page(), "run `python -m mcf_pipeline.documentation docs`"


def test_no_published_table_view_or_column_is_left_out():
    shown = [model for _, models in dictionary.SECTIONS for model in models]
    assert {*shown} == {*PUBLISHED, *DOCUMENTATION, *PUBLISHED_VIEWS}
    assert len(shown) == len({*shown})
    page = dictionary.page()
    for model in shown:
        spec = describe(model)
        section = page.split(f"### {spec.name}\n")[1].split("\n### ")[0]
        assert all(f"`{column.name}`" in section for column in spec.columns)


def test_every_measure_says_how_it_is_computed_and_what_masking_does_to_it():
    of_lines = {"lignes", "profils", "trimestres"}
    for model in (*QUARTERLY_MARTS, MartRevisions, *PERIODS):
        for column in describe(model).columns:
            if column.unit:
                assert column.computed, (describe(model).name, column.name)
                assert column.masking or column.unit in of_lines, (describe(model).name, column.name)


def test_a_figure_that_masking_makes_a_minimum_says_so_in_the_same_words_everywhere():
    found = [
        (describe(model).name, column.name, column.description)
        for model in (*PUBLISHED, *PUBLISHED_VIEWS)
        for column in describe(model).columns
        if column.masking == UNMASKED
    ]
    assert len(found) > 50
    assert [one for one in found if not re.search("lignes non masquées|n'est pas masqué", one[2])] == []
    assert "c'est un minimum" in UNMASKED


def test_a_rate_says_why_it_is_often_empty_and_what_to_take_instead():
    for model in (MartTrimestre, MartRegion, MartStatut, VAnneeTaux, VAnneeRegionTaux):
        texts = {column.name: column.description for column in describe(model).columns}
        for rate in ("taux_realisation", "taux_abandon"):
            assert "citez alors les bornes" in texts[rate]
            assert "v_maturation" in texts[rate]


def test_no_page_speaks_of_a_version_that_was_never_published():
    for page in DOCS.glob("*.md"):
        assert "version 0.2" not in page.read_text(encoding="utf-8"), page.name


def test_no_macro_is_left_out():
    section = dictionary.page().split("## Macros\n")[1]
    assert all(f"**`{macro.call}`**" in section and macro.example in section for macro in MACROS)
