"""A data directory in a bucket: what is built in it is what a folder would hold, and every command works on it."""

from __future__ import annotations

import json
import shutil

import pytest

from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.end_to_end.story import tables_of
from mcf_pipeline_tests.remote.bucket import SECRET
from mcf_pipeline_tests.remote.conftest import copy_of

pytestmark = pytest.mark.slow


def test_a_first_build_and_an_increment_are_what_a_folder_holds(built, first_run, second_run, small_releases, tmp_path):
    assert tables_of(built.published(tmp_path)) == tables_of(first_run.database)
    # By another machine, which has nothing of the first one's.
    env = built.machine(tmp_path / "other")
    answer = mcf_here("run", "--source", small_releases[1], **env)
    assert answer.code == 0, answer.err
    assert "1 quarters new, 2 changed, 2 unchanged" in answer.out
    assert tables_of(built.published(tmp_path)) == tables_of(second_run.database)
    assert {path.parent.name for path in (second_run.data_dir / "raw" / "quarters").glob("*/*.parquet")} == {
        key.split("/")[2] for key in built.names("raw/quarters/")
    }


def test_a_machine_that_has_nothing_finds_nothing_new(built, machine, small_releases):
    before = built.names()
    answer = mcf_here("run", "--source", small_releases[0], **machine)
    assert answer.code == 0, answer.err
    assert answer.out.startswith("Nothing new")
    assert built.names() == before
    assert built.front.kinds()["PUT"] == 0


def test_a_run_without_news_costs_a_handful_of_requests(built, machine, small_releases):
    mcf_here("status", **machine)
    built.front.forget()
    assert mcf_here("run", "--source", small_releases[0], **machine).code == 0
    assert built.front.kinds() == {"LIST": 2, "GET": 3}
    assert built.front.sent == 0


def test_an_increment_sends_what_is_new_and_nothing_twice_and_no_key_is_written_anywhere(
    built, machine, small_releases
):
    mcf_here("status", **machine)
    before = set(built.names())
    built.front.forget()
    assert mcf_here("run", "--source", small_releases[1], **machine).code == 0
    put = [key for method, key in built.front.seen if method == "PUT"]
    assert len(put) == len(set(put))
    # What is replaced are the three pointers; every other name is new.
    replaced = [key.removeprefix("mcf/") for key in put if key.removeprefix("mcf/") in before]
    assert sorted(replaced) == ["package/current.json", "site/current.json", "warehouse/current.json"]
    assert len([key for key in put if "/raw/quarters/" in key]) == 3
    assert len([key for key in put if "/tables/fct_dossiers/" in key]) == 3
    # No key is written anywhere.
    files = [path for path in copy_of(machine).rglob("*") if path.is_file()]
    assert len(files) > 50
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert [key for key in built.names() if SECRET.encode() in built.read(key)] == []


def test_what_looks_works_on_a_bucket(built, machine, small_built, tmp_path):
    answer = mcf_here("sql", "SELECT sum(nb_dossiers) FROM fct_dossiers", "--format", "json", **machine)
    assert answer.code == 0, answer.err
    local = mcf_here(
        "sql", "SELECT sum(nb_dossiers) FROM fct_dossiers", "--format", "json", "--data-dir", small_built.data_dir
    )
    assert json.loads(answer.out) == json.loads(local.out)
    # The published file alone: neither the archive nor the tables.
    assert not (copy_of(machine) / "raw").exists()
    built.front.forget()
    assert mcf_here("sql", "SELECT 1", **machine).code == 0
    assert built.front.kinds() == {"GET": 1}

    status = json.loads(mcf_here("status", "--json", **machine).out)
    expected = json.loads(mcf_here("status", "--json", "--data-dir", small_built.data_dir).out)
    for ours in (status, expected):
        for key in ("published_at", "warehouse"):
            del ours[key]
        for release in ours["releases"]:
            del release["retrieved_at"]
    assert status == expected

    assert mcf_here("export", tmp_path / "out.xlsx", **machine).code == 0
    assert (tmp_path / "out.xlsx").stat().st_size > 10_000
    page = mcf_here("dashboard", "--no-browser", **machine)
    assert page.out.strip() == str(copy_of(machine) / "site" / "index.html")
    assert "mcf-state" in (copy_of(machine) / "site" / "index.html").read_text()[:4096]
    assert mcf_here("backup", tmp_path / "backup", **machine).code == 0
    assert mcf_here("backup", tmp_path / "backup", "--check", **machine).code == 0
    assert built.front.kinds()["PUT"] == 0


def test_doctor_reads_the_source_and_asks_the_bucket_nothing(built, machine, small_releases):
    answer = mcf_here("doctor", "--source", small_releases[0], **machine)
    assert answer.code == 0, answer.err
    assert answer.out.rstrip().endswith("ready")
    assert built.front.seen == []


def test_verify_reads_what_is_in_the_bucket_and_not_the_copy_of_it(built, machine):
    answer = mcf_here("verify", **machine)
    assert answer.code == 0, answer.err
    assert "1 release, every file as archived" in answer.out
    damaged = next(iter(built.names("raw/quarters/")))
    built.put(damaged, b"PAR1 rubbish PAR1")
    answer = mcf_here("verify", **machine)
    assert answer.code == 1
    assert f"{built.url}/{damaged} is damaged" in answer.err


def test_rebuild_mends_the_bucket(built, machine, small_built, tmp_path):
    """What was made of the export is made again from it, whatever state it is in; so is all that is derived."""
    quarter, table = built.names("raw/quarters/")[0], built.names("tables/fct_dossiers/")[0]
    for key in (quarter, table, built.pointer("warehouse")["path"]):
        built.put(key, b"rubbish")
    before = built.pointer("warehouse")["path"]
    answer = mcf_here("rebuild", **machine)
    assert answer.code == 0, answer.err
    assert built.pointer("warehouse")["path"] != before
    assert tables_of(built.published(tmp_path)) == tables_of(small_built.database)
    assert len(built.read(table)) > 1000
    shutil.rmtree(machine["MCF_CACHE_DIR"])
    answer = mcf_here("verify", **machine)
    assert answer.code == 0, answer.err


def test_pruning_does_not_work_on_a_bucket_and_says_so(built, machine):
    before = built.names()
    answer = mcf_here("prune", "--keep", "1", **machine)
    assert answer.code == 2
    assert built.url in answer.error
    assert built.names() == before
