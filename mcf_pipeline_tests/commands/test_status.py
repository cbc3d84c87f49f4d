"""``status``: what there is, from an empty directory to a published warehouse."""

import json
import shutil

import duckdb
import pytest

from mcf_pipeline.commands.status import Overview, overview, waiting
from mcf_pipeline_tests.commands.terminal import kept, mcf_here
from mcf_pipeline_tests.exports import ingest, line, workspace_in
from mcf_pipeline_tests.warehouse.builds import build_all


def test_an_empty_data_directory_has_nothing_and_stays_empty(tmp_path):
    answer = mcf_here("status", "--data-dir", tmp_path / "data")
    assert answer.code == 0
    assert answer.out == (
        f"Nothing yet in {tmp_path / 'data'}: `mcf-pipeline run` ingests the first release; for the sample, add "
        "`--source sample`.\n"
    )
    assert not (tmp_path / "data").exists()


def test_an_empty_data_directory_as_json(tmp_path):
    found = json.loads(mcf_here("status", "--data-dir", tmp_path / "data", "--json").out)
    assert (found["releases"], found["release_id"], found["rows"]) == ([], None, 0)


def test_status_counts_what_is_published(small_built):
    with duckdb.connect(small_built.database, read_only=True) as con:
        lines, masked = con.execute("SELECT count(*), sum(est_masque::INT) FROM fct_dossiers").fetchone()
    before = kept(small_built.data_dir)
    answer = mcf_here("status", "--data-dir", small_built.data_dir)
    assert answer.code == 0
    assert "SYNTHETIC data" in answer.out
    assert "2021-01-08" in answer.out
    assert f"4 quarters (2020-T1 to 2020-T4), {lines:,} lines, {masked:,} masked, 0 rejected." in answer.out
    assert f"Warehouse: {small_built.database}" in answer.out
    assert kept(small_built.data_dir) == before


def test_the_same_as_json(small_built):
    found = json.loads(mcf_here("status", "--data-dir", small_built.data_dir, "--json").out)
    with duckdb.connect(small_built.database, read_only=True) as con:
        lines, masked = con.execute("SELECT count(*), sum(est_masque::INT) FROM fct_dossiers").fetchone()
    wanted = {
        "warehouse": str(small_built.database),
        "release_id": "2021-01-08",
        "is_synthetic": True,
        "quarters": 4,
        "first": "2020-T1",
        "last": "2020-T4",
        "rows": lines,
        "masked": masked,
        "rejected": 0,
    }
    assert {name: found[name] for name in wanted} == wanted
    (release,) = found["releases"]
    assert (release["release_id"], release["lines"], release["quarters"]) == ("2021-01-08", lines, 4)
    assert release["held"] == []


def test_json_keeps_a_path_as_it_is(small_built, tmp_path):
    """Neither markup nor emoji codes are for machines."""
    data_dir = tmp_path / ":cat: [bold]été[/bold]"
    shutil.copytree(small_built.data_dir, data_dir)
    found = json.loads(mcf_here("status", "--data-dir", data_dir, "--json").out)
    assert found["warehouse"] == str(data_dir / "warehouse" / "mcf.duckdb")


def test_an_archive_that_is_not_built_yet_says_so(small_copy):
    shutil.rmtree(small_copy.data_dir / "warehouse")
    answer = mcf_here("status", "--data-dir", small_copy.data_dir)
    assert answer.code == 0
    assert "Not published yet" in answer.out
    assert "2021-01-08" in answer.out


def test_a_damaged_manifest_is_one_line(small_copy):
    (manifest,) = (small_copy.data_dir / "raw" / "releases").glob("*/manifest.json")
    manifest.write_text("{")
    answer = mcf_here("status", "--data-dir", small_copy.data_dir)
    assert answer.code == 1
    assert str(manifest) in answer.error


# -- for monitors --------------------------------------------------------------------------------------------------


