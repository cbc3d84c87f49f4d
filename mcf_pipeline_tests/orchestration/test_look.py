"""One look in each of its branches: a real data directory, a real portal, an instance that is gone afterwards."""

from __future__ import annotations

import datetime as dt
import re

import dagster as dg
import pytest
from filelock import FileLock

from mcf_pipeline.definitions import ASSETS
from mcf_pipeline.orchestration.attempts import MAX_ATTEMPTS
from mcf_pipeline.orchestration.cursor import Cursor
from mcf_pipeline.orchestration.jobs import INTAKE, JOB, REFUSED_TAG, RELEASE_TAG, STATE_TAG, STEP_TAG
from mcf_pipeline.orchestration.look import Look, look
from mcf_pipeline.settings import Settings
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.orchestration.assets import graph, small
from mcf_pipeline_tests.orchestration.conftest import ingest, open_workspace
from mcf_pipeline_tests.orchestration.dagster_runs import add_run

Status = dg.DagsterRunStatus
HOUR = dt.timedelta(hours=1)


def look_at(
    space: Workspace, instance: dg.DagsterInstance, cursor: Cursor | None = None, after: dt.timedelta | None = None
) -> Look:
    now = dt.datetime.now(dt.UTC) + (after or dt.timedelta(0))
    return look(lambda: space, instance, ASSETS, cursor or Cursor(), now)


def next_look_in(found: Look) -> float:
    """Minutes."""
    return (dt.datetime.fromisoformat(found.cursor.next_look) - dt.datetime.now(dt.UTC)).total_seconds() / 60


def only(found: Look) -> dg.RunRequest:
    (request,) = found.requests
    return request


def names(request: dg.RunRequest) -> list[str]:
    return sorted(key.to_user_string() for key in request.asset_selection or ())


# -- what the archive holds and the warehouse does not ------------------------------------------------------


def test_a_release_that_is_archived_is_built_before_the_source_is_asked(archived, instance, portal):
    asked = len(portal.requests)
    found = look_at(archived, instance)
    request = only(found)
    assert request.tags["mcf/step"] == "2020-T1..2020-T4+whole"
    assert request.tags["dagster/asset_partition_range_start"] == "2020-01-01"
    assert request.tags["dagster/asset_partition_range_end"] == "2020-10-01"
    assert names(request) == sorted([*graph.QUARTERLY, *graph.WHOLE])
    assert request.run_key is None, "it would block a second try for ever"
    assert len(portal.requests) == asked
    assert not archived.data_dir.published_database.exists()


def test_a_published_file_that_is_missing_is_published_again_without_any_quarter(built, instance):
    built.data_dir.published_database.unlink()
    found = look_at(built, instance)
    request = only(found)
    assert request.tags["mcf/step"] == "none+whole"
    assert names(request) == sorted(graph.WHOLE)


def test_a_build_that_failed_is_asked_for_again_later_and_not_for_ever(archived, instance):
    request = only(look_at(archived, instance))
    add_run(instance, Status.FAILURE, dict(request.tags))
    soon = look_at(archived, instance)
    assert not soon.requests
    assert "next try at" in soon.reason
    again = look_at(archived, instance, after=dt.timedelta(minutes=2))
    assert only(again).tags == request.tags
    for _ in range(MAX_ATTEMPTS - 1):
        add_run(instance, Status.FAILURE, dict(request.tags))
    late = look_at(archived, instance, after=dt.timedelta(days=365))
    assert not late.requests
    assert "fix the cause" in late.reason


def test_a_new_state_of_the_archive_is_another_request(archived, instance, portal):
    request = only(look_at(archived, instance))
    for _ in range(MAX_ATTEMPTS):
        add_run(instance, Status.FAILURE, dict(request.tags))
    portal.next()
    ingest(archived)
    found = only(look_at(archived, instance))
    assert found.tags[STATE_TAG] != request.tags[STATE_TAG]


# -- what the source holds and the archive does not ---------------------------------------------------------


def test_the_first_release_is_asked_for(empty, instance):
    found = look_at(empty, instance)
    request = only(found)
    assert (request.job_name, request.asset_selection) == (JOB, INTAKE)
    assert set(request.tags) >= {RELEASE_TAG}
    assert request.tags[STEP_TAG] == "intake"
    assert "no release is archived yet" in found.reason


