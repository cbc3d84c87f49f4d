"""``status``: what there is, from an empty directory to a published warehouse."""

import json
import shutil

import duckdb

from mcf_pipeline_tests.commands.terminal import kept, mcf_here


def test_an_empty_data_directory_has_nothing_and_stays_empty(tmp_path):
    answer = mcf_here("status", "--data-dir", tmp_path / "data")
    assert answer.code == 0
    assert answer.out == f"Nothing yet in {tmp_path / 'data'}: `mcf-pipeline run` ingests the first release.\n"
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
