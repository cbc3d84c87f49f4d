"""What each materialization shows a person in the Dagster UI."""

import csv

import pytest

from mcf_pipeline.definitions import defs
from mcf_pipeline_tests.orchestration.assets import graph

TABLES = [
    name
    for name in [*graph.QUARTERLY, *graph.WHOLE]
    if name not in {"raw_usagers", "warehouse", "data_package", "dashboard"}
]
READ = [name for name in graph.QUARTERLY if name != "raw_usagers"]
"""Assets that come after reading, and so know which lines are masked and which were rejected."""


@pytest.fixture
def shown(small_built):
    """After the first small release; of a quarterly asset, what its last quarter shows."""
    return small_built.shown


@pytest.mark.parametrize("name", ["portal_release", *graph.QUARTERLY, *graph.WHOLE])
def test_the_release_is_shown(shown, name):
    assert shown[name]["release_id"].value == "2021-01-08"


@pytest.mark.parametrize("name", ["portal_release", "raw_usagers", *TABLES, "warehouse"])
def test_the_number_of_rows_is_shown(shown, name):
    assert shown[name]["dagster/row_count"].value > 0


@pytest.fixture(scope="module")
def columns_of():
    """The columns that the definition of each table's asset shows."""
    nodes = defs.resolve_asset_graph().asset_nodes
    return {
        node.key.to_user_string(): node.metadata["dagster/column_schema"].columns
        for node in nodes
        if "dagster/column_schema" in node.metadata
    }


@pytest.mark.parametrize("name", TABLES)
def test_every_column_is_shown_with_its_type_and_description(columns_of, name):
    columns = columns_of[name]
    assert columns
    for column in columns:
        assert column.type, column.name
        assert column.description, column.name


@pytest.mark.parametrize("name", [*TABLES, "raw_usagers"])
def test_the_first_rows_are_shown_as_a_table(shown, columns_of, name):
    header, rule, *rows = shown[name]["preview"].md_str.splitlines()
    cells = header.count("|")
    assert 1 <= len(rows) <= 5
    assert {line.count("|") for line in (rule, *rows)} == {cells}
    # The lines as received have the columns of their release.
    columns = shown[name]["dagster/column_schema"].schema.columns if name == "raw_usagers" else columns_of[name]
    assert [cell.strip() for cell in header.strip("|").split("|")] == [column.name for column in columns]


@pytest.fixture(scope="module")
def masked(small_releases):
    """Lines of the last quarter whose counts are empty in the release itself."""
    with small_releases[0].open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.DictReader(file, delimiter=";") if line["trimestre"] == "2020-T4"]
    return sum(line["nb_dossiers"] == "" for line in lines)


@pytest.mark.parametrize("name", ["raw_usagers", *READ])
def test_masked_lines_are_counted(shown, masked, name):
    """Lines of the source, in a mart and in the financing too, where each of them is several rows."""
    assert shown[name]["masked_lines"].value == masked > 0


@pytest.mark.parametrize("name", READ)
def test_rejected_lines_are_counted(shown, name):
    assert shown[name]["rejected_lines"].value == 0


@pytest.mark.parametrize("name", graph.QUARTERLY)
def test_the_quarter_is_named_as_in_the_data(shown, name):
    """Beside the partition's key, which is its first day."""
    assert shown[name]["quarter"].value == "2020-T4"


def test_received_and_kept_lines_stand_side_by_side(shown):
    received = shown["raw_usagers"]["dagster/row_count"].value
    assert shown["stg_usagers"]["received_lines"].value == received
    assert shown["stg_usagers"]["dagster/row_count"].value == received
    assert shown["fct_dossiers"]["dagster/row_count"].value == received
    assert shown["fct_financements"]["dagster/row_count"].value == 8 * received


def test_a_synthetic_release_says_so(shown):
    assert shown["portal_release"]["is_synthetic"].value is True
    assert shown["warehouse"]["is_synthetic"].value is True


def test_a_release_shows_where_it_came_from(shown, small_releases):
    metadata = shown["portal_release"]
    assert metadata["url"].value == str(small_releases[0])
    assert metadata["bytes"].value == small_releases[0].stat().st_size
    assert len(metadata["sha256"].value) == 64
    assert metadata["quarters"].value == 4
    assert metadata["unrecognised_columns"].value == []


def test_a_masked_figure_is_shown_as_empty(shown):
    """Never as None, nan or zero."""
    text = shown["fct_dossiers"]["preview"].md_str + shown["stg_usagers"]["preview"].md_str
    assert not {"None", "nan", "<NA>"} & set(text.replace("|", " ").split())
