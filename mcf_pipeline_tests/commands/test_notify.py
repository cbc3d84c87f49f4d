"""``notify``, and what `run` and `rebuild` tell when they end; their own outcome stays what it is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from filelock import FileLock

from mcf_pipeline_tests.commands import forked
from mcf_pipeline_tests.commands.searching import places_of, texts_with
from mcf_pipeline_tests.commands.terminal import mcf, mcf_here
from mcf_pipeline_tests.notices.receiving import PASSWORD, TOKEN

NOBODY = f"json://mcf:{PASSWORD}@127.0.0.1:9/{TOKEN}"
"""An address at which nobody listens."""


def test_a_run_tells_of_its_release_by_webhook_and_mail_and_no_secret_is_left_anywhere(
    ready, small_releases, webhook, mailbox, tmp_path
):
    key = "the-api-key-0123456789"
    env = {"MCF_NOTIFY": f"{webhook.url}\n{mailbox.url}", "MCF_API_KEY": key}
    answer = forked.run(tmp_path / "said", "run", "--source", small_releases[1], "--data-dir", ready, **env)
    assert answer.code == 0, answer.err
    assert "Notice" not in answer.out + answer.err
    assert webhook.subjects == ["mcf_pipeline, SYNTHETIC: release 2021-04-08: 1 new, 2 revised"]
    assert [mail["Subject"] for mail in mailbox.mails] == webhook.subjects
    assert webhook.last == mailbox.parts()["text/plain"].splitlines()
    said = [answer.out, answer.err, json.dumps(webhook.received), str(mailbox.mails[0])]
    for secret in (PASSWORD, TOKEN, key):
        assert texts_with(secret, *said) == []
        assert places_of(secret, ready) == []


def test_a_failure_that_repeats_is_told_once_and_its_end_too(ready, first_run, webhook):
    for _ in range(3):
        answer = mcf_here("run", "--source", "/no/such.csv", "--data-dir", ready, MCF_NOTIFY=webhook.url)
        assert answer.code == 2
        assert answer.error.startswith("/no/such.csv cannot be used as a source")
    assert webhook.subjects == ["mcf_pipeline, SYNTHETIC: a run failed (exit 2)"]
    assert mcf_here("run", "--source", first_run.csv, "--data-dir", ready, MCF_NOTIFY=webhook.url).code == 0
    assert webhook.subjects[1:] == ["mcf_pipeline, SYNTHETIC: works again"]


def test_a_portal_that_does_not_answer_is_told_at_once_by_the_command_line(tmp_path, webhook):
    env = {"MCF_NOTIFY": webhook.url, "MCF_PORTAL_URL": "http://127.0.0.1:9", "MCF_LIMIT_MAX_ATTEMPTS": "1"}
    assert mcf_here("run", "--source", "portal", "--data-dir", tmp_path, **env).code == 3
    assert webhook.subjects == ["mcf_pipeline: a run failed (exit 3)"]


def test_a_notice_that_is_not_delivered_fails_no_run_and_is_made_up_by_the_next(ready, first_run, webhook):
    webhook.status = 500
    env = {"MCF_NOTIFY": webhook.url}
    assert mcf_here("run", "--source", "/no/such.csv", "--data-dir", ready, **env).code == 2
    answer = mcf_here("run", "--source", first_run.csv, "--data-dir", ready, **env)
    assert answer.code == 0
    assert "Notice: 1 json://127.0.0.1 waits for 2 notices: it answered 500; tried again next time" in answer.err
    webhook.status = 200
    assert mcf_here("run", "--source", first_run.csv, "--data-dir", ready, **env).code == 0
    assert [subject.rpartition(": ")[2] for subject in webhook.subjects] == ["a run failed (exit 2)", "works again"]


def test_a_run_that_finds_another_at_work_tells_nothing(ready, first_run, webhook, monkeypatch):
    monkeypatch.setattr("mcf_pipeline.commands.run.LOCK_TIMEOUT", 0.1)
    with FileLock(ready / "pipeline.lock"):
        answer = mcf("run", "--source", first_run.csv, "--data-dir", ready, MCF_NOTIFY=webhook.url)
    assert answer.code == 5
    assert webhook.asked == []


def test_a_bug_in_telling_changes_no_outcome(ready, first_run, webhook, monkeypatch):
    monkeypatch.setattr("mcf_pipeline.notices.telling._news", None)
    answer = mcf_here("run", "--source", first_run.csv, "--data-dir", ready, MCF_NOTIFY=webhook.url)
    assert answer.code == 0
    assert "Notice: telling failed: TypeError" in answer.err


def test_rebuild_tells_how_it_ended(tmp_path, webhook):
    assert mcf_here("rebuild", "--data-dir", tmp_path, MCF_NOTIFY=webhook.url).code == 2
    assert webhook.subjects == ["mcf_pipeline: a run failed (exit 2)"]


def test_a_test_notice_goes_to_each_address_and_says_who_accepted_it(tmp_path, webhook, mailbox):
    urls = f"{webhook.url} {mailbox.url} {NOBODY}"
    answer = mcf_here("notify", "--test", "--data-dir", tmp_path, MCF_NOTIFY=urls)
    assert answer.code == 1
    assert answer.out.splitlines() == [
        "1 json://127.0.0.1: accepted",
        "2 mailto://127.0.0.1: accepted",
        "3 json://127.0.0.1: not accepted: it cannot be reached, or did not accept the login or the address",
    ]
    assert answer.error.startswith("1 of 3 targets did not accept the test notice")
    assert webhook.subjects == [mailbox.mails[0]["Subject"]] == ["mcf_pipeline: a test"]
    assert texts_with(PASSWORD, answer.out, answer.err) == []
    assert mcf_here("notify", "--test", "--data-dir", tmp_path, MCF_NOTIFY=webhook.url).code == 0


def test_notify_sends_what_waits_and_says_when_there_is_nothing(ready, webhook):
    env = {"MCF_NOTIFY": webhook.url}
    assert mcf_here("notify", "--data-dir", ready, **env).out.startswith("Sent: mcf_pipeline, SYNTHETIC: release ")
    assert mcf_here("notify", "--data-dir", ready, **env).out == "No notice is due.\n"
    assert len(webhook.received) == 1


@pytest.mark.parametrize("options", [[], ["--test"]])
def test_without_an_address_notify_says_what_to_set(tmp_path, options):
    answer = mcf_here("notify", *options, "--data-dir", tmp_path)
    assert answer.code == 2
    assert answer.error.startswith("MCF_NOTIFY is not set")


@pytest.mark.parametrize(("notify", "loaded"), [("", []), (NOBODY, ["mcf_pipeline.notices.telling"])])
def test_what_sends_is_loaded_where_there_is_something_to_send(ready, first_run, notify, loaded):
    """Apprise not even where addresses are set and there is nothing to tell."""
    code = (
        "import sys\n"
        "from mcf_pipeline.cli import main\n"
        f"try:\n    main(['run', '--source', {str(first_run.csv)!r}, '--data-dir', {str(ready)!r}])\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "print(*({'apprise', 'mcf_pipeline.notices.telling'} & set(sys.modules)))"
    )
    env = {"MCF_NOTIFY": notify, "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env)
    assert done.stdout.splitlines()[-1].split() == loaded
    assert (ready / "notices.json").exists() == bool(notify)