def test_a_look_changes_nothing_in_the_data_directory_before_there_is_a_release(empty, instance):
    look_at(empty, instance)
    assert not empty.data_dir.root.exists() or list(empty.data_dir.root.iterdir()) == []


def test_an_unchanged_portal_costs_one_small_request_and_no_run(built, instance, portal):
    found = look_at(built, instance)
    assert not found.requests
    assert found.reason.startswith("unchanged (data_processed: still 2021-01-08")
    assert [request.kind for request in portal.requests] == ["metadata"]
    assert 14 < next_look_in(found) <= 15
    assert found.cursor.said == found.reason


def test_between_two_looks_the_portal_is_left_alone(built, instance, portal):
    first = look_at(built, instance)
    second = look_at(built, instance, first.cursor)
    assert not second.requests
    assert second.cursor == first.cursor
    assert first.reason in second.reason
    assert len(portal.requests) == 1
    assert not look_at(built, instance, first.cursor, after=HOUR).requests
    assert len(portal.requests) == 2


def test_a_new_release_is_asked_for_once_it_is_there(built, instance, portal):
    cursor = look_at(built, instance).cursor
    portal.next()
    assert not look_at(built, instance, cursor).requests
    found = look_at(built, instance, cursor, after=HOUR)
    request = only(found)
    assert request.asset_selection == INTAKE
    assert found.reason.startswith("changed (records_count")


def test_another_release_is_another_request(built, instance, portal):
    tags = []
    for _ in range(2):
        portal.next()
        request = only(look_at(built, instance))
        tags.append(request.tags[RELEASE_TAG])
    assert len(set(tags)) == 2


def test_an_intake_that_failed_is_asked_for_again_later(empty, instance):
    request = only(look_at(empty, instance))
    add_run(instance, Status.FAILURE, dict(request.tags))
    assert "next try at" in look_at(empty, instance).reason
    assert look_at(empty, instance, after=HOUR).requests


