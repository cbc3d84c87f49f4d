"""The dictionary page holds every published table, view and column, as the models say them now."""

from pathlib import Path

from mcf_pipeline.documentation import dictionary
from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.documentation import DOCUMENTATION
from mcf_pipeline.schemas.views import VIEWS
from mcf_pipeline.warehouse.assembly import PUBLISHED

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_what_the_models_say():
    page = (DOCS / dictionary.FILE_NAME).read_text(encoding="utf-8")
    assert page == dictionary.page(), "run `python -m mcf_pipeline.documentation docs`"


def test_no_published_table_view_or_column_is_left_out():
    shown = [model for _, models in dictionary.SECTIONS for model in models]
    assert {*shown} == {*PUBLISHED, *DOCUMENTATION, *VIEWS}
    assert len(shown) == len({*shown})
    page = dictionary.page()
    for model in shown:
        spec = describe(model)
        section = page.split(f"### {spec.name}\n")[1].split("\n### ")[0]
        assert all(f"`{column.name}`" in section for column in spec.columns)
