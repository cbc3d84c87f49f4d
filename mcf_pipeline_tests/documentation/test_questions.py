"""The page of fifteen questions says what its SQL gives, and its words say what its results say."""

import re
from pathlib import Path

import pytest

from mcf_pipeline.documentation import examples, questions
from mcf_pipeline.sample.synthetic import write_releases
from mcf_pipeline.settings import Settings
from mcf_pipeline.sources.file import FileSource
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.warehouse.builds import build_all

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / questions.FILE_NAME).read_text(encoding="utf-8")
SECTIONS = PAGE.split("\n## ")[1:]


@pytest.fixture(scope="module")
def publications(tmp_path_factory) -> Path:
    """The releases of `examples.RELEASES`, published."""
    folder = tmp_path_factory.mktemp("publications")
    space = Workspace(Settings.from_env({}, source="sample", data_dir=folder / "data"))
    for file in write_releases(folder / "csv", examples.RELEASES_COUNT, examples.RELEASES_SCALE):
        source = FileSource(str(file), space.settings.limits)
        space.archive.ingest(lambda into, source=source: source.fetch(into, lambda done, total: None))
    build_all(space)
    return space.data_dir.published_database


def test_each_result_is_what_its_sql_gives(full_sample, publications):
    again = questions.answered(PAGE, {examples.SAMPLE: full_sample.database, examples.RELEASES: publications})
    assert again == PAGE, "run `python -m mcf_pipeline.documentation docs`, then look whether the words still fit"


def test_there_are_fifteen_questions_each_with_its_trap_sql_result_and_words():
    assert len(SECTIONS) == 15
    for number, section in enumerate(SECTIONS, start=1):
        assert section.startswith(f"{number}. ")
        assert section.count("**Le piège.**") == section.count("**À dire.**") == 1
        (result,) = questions.RESULT.finditer(section)
        assert "SYNTHÉTIQUE" in result["result"]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.partition(".")[0])
def test_the_figures_in_the_words_stand_in_the_result(section):
    said = re.search(r"\*\*À dire\.\*\* «(.*?)»", section, re.DOTALL)[1]
    figures = re.findall(r"\d(?:[\d\s]*\d)?(?:,\d+)?", said)
    figures = {re.sub(r"\s", "", figure) for figure in figures}
    cells = {re.sub(r"\s", "", cell).lstrip("-") for cell in questions.RESULT.search(section)["result"].split("|")}
    years_and_days = {figure for figure in figures if re.fullmatch(r"20[12]\d|\d{1,2}", figure)}
    assert figures - years_and_days <= cells


def test_a_result_that_no_longer_fits_is_replaced(full_sample):
    page = "```sql\nSELECT 1 AS un, NULL AS rien\n```\n\n<!-- résultat : echantillon -->\nold\n<!-- fin -->\n"
    again = questions.answered(page, {"echantillon": full_sample.database})
    assert "| 1 | *vide* |" in again
    assert "old" not in again
    assert questions.answered(again, {"echantillon": full_sample.database}) == again
