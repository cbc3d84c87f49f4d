"""One notice per fact: over a real data directory, to a real web server."""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from mcf_pipeline.errors import ArchiveError, ContractError, SourceError
from mcf_pipeline.notices import telling
from mcf_pipeline.notices.facts import Failure
from mcf_pipeline.notices.memory import Memory
from mcf_pipeline.notices.telling import PATIENCE, begin, note_look, tell
from mcf_pipeline.settings import Settings
from mcf_pipeline.sources.answers import RefusedError, UnavailableError
from mcf_pipeline.workspace import Workspace
from mcf_pipeline_tests.conftest import Built, made_once
from mcf_pipeline_tests.notices.receiving import Webhook
from mcf_pipeline_tests.orchestration.assets import graph, small

NOW = dt.datetime(2026, 10, 8, 6, 30, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
BROKEN = Failure("ContractError", "the export is not csv but HTML", 4)


def workspace(data_dir: Path, *urls: str, **env: str) -> Workspace:
    settings = Settings.from_env({"MCF_NOTIFY": " ".join(urls), **env}, source="portal", data_dir=data_dir)
    return Workspace(settings)


@pytest.fixture
def empty(tmp_path, webhook) -> Workspace:
    return workspace(tmp_path / "data", webhook.url)


def take_in(data_dir: Path, csv: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        graph.ingest(data_dir, csv, instance)
        graph.follow_plan(data_dir, csv, instance)


@pytest.fixture(scope="module")
def second(tmp_path_factory, small_built: Built, small_releases) -> Path:
    """The second release, in which a region has a new name with markup in it and a line is rejected; take a copy."""

    def make(folder: Path) -> Path:
        return with_the_second(folder, small_built, small_releases[1])

    return made_once(tmp_path_factory, "told_second", make)


def with_the_second(folder: Path, first: Built, release: Path) -> Path:
    odd = [("2021-T1", {"region": "<b>Atlantide</b> [x](https://x.example)"}), ("2020-T3", {"nb_dossiers": "many"})]
    csv = small.rewrite(release, folder / "second.csv", odd)
    shutil.copytree(first.data_dir, folder / "data")
    begin(workspace(folder / "data", "json://127.0.0.1:9"))
    take_in(folder / "data", csv)
    return folder / "data"


@pytest.fixture
def taken_in(second, tmp_path, webhook) -> Workspace:
    shutil.copytree(second, tmp_path / "data", symlinks=True)
    return workspace(tmp_path / "data", webhook.url)


def fields(lines: list[str], name: str) -> str:
    (line,) = [line for line in lines if line.startswith(name)]
    return line.removeprefix(name).removesuffix(".")


# -- releases -----------------------------------------------------------------------------------------------


def test_the_numbers_of_a_release_are_those_of_the_warehouse(taken_in, webhook):
    told = tell(taken_in, ran_at=NOW, now=NOW)
    assert told.problems == []
    assert webhook.subjects == told.sent == ["mcf_pipeline, SYNTHETIC: release 2021-04-08: 1 new, 2 revised"]
    lines = webhook.last
    with duckdb.connect(taken_in.data_dir.published_database, read_only=True) as con:

        def figures(sql: str) -> list[tuple[object, ...]]:
            return con.execute(sql).fetchall()

        ((dossiers, euros),) = figures(
            "SELECT sum(nb_dossiers), sum(montant_engage) FROM fct_dossiers WHERE trimestre_id = '2021-T1'"
        )
        assert fields(lines, "New: ") == f"2021-T1 ({dossiers:,} dossiers, {euros:,.2f} €)"
        revised = figures(
            "WITH told AS (SELECT *, 1 AS sign FROM dossiers_au('2021-04-08') UNION ALL BY NAME "
            "SELECT *, -1 AS sign FROM dossiers_au('2021-01-08')) "
            "SELECT trimestre_id, sum(sign * nb_dossiers)::INT, sum(sign * montant_engage) FROM told "
            "WHERE trimestre_id IN ('2020-T3', '2020-T4') GROUP BY 1 ORDER BY 1"
        )
        assert fields(lines, "Revised: ") == "; ".join(f"{q} {d:+,} dossiers, {m:+,.2f} €" for q, d, m in revised)
        total = sum(d for _, d, _ in revised), sum(m for _, _, m in revised)
        assert fields(lines, "Revised in all: ") == f"{total[0]:+,} dossiers, {total[1]:+,.2f} €"
        assert figures("SELECT regle FROM stg_rejets WHERE release_id = '2021-04-08'") == [("nombre_illisible",)]
    assert fields(lines, "Rejected: ") == "1 line (nombre_illisible 1)"
    assert fields(lines, "Unknown modalities, kept apart: ") == "region “＜b＞Atlantide＜/b＞ ［x］(x.example)”"
    assert lines[0] == "SYNTHETIC data: it says nothing about the real world."


def test_a_release_is_told_once(taken_in, webhook):
    tell(taken_in, now=NOW)
    assert tell(taken_in, now=NOW + MINUTE).sent == []
    assert len(webhook.received) == 1


def test_a_release_that_is_not_published_yet_waits(taken_in, webhook):
    aside = taken_in.data_dir.published_database.rename(taken_in.data_dir.root / "aside")
    assert tell(taken_in, now=NOW).sent == []
    aside.rename(taken_in.data_dir.published_database)
    assert len(tell(taken_in, now=NOW).sent) == 1


def test_releases_that_were_there_before_are_no_news(small_copy, webhook):
    space = workspace(small_copy.data_dir, webhook.url)
    begin(space)
    assert tell(space, now=NOW).sent == []
    assert webhook.received == []


def test_without_a_beginning_only_the_newest_release_is_told(taken_in, webhook):
    taken_in.data_dir.notices.write_text("garbage")
    assert [subject.split(":")[1] for subject in tell(taken_in, now=NOW).sent] == [" release 2021-04-08"]
    assert len(Memory.read(taken_in.data_dir.notices).releases) == 2


def test_a_held_release_is_told_and_again_once_it_is_accepted(small_copy, small_releases, tmp_path, webhook):
    space = workspace(small_copy.data_dir, webhook.url)
    begin(space)
    csv = small.rewrite(small_releases[1], tmp_path / "shrunk.csv", without="2020-T2")
    holding = graph.open_workspace(small_copy.data_dir, csv)
    with pytest.raises(ContractError) as held:
        holding.ingest()
    assert tell(space, failure=Failure.of(held.value), now=NOW).sent == [
        "mcf_pipeline, SYNTHETIC: release 2021-04-08 is held"
    ], "not as a failure, too"
    assert "2020-T2 vanished" in webhook.received[-1]["message"]
    accept = f"mcf-pipeline run --data-dir {space.data_dir.root} --accept-release 2021-04-08"
    assert fields(webhook.last, "If the publisher intended this: ") == accept
    holding.archive.accept("2021-04-08")
    with dg.DagsterInstance.ephemeral() as instance:
        graph.follow_plan(small_copy.data_dir, csv, instance)
    assert tell(space, now=NOW).sent == ["mcf_pipeline, SYNTHETIC: release 2021-04-08: 1 new, 2 revised, 1 vanished"]
    assert fields(webhook.last, "Vanished: ") == "2020-T2"


def test_a_refused_quarter_is_told_with_its_release_and_only_there(small_copy, small_releases, tmp_path, webhook):
    space = workspace(small_copy.data_dir, webhook.url)
    begin(space)
    nonsense = [("2020-T4", {"nb_dossiers": "many"})] * 6
    csv = small.rewrite(small_releases[1], tmp_path / "broken.csv", nonsense)
    take_in(small_copy.data_dir, csv)
    (reason,) = space.refusals(space.snapshot()).values()
    told = tell(space, failure=Failure.of(reason), now=NOW)
    assert told.sent == ["mcf_pipeline, SYNTHETIC: release 2021-04-08: 1 new, 1 revised, 1 refused"]
    assert fields(webhook.last, "Refused: ").startswith("2020-T4: 6 of ")
    assert tell(space, failure=Failure.of(reason), now=NOW).sent == []
    assert [entry.failure for entry in Memory.read(space.data_dir.notices).open.values()] == [""]


# -- failures -----------------------------------------------------------------------------------------------


def test_three_equal_failures_are_one_notice_and_their_end_another(empty, webhook):
    for minute in range(3):
        tell(empty, failure=BROKEN, now=NOW + minute * MINUTE)
    assert webhook.subjects == ["mcf_pipeline: a run failed (exit 4)"]
    assert webhook.last[0] == BROKEN.message
    other = Failure("ContractError", "another error", 4)
    tell(empty, failure=other, now=NOW + 3 * MINUTE)
    tell(empty, failure=BROKEN, now=NOW + 4 * MINUTE)
    assert len(webhook.received) == 2, "the first is not mended yet"
    tell(empty, ran_at=NOW + 5 * MINUTE, now=NOW + 5 * MINUTE)
    assert webhook.subjects[2:] == ["mcf_pipeline: works again"]
    assert webhook.last[:2] == [f"Resolved: {BROKEN.message}", f"Resolved: {other.message}"]
    tell(empty, failure=BROKEN, now=NOW + 6 * MINUTE)
    assert webhook.subjects[3:] == ["mcf_pipeline: a run failed (exit 4)"]


def test_an_older_success_mends_nothing(empty, webhook):
    tell(empty, failure=BROKEN, now=NOW)
    assert tell(empty, ran_at=NOW - MINUTE, now=NOW + MINUTE).sent == []


def test_that_a_run_succeeded_does_not_show_that_the_source_answers(empty):
    tell(empty, failure=Failure.of(SourceError("no answer")), now=NOW)
    assert tell(empty, ran_at=NOW + MINUTE, now=NOW + MINUTE).sent == []
    assert tell(empty, answered_at=NOW + MINUTE, now=NOW + MINUTE).sent == ["mcf_pipeline: works again"]


def test_a_source_that_the_sensor_does_not_reach_is_told_after_hours(empty, webhook):
    error = UnavailableError("no answer after 12 s")
    note_look(empty, error, NOW)
    note_look(empty, UnavailableError("no answer after 9 s"), NOW + MINUTE)
    assert tell(empty, now=NOW + PATIENCE - MINUTE).sent == []
    assert tell(empty, now=NOW + PATIENCE).sent == ["mcf_pipeline: the source cannot be reached"]
    assert webhook.last[:2] == ["no answer after 12 s", "Failing since 2026-10-08 06:30 UTC."]
    note_look(empty, error, NOW + PATIENCE + MINUTE)
    assert tell(empty, now=NOW + 2 * PATIENCE).sent == []
    note_look(empty, None, NOW + 2 * PATIENCE)
    assert tell(empty, now=NOW + 2 * PATIENCE).sent == ["mcf_pipeline: works again"]


def test_a_source_that_answers_in_time_is_not_told(empty):
    note_look(empty, UnavailableError("no answer"), NOW)
    note_look(empty, None, NOW + MINUTE)
    assert tell(empty, now=NOW + 2 * PATIENCE).sent == []


@pytest.mark.parametrize("error", [ArchiveError("a manifest is damaged"), RefusedError("denied", 403, "")])
def test_a_look_that_fails_for_good_is_told_at_once(empty, error):
    note_look(empty, error, NOW)
    assert tell(empty, now=NOW).sent == ["mcf_pipeline: checking for a release fails"]


# -- delivery -----------------------------------------------------------------------------------------------


def test_what_is_not_delivered_is_made_up_later_once_to_each(tmp_path, webhook):
    webhook.status = 503
    space = workspace(tmp_path / "data", webhook.url, "json://127.0.0.1:9/none")
    told = tell(space, failure=BROKEN, now=NOW)
    assert told.sent == []
    assert sorted(told.problems) == [
        "1 json://127.0.0.1 waits for 1 notice: it answered 503; tried again next time",
        "2 json://127.0.0.1 waits for 1 notice: it cannot be reached, or did not accept the login or the address; "
        "tried again next time",
    ]
    tell(space, ran_at=NOW + MINUTE, now=NOW + MINUTE)
    webhook.status = 200
    tell(space, now=NOW + 2 * MINUTE)
    assert webhook.subjects == ["mcf_pipeline: a run failed (exit 4)", "mcf_pipeline: works again"]
    assert webhook.received[0]["message"].splitlines()[-1].startswith("2026-10-08 06:30 UTC"), "when it happened"
    tell(space, now=NOW + 3 * MINUTE)
    assert len(webhook.received) == 2
    assert [entry.targets for entry in Memory.read(space.data_dir.notices).pending] == [["2 json"]] * 2


def test_an_address_that_is_no_longer_set_is_forgotten(tmp_path, webhook):
    space = workspace(tmp_path / "data", webhook.url, "json://127.0.0.1:9/none")
    tell(space, failure=BROKEN, now=NOW)
    space = workspace(tmp_path / "data", webhook.url)
    assert tell(space, now=NOW).problems == []
    assert Memory.read(space.data_dir.notices).pending == []


def test_where_nothing_can_be_remembered_it_is_told_all_the_same(empty, webhook):
    empty.data_dir.notices.mkdir(parents=True)
    told = tell(empty, failure=BROKEN, now=NOW)
    assert told.sent == webhook.subjects == ["mcf_pipeline: a run failed (exit 4)"]
    assert [problem.partition(" cannot be written")[0] for problem in told.problems] == [str(empty.data_dir.notices)]


def test_nothing_to_tell_sends_and_loads_nothing(empty, webhook, monkeypatch):
    begin(empty)
    before = empty.data_dir.notices.stat()
    monkeypatch.setattr(telling, "targets", None)
    assert tell(empty, ran_at=NOW, answered_at=NOW, now=NOW) == telling.Told()
    assert os.path.samestat(before, empty.data_dir.notices.stat()), "the file is not written again"
    assert webhook.asked == []


# -- secrets ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "secret",
    [
        lambda url: url,
        lambda url: url.split(":")[2].split("@")[0],
        lambda url: url.rpartition("/")[2],
        lambda url: "the-api-key-0123",
    ],
    ids=["address", "password", "token", "API key"],
)
def test_a_secret_in_an_error_is_not_told(tmp_path, webhook: Webhook, secret: Callable[[str], str]):
    space = workspace(tmp_path / "data", webhook.url, MCF_API_KEY="the-api-key-0123")
    hidden = secret(webhook.url)
    tell(space, failure=Failure("ContractError", f"the portal says {hidden}", 4), now=NOW)
    note_look(space, ArchiveError(f"damaged: {hidden}"), NOW)
    tell(space, now=NOW)
    assert len(webhook.received) == 2
    assert "＊＊＊" in webhook.last[0]
    assert hidden not in str(webhook.received) + space.data_dir.notices.read_text()
