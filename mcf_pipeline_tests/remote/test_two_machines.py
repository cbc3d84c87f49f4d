"""Two machines and one bucket: whatever they do at the same time, they end in one state, and nothing is lost."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable

import pytest

from mcf_pipeline.archive.manifest import Manifest
from mcf_pipeline.remote import products
from mcf_pipeline_tests.commands.forked import run
from mcf_pipeline_tests.commands.terminal import mcf_here
from mcf_pipeline_tests.conftest import ran_after
from mcf_pipeline_tests.end_to_end.story import tables_of
from mcf_pipeline_tests.orchestration.assets.small import rewrite
from mcf_pipeline_tests.remote.bucket import Bucket
from mcf_pipeline_tests.remote.conftest import copy_of


def at_first(bucket: Bucket, method: str, key: str, act: Callable[[], None]) -> None:
    """Act once, before the first such request goes through."""
    waiting = [act]

    def before(asked: str, name: str) -> None:
        if waiting and asked == method and name.startswith(f"mcf/{key}"):
            waiting.pop()()

    bucket.front.before = before


def manifests(bucket: Bucket, tmp_path) -> list[Manifest]:
    keys = [key for key in bucket.names("raw/releases/") if key.endswith("/manifest.json")]
    return sorted((Manifest.parse(bucket.read(key), tmp_path) for key in keys), key=lambda found: found.time_order)


def test_two_that_archive_one_release_archive_it_once(built, second_run, small_releases, tmp_path):
    """The second is complete, published and all, in the moment before the first writes its manifest."""
    ours, theirs = built.machine(tmp_path / "ours"), built.machine(tmp_path / "theirs", direct=True)
    assert mcf_here("status", **ours).code == 0

    def run_theirs() -> None:
        answer = run(tmp_path, "run", "--source", small_releases[1], **theirs)
        assert answer.code == 0, answer.err

    at_first(built, "PUT", "raw/releases/2021-04-08/manifest.json", run_theirs)
    answer = mcf_here("run", "--source", small_releases[1], **ours)
    assert answer.code == 0, answer.err
    assert [m.release_id for m in manifests(built, tmp_path)] == ["2021-01-08", "2021-04-08"]
    expected = tables_of(second_run.database)
    assert tables_of(built.published(tmp_path)) == expected
    # One state on both: neither has anything left to do, or to send.
    before = built.names()
    for machine in (ours, theirs):
        answer = mcf_here("run", "--source", small_releases[1], **machine)
        assert answer.out.startswith("Nothing new"), answer.out
        assert tables_of(copy_of(machine) / "warehouse" / "mcf.duckdb") == expected
    assert built.names() == before
    assert mcf_here("verify", **ours).code == 0


def test_two_contents_of_one_day_are_two_releases(built, second_run, small_releases, tmp_path):
    """As in a folder: the second is called `…-2`, and comes later in time."""
    other = rewrite(
        small_releases[1], tmp_path / "other.csv", [("2020-T4", {"nb_dossiers": "77", "nb_titulaires": "77"})]
    )
    ours, theirs = built.machine(tmp_path / "ours"), built.machine(tmp_path / "theirs", direct=True)
    assert mcf_here("status", **ours).code == 0

    def run_theirs() -> None:
        answer = run(tmp_path, "run", "--source", small_releases[1], **theirs)
        assert answer.code == 0, answer.err

    at_first(built, "PUT", "raw/releases/2021-04-08/manifest.json", run_theirs)
    answer = mcf_here("run", "--source", other, **ours)
    assert answer.code == 0, answer.err
    found = manifests(built, tmp_path)
    assert [m.release_id for m in found] == ["2021-01-08", "2021-04-08", "2021-04-08-2"]
    expected = tables_of(ran_after(second_run, tmp_path / "folder", other).database)
    assert tables_of(built.published(tmp_path)) == expected
    assert mcf_here("verify", **theirs).code == 0
    assert mcf_here("run", "--source", small_releases[1], **theirs).code == 0
    assert tables_of(built.published(tmp_path)) == expected


def test_an_older_state_never_replaces_a_newer_one(built, third_run, small_releases, tmp_path):
    """The newer one is published after the older one was assembled, and before it is announced."""
    ours, theirs = built.machine(tmp_path / "ours"), built.machine(tmp_path / "theirs", direct=True)

    def run_theirs() -> None:
        for release in small_releases[1:]:
            answer = run(tmp_path, "run", "--source", release, **theirs)
            assert answer.code == 0, answer.err

    at_first(built, "PUT", "warehouse/", run_theirs)
    answer = mcf_here("run", "--source", small_releases[1], **ours)
    assert answer.code == 0, answer.err
    assert built.pointer("warehouse")["release_id"] == "2021-07-08"
    assert built.pointer("package")["release_id"] == "2021-07-08"
    assert built.pointer("site")["release_id"] == "2021-07-08"
    assert tables_of(built.published(tmp_path)) == tables_of(third_run.database)


def test_a_reader_sees_the_old_file_or_the_new_one(built, machine, small_releases, tmp_path):
    """At each request that the publication writes with, a machine that has nothing yet asks."""
    query = ("sql", "SELECT (SELECT max(trimestre_id) FROM fct_dossiers), (SELECT release_id FROM meta_publication)")
    seen: list[tuple[str, str]] = []

    def before(method: str, key: str) -> None:
        if method == "PUT" and key.startswith(("mcf/warehouse/", "mcf/package/current", "mcf/site/")):
            reader = built.machine(tmp_path / f"reader-{len(seen)}", direct=True)
            answer = run(tmp_path, *query, "--format", "json", **reader)
            assert answer.code == 0, answer.err
            (row,) = json.loads(answer.out)
            seen.append(tuple(row.values()))

    built.front.before = before
    assert mcf_here("run", "--source", small_releases[1], **machine).code == 0
    old, new = ("2020-T4", "2021-01-08"), ("2021-T1", "2021-04-08")
    assert len(seen) == 5
    assert seen == [old, old, new, new, new]


def test_a_reader_whose_version_is_removed_while_it_asks_takes_the_next(built, machine, small_releases, tmp_path):
    other = built.machine(tmp_path / "other", direct=True)
    old = built.pointer("warehouse")["path"]

    def replace() -> None:
        assert run(tmp_path, "run", "--source", small_releases[1], **other).code == 0
        built.s3.delete_object(Bucket=built.name, Key=f"mcf/{old}")

    at_first(built, "GET", old, replace)
    answer = mcf_here("sql", "SELECT release_id FROM meta_publication", "--format", "csv", **machine)
    assert answer.code == 0, answer.err
    assert "2021-04-08" in answer.out


def test_a_reader_on_the_machine_of_a_run_reads_what_is_there(built, machine, small_releases, tmp_path):
    """The copy is the run's as long as it goes on: nothing is put in place under its hands."""
    assert mcf_here("sql", "SELECT 1", **machine).code == 0
    answers = []

    def read() -> None:
        answers.append(run(tmp_path, "sql", "SELECT release_id FROM meta_publication", "--format", "csv", **machine))

    at_first(built, "PUT", "site/", read)
    answer = run(tmp_path, "run", "--source", small_releases[1], **machine)
    assert answer.code == 0, answer.err
    assert [(answer.code, "2021-04-08" in answer.out) for answer in answers] == [(0, True)]


