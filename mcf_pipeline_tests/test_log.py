"""The structured log: every line of standard error is JSON, and the events of a run stand in order."""

from __future__ import annotations

import datetime as dt
import json
import logging
import sys

import pytest

from mcf_pipeline import log
from mcf_pipeline_tests.commands.terminal import mcf, mcf_here
from mcf_pipeline_tests.orchestration.assets import small


def events(err: str, *, messages: bool = False) -> list[dict]:
    found = [json.loads(line) for line in err.splitlines()]
    for entry in found:
        assert dt.datetime.fromisoformat(entry["ts"]).utcoffset() == dt.timedelta(0)
    return [entry for entry in found if messages or entry["event"] != "message"]


def test_a_run_logs_what_it_does_in_order_and_says_the_same_on_standard_output(ready_and_plain, small_releases):
    data_dir, plain = ready_and_plain
    answer = mcf("--log-format", "json", "run", "--source", small_releases[1], "--data-dir", data_dir)
    found = events(answer.err)
    assert [entry["event"] for entry in found] == [
        "started",
        "release_found",
        "release_ingested",
        "quarter_built",
        "quarter_built",
        "quarter_built",
        "published",
        "ended",
    ]
    assert {(entry["command"], entry["data_dir"]) for entry in found} == {("run", str(data_dir))}
    assert [entry["quarter"] for entry in found[3:6]] == ["2020-T3", "2020-T4", "2021-T1"]
    assert {entry["release_id"] for entry in found[2:7]} == {"2021-04-08"}
    assert all(entry["seconds"] >= 0 for entry in (found[2], found[6], found[7]))
    assert found[-1]["exit_code"] == answer.code == 0
    assert "error" not in found[-1]
    assert answer.out.replace(str(data_dir), "…").splitlines()[:4] == plain


@pytest.fixture
def ready_and_plain(small_copy, small_releases, tmp_path):
    """A directory for one run, and what the same run prints on another without the log."""
    import shutil

    other = tmp_path / "other"
    shutil.copytree(small_copy.data_dir, other, symlinks=True)
    answer = mcf_here("run", "--source", small_releases[1], "--data-dir", other)
    assert answer.code == 0, answer.err
    return small_copy.data_dir, answer.out.replace(str(other), "…").splitlines()[:4]


def test_a_refused_quarter_and_a_held_release_are_events(small_copy, small_releases, tmp_path):
    csv = small.rewrite(small_releases[1], tmp_path / "broken.csv", [("2020-T4", {"nb_dossiers": "many"})] * 6)
    answer = mcf_here("run", "--source", csv, "--data-dir", small_copy.data_dir, MCF_LOG="json")
    assert answer.code == 4
    found = {entry["event"]: entry for entry in events(answer.err)}
    assert found["quarter_refused"]["error"].startswith("2020-T4: 6 of ")
    assert (found["ended"]["exit_code"], found["ended"]["level"]) == (4, "error")
    shrunk = small.rewrite(small_releases[2], tmp_path / "shrunk.csv", without="2020-T2")
    answer = mcf_here("run", "--source", shrunk, "--data-dir", small_copy.data_dir, MCF_LOG="json")
    found = {entry["event"]: entry for entry in events(answer.err)}
    assert found["release_held"]["release_id"] == "2021-07-08"
    assert found["ended"]["exit_code"] == answer.code == 4


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["run", "--source", "/no/such.csv"], 2),
        (["run", "--no-such-option"], 2),
        (["--debug", "run", "--source", "/no/such.csv"], 2),
        (["rebuild"], 2),
    ],
)
def test_a_failure_is_the_last_event_with_the_exit_code(tmp_path, arguments, code):
    where = ["--data-dir", tmp_path] if "--no-such-option" not in arguments else []
    answer = mcf_here(*arguments, *where, MCF_LOG="json")
    assert (answer.code, answer.out) == (code, "")
    *before, last = events(answer.err, messages=True)
    assert (last["event"], last["exit_code"], last["level"]) == ("ended", code, "error")
    assert last["error"]
    traceback = [entry for entry in before if "Traceback" in entry.get("text", "")]
    assert bool(traceback) == ("--debug" in arguments)


def test_the_portals_key_and_the_addresses_are_not_logged(tmp_path, webhook):
    env = {"MCF_API_KEY": "the-api-key-0123", "MCF_NOTIFY": webhook.url, "MCF_LOG": "json"}
    env |= {"MCF_PORTAL_URL": "http://127.0.0.1:9", "MCF_LIMIT_MAX_ATTEMPTS": "1"}
    answer = mcf_here("run", "--source", "portal", "--data-dir", tmp_path, **env)
    found = {entry["event"]: entry for entry in events(answer.err)}
    assert found["notice_sent"]["target"] == "1 json://127.0.0.1"
    for secret in ("the-api-key-0123", webhook.url, *webhook.url.split(":")[2].split("@")[:1]):
        assert secret not in answer.err


@pytest.mark.parametrize("form", ["text", ""])
def test_without_being_asked_nothing_is_logged(tmp_path, form):
    answer = mcf_here("status", "--data-dir", tmp_path, MCF_LOG=form)
    assert (answer.code, answer.err) == (0, "")


def test_a_format_that_is_unknown_is_wrong_usage(tmp_path):
    assert mcf_here("--log-format", "xml", "status", "--data-dir", tmp_path).code == 2


def test_afterwards_everything_is_as_it_was(tmp_path):
    before = sys.stderr
    mcf_here("status", "--data-dir", tmp_path, MCF_LOG="json")
    assert (sys.stderr, log.is_on(), logging.getLogger("mcf_pipeline").handlers) == (before, False, [])
    assert logging.getLogger("mcf_pipeline").propagate


def test_what_others_log_and_print_becomes_a_line_too(capsys):
    with log.as_json():
        logging.getLogger("mcf_pipeline.archive.store").warning("a %s", "warning")
        sys.stderr.write("half a line, ")
        sys.stderr.write("and the rest\nthe end")
    found = events(capsys.readouterr().err, messages=True)
    assert [entry["text"] for entry in found] == ["a warning", "half a line, and the rest", "the end"]
    assert found[0]["level"] == "warning"