def run_intake(space: Workspace, instance: dg.DagsterInstance, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """As the daemon would: with the tags of what was asked for."""
    job = graph.job_of(space.data_dir.root, space.settings.source)
    return job.execute_in_process(
        instance=instance, asset_selection=INTAKE, tags=request.tags, run_config=graph.QUIET, raise_on_error=False
    )


def test_a_refused_release_is_asked_for_again_when_the_source_or_the_map_changes(tmp_path, instance):
    (sound,) = small.write_releases(tmp_path / "csv", 1)
    file, data_dir = tmp_path / "export.csv", tmp_path / "data"
    file.write_bytes(sound.read_bytes().replace(b"nb_dossiers", b"quantite"))
    space = graph.open_workspace(data_dir, file)
    request = only(look_at(space, instance))
    assert not run_intake(space, instance, request).success
    found = look_at(space, instance, after=365 * 24 * HOUR)
    assert not found.requests
    assert "refused by the rule colonne_manquante" in found.reason

    source_map = tmp_path / "map.toml"
    source_map.write_text('[columns]\nnb_dossiers = "quantite"\n')
    mapped = Settings.from_env({"MCF_SOURCE_MAP": str(source_map)}, source=str(file), data_dir=data_dir)
    assert only(look_at(Workspace(mapped), instance)).tags[RELEASE_TAG] != request.tags[RELEASE_TAG]

    file.write_bytes(sound.read_bytes())
    assert run_intake(space, instance, only(look_at(space, instance))).success


def test_a_download_that_was_no_export_is_asked_for_again(tmp_path, instance):
    file = tmp_path / "export.csv"
    file.write_text("<!DOCTYPE html><title>Maintenance</title>")
    space = graph.open_workspace(tmp_path / "data", file)
    assert not run_intake(space, instance, only(look_at(space, instance))).success
    assert "next try at" in look_at(space, instance).reason
    assert look_at(space, instance, after=HOUR).requests


def test_what_was_refused_by_a_source_that_says_nothing_is_looked_at_daily(empty, instance, monkeypatch):
    monkeypatch.setattr(type(empty.source()), "peek", lambda self: None)
    request = only(look_at(empty, instance))
    add_run(instance, Status.FAILURE, {**request.tags, REFUSED_TAG: "colonne_manquante"})
    assert not look_at(empty, instance, after=23 * HOUR).requests
    assert look_at(empty, instance, after=25 * HOUR).requests


def test_a_source_that_cannot_tell_its_releases_apart_is_downloaded_once_a_day(small_copy, portal, instance):
    """Archived from a file, the release has no time of the portal's to compare with; its totals are the same."""
    space = open_workspace(small_copy.data_dir, portal)
    found = look_at(space, instance)
    request = only(found)
    assert found.reason.startswith("can't tell")
    add_run(instance, Status.SUCCESS, dict(request.tags))
    assert "ingested less than a day ago" in look_at(space, instance).reason
    assert look_at(space, instance, after=25 * HOUR).requests


# -- what keeps it from looking -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.STARTING, Status.STARTED, Status.CANCELING])
def test_one_run_at_a_time(archived, instance, portal, status):
    asked = len(portal.requests)
    run = add_run(instance, status)
    cursor = Cursor(said="x")
    found = look_at(archived, instance, cursor)
    assert (found.requests, found.cursor) == ((), cursor)
    assert run.run_id[:8] in found.reason
    assert len(portal.requests) == asked


def test_a_data_directory_that_another_process_holds_is_left_alone(archived, instance, monkeypatch):
    monkeypatch.setattr("mcf_pipeline.orchestration.look.LOCK_TIMEOUT", 0.1)
    cursor = Cursor(said="x")
    with FileLock(archived.data_dir.lock):
        found = look_at(archived, instance, cursor)
    assert (found.requests, found.cursor) == ((), cursor)
    assert "another process is writing" in found.reason
    assert look_at(archived, instance, cursor).requests


@pytest.mark.parametrize(
    ("fault", "options", "says"),
    [
        ("failing", {"status": 500}, "500"),
        ("failing", {"status": 503}, "503"),
        ("not_found", {}, "404|dataset"),
        ("forbidden", {}, "403|key"),
        ("garbage", {}, "metadata"),
        ("html", {"on": "metadata"}, "HTML|JSON"),
        ("json", {"on": "metadata"}, "."),
        ("cut", {"on": "metadata"}, "."),
        ("reset", {}, "."),
    ],
)
def test_a_portal_that_fails_is_left_alone_for_longer_each_time(built, instance, portal, fault, options, says):
    portal.misbehave(fault, None, **options)
    first = look_at(built, instance)
    assert not first.requests
    assert first.cursor.failures == 1
    assert 0 < next_look_in(first) <= 1
    assert re.search(says, first.reason)
    assert "next look at" in first.reason
    assert look_at(built, instance, first.cursor).cursor == first.cursor
    second = look_at(built, instance, first.cursor, after=dt.timedelta(minutes=2))
    assert second.cursor.failures == 2
    portal.behave()
    third = look_at(built, instance, second.cursor, after=HOUR)
    assert third.reason.startswith("unchanged")
    assert third.cursor.failures == 0


def test_a_portal_that_wants_no_more_requests_is_obeyed(built, instance, portal):
    portal.misbehave("too_many", None, reset_in=7200)
    found = look_at(built, instance)
    assert not found.requests
    assert 110 < next_look_in(found) <= 120


def test_a_portal_that_is_not_there(built, instance):
    gone = Workspace(
        Settings.from_env(
            {"MCF_PORTAL_URL": "http://127.0.0.1:9", "MCF_LIMIT_MAX_ATTEMPTS": "1"}, data_dir=built.data_dir.root
        )
    )
    found = look_at(gone, instance)
    assert not found.requests
    assert found.cursor.failures == 1
    assert "127.0.0.1:9" in found.reason


def test_an_archive_that_is_damaged_is_told_of(archived, instance):
    (manifest,) = archived.data_dir.releases.glob("*/manifest.json")
    manifest.write_text("{")
    found = look_at(archived, instance)
    assert not found.requests
    assert found.cursor.failures == 1
    assert str(manifest) in found.reason or manifest.parent.name in found.reason


def test_settings_that_cannot_be_used_are_told_of(tmp_path, instance):
    def broken() -> Workspace:
        return Workspace(Settings.from_env({"MCF_PORTAL_URL": "gopher://x"}, data_dir=tmp_path))

    found = look(broken, instance, ASSETS, Cursor(), dt.datetime.now(dt.UTC))
    assert not found.requests
    assert "MCF_PORTAL_URL" in found.reason


def test_an_interval_without_end_is_bounded(tmp_path, portal, built, instance):
    space = open_workspace(built.data_dir.root, portal, MCF_POLL_SECONDS="inf")
    assert next_look_in(look_at(space, instance)) < 32 * 24 * 60