def test_versions_go_a_day_after_they_were_replaced(built, machine, small_releases, monkeypatch):
    names = ("warehouse", "package", "site")
    first = {name: built.pointer(name)["path"] for name in names}
    assert mcf_here("run", "--source", small_releases[1], **machine).code == 0
    second = {name: built.pointer(name)["path"] for name in names}
    assert [entry["path"] for entry in built.pointer("warehouse")["before"]] == [first["warehouse"]]
    assert {first["warehouse"], second["warehouse"]} <= set(built.names("warehouse/"))
    # A day passes, and what a killed publication left is as old.
    built.put("warehouse/0000000000000000-0000000000000000.duckdb", b"left")
    monkeypatch.setattr(products, "KEPT", dt.timedelta(0))
    assert mcf_here("run", "--source", small_releases[2], **machine).code == 0
    for name in names:
        kept = {"/".join(key.split("/")[:2]) for key in built.names(f"{name}/")}
        # The one that was replaced in this moment is for those who read it.
        assert kept == {f"{name}/current.json", second[name], built.pointer(name)["path"]}
        assert first[name] not in kept


@pytest.mark.parametrize("product", ["warehouse", "package", "site"])
def test_a_pointer_that_is_damaged_is_named(built, machine, product):
    built.put(f"{product}/current.json", b"{")
    answer = mcf_here("status", **machine)
    assert answer.code == 1
    assert f"{built.url}/{product}/current.json is damaged" in answer.error
