"""``verify``: one line where all is well, the problems and exit code 1 where it is not; it changes nothing."""

import pytest

from mcf_pipeline_tests.commands.terminal import kept, mcf_here


def test_all_is_well_after_a_run(ready):
    before = kept(ready)
    answer = mcf_here("verify", "--data-dir", ready)
    assert (answer.code, answer.out) == (
        0,
        "No problem found: 1 release, every file as archived; the warehouse matches them.\n",
    )
    assert kept(ready) == before


def test_each_problem_is_listed_and_the_error_counts_them(ready):
    quarters = sorted((ready / "raw" / "quarters").rglob("*.parquet"))
    for path in quarters[:2]:
        path.unlink()
    before = kept(ready)
    answer = mcf_here("verify", "--data-dir", ready)
    assert answer.code == 1
    said = [line for line in answer.err.splitlines() if line.startswith("• ")]
    assert [str(path) in line for path, line in zip(quarters, said, strict=False)] == [True, True]
    assert answer.err.splitlines()[-1] == "error: 2 problems found"
    assert kept(ready) == before


def test_of_many_problems_the_first_are_shown(ready):
    for path in (ready / "raw" / "quarters").rglob("*.sha256"):
        path.unlink()
    (manifest,) = (ready / "raw" / "releases").rglob("manifest.json")
    for number in range(30):
        broken = manifest.parent.with_name(f"2021-02-{number % 28 + 1:02}-{number + 2}")
        broken.mkdir()
    answer = mcf_here("verify", "--data-dir", ready)
    assert answer.code == 1
    assert answer.err.count("• ") == 20
    assert "problems found, the first 20 shown" in answer.err


def test_one_problem_is_counted_in_the_singular(ready):
    next((ready / "raw" / "quarters").rglob("*.parquet")).unlink()
    answer = mcf_here("verify", "--data-dir", ready)
    assert answer.code == 1
    assert answer.err.splitlines()[-1] == "error: 1 problem found"


def test_releases_without_a_warehouse_are_a_problem(ready):
    (ready / "warehouse" / "mcf.duckdb").unlink()
    answer = mcf_here("verify", "--data-dir", ready)
    assert answer.code == 1
    assert "there is no warehouse" in answer.err


@pytest.mark.parametrize("command", ["verify", "rebuild", "status"])
def test_an_empty_folder_is_answered_with_what_to_run(tmp_path, command):
    for options, hinted in (((), True), (("--source", "sample"), False)):
        answer = mcf_here(command, "--data-dir", tmp_path / "data", *options)
        assert answer.code == (0 if command == "status" else 2)
        said = answer.out + answer.err
        assert "`mcf-pipeline run` ingests" in said
        assert ("for the sample, add `--source sample`" in said) is hinted