def test_a_check_says_what_waits(small_built):
    """The small releases end in 2021: the one after is long overdue."""
    answer = mcf_here("status", "--data-dir", small_built.data_dir, "--check")
    assert answer.code == 4
    assert "the release of 2021-T1, " in answer.error
    assert "is overdue" in answer.error
    assert "2020-T4" not in answer.error
    found = json.loads(mcf_here("status", "--data-dir", small_built.data_dir, "--json").out)
    assert found["overdue"][0] == "2021-T1"


def test_a_check_of_an_empty_directory_is_not_green(tmp_path):
    """It is most likely the wrong one."""
    answer = mcf_here("status", "--data-dir", tmp_path / "data", "--check")
    assert answer.code == 4
    assert "is --data-dir (or MCF_DATA_DIR) the right one?" in answer.error


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (
            Overview("x", releases=[{"release_id": "2026-10-08", "held": ["2024-T1: lost"]}]),
            "release 2026-10-08 is held",
        ),
        (
            Overview("x", refused={"2024-T1": "12 of 100 lines rejected"}),
            "2024-T1 is refused: 12 of 100 lines rejected",
        ),
        (Overview("x", overdue=["2024-T1", "2024-T2"]), "the release of 2024-T1, 2024-T2 is overdue"),
    ],
    ids=["held", "refused", "overdue"],
)
def test_each_reason_to_look_is_a_sentence(found, reason):
    (said,) = waiting(found)
    assert said.startswith(reason)


def test_nothing_waits_where_all_is_well():
    assert waiting(Overview("x", releases=[{"release_id": "2026-10-08", "held": []}])) == []


def test_the_metrics_are_the_figures_of_the_status(small_built, tmp_path):
    file = tmp_path / "node" / "mcf.prom"
    answer = mcf_here("status", "--data-dir", small_built.data_dir, "--json", "--metrics", file)
    found = json.loads(answer.out)
    lines = file.read_text().splitlines()
    # Each metric has its help and its type, then its value.
    values = {}
    for reported, kind, value in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        name, number = value.split()
        assert reported.startswith(f"# HELP {name} ")
        assert kind == f"# TYPE {name} gauge"
        values[name] = int(number)
    assert values["mcf_lines"] == found["rows"] > 0
    assert values["mcf_lines_masked"] == found["masked"] > 0
    assert values["mcf_quarters"] == 4
    assert values["mcf_quarters_overdue"] == len(found["overdue"]) > 0
    assert values["mcf_is_synthetic"] == 1
    assert values["mcf_published_timestamp_seconds"] > 1_700_000_000


def test_metrics_that_cannot_be_written_are_one_line(small_built, tmp_path):
    (tmp_path / "file").write_text("")
    answer = mcf_here("status", "--data-dir", small_built.data_dir, "--metrics", tmp_path / "file" / "mcf.prom")
    assert answer.code == 2
    assert "mcf.prom cannot be written (File exists): choose another file with --metrics" in answer.error


def test_prices_outside_those_of_earlier_releases_are_said(tmp_path):
    """Not only by a check in the UI: `run` ends with the same lines."""
    space = workspace_in(tmp_path)
    first = [line("2024-T1", prix_moyen="900"), line("2024-T1", genre="Homme", prix_moyen="1100")]
    ingest(space.archive, first, "2024-07-08")
    build_all(space)
    assert not [entry for entry in overview(space, space.snapshot()).broken if entry[0] == "prix_hors_plage"]
    new = [line("2024-T2", genre=g, prix_moyen=p) for g, p in (("Femme", "899"), ("Homme", "1000"), ("", "5000"))]
    ingest(space.archive, [*first, *new], "2024-10-08")
    build_all(space)
    assert ("prix_hors_plage", 2, 3) in overview(space, space.snapshot()).broken
    said = mcf_here("status", "--data-dir", tmp_path).out
    assert "2 of 3 lines: The mean price is outside the range of earlier releases" in said
