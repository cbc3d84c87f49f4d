"""Small pictures: bars from zero, and a gap for what is not known."""

import base64
import re
import xml.etree.ElementTree as ET

import duckdb
import pytest

from mcf_pipeline.schemas.base import describe
from mcf_pipeline.schemas.marts import QUARTERLY_MARTS, MartRegion, MartTrimestre
from mcf_pipeline.site.thumbnail import HEIGHT, MAX_BARS, bars, pictures


def rectangles(markdown):
    label, encoded = re.fullmatch(r"!\[(.*)\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", markdown).groups()
    svg = ET.fromstring(base64.b64decode(encoded))
    assert label
    return [
        (float(shape.get("y")), float(shape.get("height")), shape.get("fill"))
        for shape in svg.iter("{http://www.w3.org/2000/svg}rect")
    ]


def test_lengths_are_the_values():
    (_, half, _), (y, whole, _) = rectangles(bars("label", [5, 10]))
    assert (half * 2, y) == (whole, 0)


def test_what_is_not_known_leaves_a_gap():
    assert len(rectangles(bars("label", [1, None, 3]))) == 2
    assert rectangles(bars("label", [None])) == []
    assert rectangles(bars("label", [])) == []


def test_a_negative_value_hangs_below_the_line():
    (up, height, _), (down, depth, _) = rectangles(bars("label", [3, -1]))
    assert down == pytest.approx(up + height)
    assert down + depth <= HEIGHT + 0.1


def test_only_a_quarter_that_will_be_revised_is_paler():
    assert [fill is not None for _, _, fill in rectangles(bars("label", [1, 2], newest_is_paler=True))] == [False, True]
    assert {fill for _, _, fill in rectangles(bars("label", [1, 2]))} == {None}


def test_many_values_are_cut_to_the_last():
    assert len(rectangles(bars("label", range(1, 500)))) == MAX_BARS


@pytest.fixture
def files(tmp_path):
    """Two quarters of a mart by region; in the second, one region is all masked."""
    made = {}
    for quarter, regions in {"2024-T1": {"11": 10, "53": 5}, "2024-T2": {"11": 20, "53": None}}.items():
        made[quarter] = tmp_path / f"{quarter}.parquet"
        rows = ", ".join(f"('{quarter}', '{key}', {value or 'NULL'}::BIGINT)" for key, value in regions.items())
        duckdb.execute(
            f"COPY (FROM (VALUES {rows}) AS r(trimestre_id, region_id, nb_dossiers)) TO '{made[quarter]}'"
        ).fetchall()
    return made


def test_a_quarter_of_a_mart_is_drawn_by_its_other_key(files):
    drawn = pictures(duckdb.connect(), MartRegion, files)
    assert len(rectangles(drawn["2024-T1"])) == 2
    # Masked is not zero.
    assert len(rectangles(drawn["2024-T2"])) == 1


def test_a_mart_of_one_row_a_quarter_is_drawn_in_time(files):
    drawn = pictures(duckdb.connect(), MartTrimestre, files)
    assert set(drawn) == set(files)
    heights = [height for _, height, _ in rectangles(drawn["2024-T1"])]
    assert heights[0] / heights[1] == pytest.approx(15 / 20, abs=0.01)


def test_no_files_no_picture():
    assert pictures(duckdb.connect(), MartRegion, {}) == {}


@pytest.mark.parametrize("model", QUARTERLY_MARTS, ids=lambda model: describe(model).name)
def test_every_mart_shows_its_picture(small_built, model):
    assert rectangles(small_built.shown[describe(model).name]["picture"].md_str)


@pytest.mark.parametrize("name", ["mart_revisions", "dashboard"])
def test_what_is_made_once_shows_its_picture(three_shown, name):
    assert rectangles(three_shown[name]["picture"].md_str)
