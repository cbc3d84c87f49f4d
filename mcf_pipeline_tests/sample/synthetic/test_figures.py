"""The sample against the published figures, and the page that says so."""

from pathlib import Path

import pytest

from mcf_pipeline.sample.synthetic import SyntheticRelease
from mcf_pipeline.sample.synthetic.figures import TOLERANCE, Figure, figures
from mcf_pipeline.sample.synthetic.measure import Measured, span
from mcf_pipeline.sample.synthetic.report import calibration_table, refresh

PAGE = Path(__file__).parents[3] / "docs" / "sample.md"


@pytest.fixture(scope="module", params=[2020, 4711], ids="seed-{}".format)
def truth(request) -> Measured:
    return Measured(SyntheticRelease(seed=request.param).truth_table())


@pytest.fixture(scope="module")
def masked() -> Measured:
    return Measured(SyntheticRelease().table())


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: figure.name)
def test_the_truth_holds_each_published_figure(truth: Measured, figure: Figure):
    assert figure.measure(truth) == pytest.approx(figure.published, rel=TOLERANCE)


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: figure.name)
def test_masking_hides_little_of_it(masked: Measured, figure: Figure):
    assert figure.measure(masked) == pytest.approx(figure.published, rel=TOLERANCE)


def test_ile_de_france_has_over_a_quarter(truth: Measured):
    quarters = span("2023-T1", "2023-T4")
    assert truth.share({"region": "Île-de-France"}, trimestre=quarters) > 25


def test_job_seekers_never_pay_the_mandatory_share(truth: Measured):
    """What they pay is theirs to choose: some pay, and not all the same."""
    quarters = span("2024-T3", "2026-T3")
    paying = truth.ratio(
        "nb_dossiers_finances_par_titulaires",
        "nb_dossiers",
        trimestre=quarters,
        situation="Demandeur d'emploi",
    )
    assert 0 < paying < 0.1


def test_names_are_unique():
    names = [figure.name for figure in figures()]
    assert len(set(names)) == len(names)


def test_the_page_carries_these_tables():
    """If not: ``python -m mcf_pipeline.sample.synthetic.report docs/sample.md``."""
    assert calibration_table() in PAGE.read_text(encoding="utf-8")


def test_refreshing_a_page_twice_changes_nothing(tmp_path):
    page = tmp_path / "sample.md"
    page.write_text(PAGE.read_text(encoding="utf-8").replace("| entries 2020 |", "| wrong |"), encoding="utf-8")
    refresh(page)
    assert page.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")
